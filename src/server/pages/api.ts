import { apiDocument, describedRoutes } from '../operations/api-document.ts';
import type { Handler } from '../http/here.ts';
import { OPERATIONS } from '../routes.ts';
import { html, page } from './html.ts';

/** The version of the contract that the document describes. */
const VERSION = '1';

/** What the receiver answers, for people and for programs. */
export const apiHandlers: Readonly<Record<'apiPage' | 'apiDocument', Handler>> = {
  apiPage: () => {
    const rows = describedRoutes().map(
      ({ method, path, gate, what }) =>
        html`<dt><b>${method}</b> ${path}</dt><dd>${what} (${gate})</dd>`,
    );
    return page(
      'Interface',
      html`<p>As <a href="${OPERATIONS.apiDocument}">OpenAPI 3.1</a>, with the schema of every event.</p><dl>${rows}</dl>`,
    );
  },
  apiDocument: (c) => c.json(apiDocument(VERSION)),
};
