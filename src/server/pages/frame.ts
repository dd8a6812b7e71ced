import type { Millis } from '../../base/index.ts';
import { parseProjectId } from '../../wire/index.ts';
import { requireRight, type Visitor } from '../auth.ts';
import { HttpError } from '../http/errors.ts';
import type { Here } from '../http/here.ts';
import type { Identity } from '../identity/identity.ts';
import type { Right } from '../identity/rights.ts';
import { type Membership, teamsOfUser } from '../identity/teams.ts';
import { PAGES } from '../routes.ts';
import type { Driver } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { catchUp } from '../views/catch-up.ts';
import { type ProjectRow, projectRows } from '../views/read.ts';
import type { ProjectScope } from '../views/tables.ts';
import { cookieOf, formKey } from './browser.ts';
import { html, type Html, page } from './html.ts';
import { SECTIONS } from './sections.ts';

/** Somebody who looks, at what is theirs, as it is now. */
export interface Look {
  readonly visitor: Visitor;
  readonly team: TeamScope;
  /** What the visitor may look at instead. */
  readonly teams: readonly Membership[];
  readonly driver: Driver;
  readonly now: Millis;
  /** False while events wait to be folded into what the page shows. */
  readonly isCurrent: boolean;
}

/** A look at what events say. @throws HttpError 403 for who may not read. */
export async function lookOf(identity: Identity, c: Here): Promise<Look> {
  const { team } = requireRight(c.var.visitor, 'read');
  const isCurrent = await catchUp(identity.store, team);
  return { ...(await visitOf(identity, c, 'read')), isCurrent };
}

/** A look at what does not wait for events. @throws HttpError 403 for who has not the right. */
export async function visitOf({ store, clock }: Identity, c: Here, right: Right): Promise<Look> {
  const visitor = requireRight(c.var.visitor, right);
  const { team, actor } = visitor;
  const teams =
    actor.kind === 'person' ? await teamsOfUser(store.driver, actor.access.session.userId) : [];
  return { visitor, team, teams, driver: store.driver.of(team), now: clock.now(), isCurrent: true };
}

/** A project that the page's address names. @throws HttpError 404 for one that is not the team's. */
export async function projectOf(
  { team, driver }: Look,
  c: Here,
): Promise<{ readonly scope: ProjectScope; readonly project: ProjectRow }> {
  const id = parseProjectId(c.req.param('project') ?? '');
  const [project] = id === null ? [] : await projectRows(driver, team, id);
  if (project === undefined) throw new HttpError(404, 'not_found', 'nothing is here');
  return { scope: [team, project.id], project };
}

/** A step on the way to a page. */
export interface Crumb {
  readonly name: string;
  readonly path: string;
}

/** A whole page of the dashboard; `crumbs` lead to it from the overview, and the overview itself has none. */
export function framed(
  c: Here,
  look: Look,
  { title, crumbs = null, body, script, status = 200 }: Framed,
): Response {
  const behind = html`<p role="status">Events are still being folded into these views. Look again in a moment.</p>`;
  return page(title, html`${look.isCurrent ? [] : behind}${body}`, {
    ...(script === undefined ? {} : { script }),
    above: html`<header><div><a href="${PAGES.overview}">Spec Kitty receiver</a>${whoOf(c, look)}</div></header>
${sectionsOf(c, look)}
${crumbs === null ? [] : crumbsOf(crumbs)}`,
    status,
  });
}

interface Framed {
  readonly title: string;
  readonly crumbs?: readonly Crumb[] | null;
  readonly body: Html;
  readonly status?: number;
  readonly script?: string;
}

function sectionsOf(c: Here, { visitor: { rights } }: Look): Html {
  const links = SECTIONS.filter(({ right }) => rights.includes(right)).map(({ name, path }) =>
    path === c.req.path
      ? html`<li><a href="${path}" aria-current="page">${name}</a></li>`
      : html`<li><a href="${path}">${name}</a></li>`,
  );
  return html`<nav class="sections" aria-label="Sections"><ul>
${links}</ul></nav>`;
}

function crumbsOf(crumbs: readonly Crumb[]): Html {
  const steps = [{ name: 'Overview', path: PAGES.overview }, ...crumbs];
  return html`<nav class="crumbs" aria-label="Where this page is"><ol>
${steps.map(({ name, path }) => html`<li><a href="${path}">${name}</a></li>`)}</ol></nav>`;
}

function whoOf(c: Here, { visitor: { actor }, team, teams }: Look): Html {
  if (actor.kind !== 'person') return html`<span class="who quiet">This machine</span>`;
  const key = formKey(cookieOf(c) ?? '');
  const sealed = html`<input type="hidden" name="form_key" value="${key}">`;
  const options = teams.map(({ team: { id, name } }) =>
    id === team
      ? html`<option value="${id}" selected>${name}</option>`
      : html`<option value="${id}">${name}</option>`,
  );
  return html`<form class="who" method="post" action="${PAGES.team}">${sealed}<label>Team
<select name="team">${options}</select></label><button>Show</button></form>
<form method="post" action="${PAGES.logout}">${sealed}<span>${actor.access.session.email}</span><button>Log out</button></form>`;
}

export function projectPath(projectId: string): string {
  return `/projects/${projectId}`;
}

export function missionPath(projectId: string, slug: string): string {
  return `${projectPath(projectId)}/missions/${encodeURIComponent(slug)}`;
}

export function packagePath(projectId: string, slug: string, wpId: string): string {
  return `${missionPath(projectId, slug)}/packages/${encodeURIComponent(wpId)}`;
}

/** The permanent address of one event. */
export function eventPath(projectId: string, eventId: string): string {
  return `${projectPath(projectId)}/events/${encodeURIComponent(eventId)}`;
}

/** The events that are as the parts say, by the names of the address. */
export function eventsPath(parts: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parts).toString();
  return query === '' ? PAGES.events : `${PAGES.events}?${query}`;
}

export function nameOfProject({ id, name }: ProjectRow): string {
  return name ?? id;
}

/** A moment for people, exact for programs. */
export function timeOf(at: Millis | null): Html {
  if (at === null) return html`<span class="quiet">never</span>`;
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

/** `3 events`, `1 event`. */
export function amount(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? what : `${what}s`}`;
}

export interface Column {
  readonly name: string;
  readonly kind?: 'number' | 'name';
}

/** A table that is scrolled, by keyboard too, where it does not fit. */
export function tableOf(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Html[])[],
): Html {
  const cells = (row: readonly Html[]) =>
    row.map((cell, index) => html`<td class="${columns[index]?.kind ?? 'plain'}">${cell}</td>`);
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${columns.map(({ name, kind }) => html`<th scope="col" class="${kind ?? 'plain'}">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${cells(row)}</tr>
`,
  )}</tbody></table></div>`;
}

export function text(value: string | number | null): Html {
  return html`${value === null ? '' : String(value)}`;
}
