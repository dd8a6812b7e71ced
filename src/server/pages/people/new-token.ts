import { UserError } from '../../../base/index.ts';
import type { Here } from '../../http/here.ts';
import { PAGES } from '../../routes.ts';
import type { ProjectRow } from '../../views/read.ts';
import { type Look, nameOfProject } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { sealOf } from './acting.ts';

const DAY_MS = 86_400_000;

/** How long a token may live. */
export const LIVES = [
  { value: '30', words: '30 days', ms: 30 * DAY_MS },
  { value: '90', words: '90 days', ms: 90 * DAY_MS },
  { value: '365', words: 'a year', ms: 365 * DAY_MS },
  { value: 'never', words: 'no end', ms: null },
] as const;

/** A form of 8 KiB has room for so many. */
const MOST_PROJECTS = 60;
const MARK = 'project-';

/** The form by which a token is made. */
export function newTokenForm(c: Here, look: Look, projects: readonly ProjectRow[]): Html {
  const lives = LIVES.map(({ value, words }) => html`<option value="${value}">${words}</option>`);
  const boxes = projects
    .slice(0, MOST_PROJECTS)
    .map(
      (project) =>
        html`<label><input type="checkbox" name="${MARK}${project.id}">${nameOfProject(project)}</label>`,
    );
  const these =
    boxes.length === 0
      ? []
      : html`<label><input type="radio" name="projects" value="these">These:</label>${boxes}`;
  return html`<h2>Make a token</h2>
<form class="fields" method="post" action="${PAGES.tokens}">${sealOf(c, look)}
<label>Name, for people <input name="name" required maxlength="100" autocomplete="off"></label>
<label>It may <select name="scope"><option value="ingest">send (ingest)</option><option value="read">read</option></select></label>
<label>It ends after <select name="lives">${lives}</select></label>
<fieldset><legend>Projects</legend>
<label><input type="radio" name="projects" value="all" checked>Every project, those to come too</label>
${these}</fieldset>
<button name="act" value="create">Make it</button></form>`;
}

/** Which projects a form names. @throws UserError `usage` for none where some were to be named, and for both at once. */
export function projectsIn(choice: string, names: readonly string[]): 'all' | readonly string[] {
  const ids = names.filter((name) => name.startsWith(MARK)).map((name) => name.slice(MARK.length));
  if (choice === 'all' && ids.length === 0) return 'all';
  if (choice === 'these' && ids.length > 0) return ids;
  throw new UserError(
    'usage',
    'say whether the token is for every project or for those you choose',
    {
      remedy: 'spec-kitty receiver token create --help',
    },
  );
}
