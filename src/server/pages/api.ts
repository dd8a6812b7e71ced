import { apiDocument, describedRoutes } from '../operations/api-document.ts';
import type { Handler } from '../http/here.ts';
import { OPERATIONS } from '../routes.ts';
import { HEADERS, JSON_MEDIA_TYPE } from '../../wire/index.ts';
import { html, page } from './html.ts';

/** The version of the contract that the document describes. */
const VERSION = '1';

/** What the receiver answers, for people and for programs. The document is made once. */
export function apiHandlers(): Readonly<Record<'apiPage' | 'apiDocument', Handler>> {
  let document: string | null = null;
  return {
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
    apiDocument: (c) => {
      document ??= JSON.stringify(apiDocument(VERSION));
      return c.body(document, 200, { [HEADERS.contentType]: JSON_MEDIA_TYPE });
    },
  };
}
