import { nameOf, requireRight } from '../../auth.ts';
import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import { toCount } from '../../http/query.ts';
import {
  type ActFilter,
  actsOfTeam,
  AUDIT_ACTIONS,
  type AuditEntry,
  type ChainEnd,
  checkChainEnd,
  remember,
} from '../../identity/audit.ts';
import type { Identity } from '../../identity/identity.ts';
import { PAGES } from '../../routes.ts';
import { framed, type Look, tableOf, text, timeOf, visitOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { beginningOf, sealOf, submissionOf, unknownAct } from './acting.ts';

const PAGE_ENTRIES = 50;
const EXPORT_ENTRIES = 10_000;
/** How far back each look checks the chain; checking all of it is for the operator. */
const CHECKED_ENTRIES = 2_000;
const MAX_ACTOR_CHARS = 300;
/** Reads the whole of it, of all teams. */
const WHOLE_AUDIT = 'spec-kitty receiver audit';

/** What was done in a team, newest first. */
export async function auditPage(identity: Identity, c: Here): Promise<Response> {
  const look = await visitOf(identity, c, 'manage');
  const filter = filterOf((name) => c.req.query(name) ?? '');
  const { driver } = identity.store;
  const found = await actsOfTeam(driver, look.team, filter, PAGE_ENTRIES + 1);
  const entries = found.slice(0, PAGE_ENTRIES);
  const last = found.length > PAGE_ENTRIES ? entries.at(-1)?.entry : undefined;
  return framed(c, look, {
    title: 'Audit',
    body: html`${beginningOf(c, look)}${chainOf(await checkChainEnd(driver, CHECKED_ENTRIES))}
${filterForm(filter)}
${entries.length === 0 ? html`<p>Nothing of this kind was done in this team${filter.before === null ? ' yet' : ' before'}.</p>` : table(entries, filter)}
${pager(filter, last ?? null)}
${entries.length === 0 ? [] : exportForm(c, look, filter)}
<p class="quiet">What concerns no team (logins, accounts, keys) is for whoever runs the receiver:
<code>${WHOLE_AUDIT}</code></p>`,
  });
}

/** The same as a table for other programs; that it was taken is noted first. */
export async function exportAudit({ store, clock }: Identity, c: Here): Promise<Response> {
  const { visitor, act, field } = await submissionOf(c);
  const { team } = requireRight(visitor, 'manage');
  if (act !== 'export') throw unknownAct();
  const filter = filterOf(field);
  const entries = await actsOfTeam(store.driver, team, filter, EXPORT_ENTRIES);
  const [newest, oldest] = [entries[0]?.entry, entries.at(-1)?.entry];
  const which = newest === undefined ? 'no entry' : `${entries.length} from ${oldest} to ${newest}`;
  const subject = `${which}${wordsOf(filter)}`;
  const about = { at: clock.now(), teamId: team, actor: nameOf(visitor), subject };
  await remember(store.driver, { ...about, action: 'audit.exported' });
  const { auditCsv } = await import('./audit-csv.ts');
  return auditCsv(entries);
}

function filterOf(field: (name: string) => string): ActFilter {
  const [what, who, before] = [field('what'), field('who').trim(), field('before')];
  const action = AUDIT_ACTIONS.find((each) => each === what);
  if ((what !== '' && action === undefined) || who.length > MAX_ACTOR_CHARS) {
    throw new HttpError(400, 'bad_request', 'the audit knows no such act');
  }
  return {
    action: action ?? null,
    actor: who === '' ? null : who,
    before: before === '' ? null : toCount(before, 'before', Number.MAX_SAFE_INTEGER),
  };
}

function wordsOf({ action, actor }: ActFilter): string {
  return `${action === null ? '' : `, ${action}`}${actor === null ? '' : `, by ${actor}`}`;
}

function chainOf({ range, isWhole, brokenAt }: ChainEnd): Html {
  if (range === null) return html`<p>The audit is empty.</p>`;
  if (brokenAt !== null) {
    return html`<p role="alert" class="alert"><strong>Entry ${String(brokenAt)} does not follow from the one before: somebody changed the
audit behind the receiver's back.</strong></p>`;
  }
  const [oldest, newest] = range.map((entry) => entry.toLocaleString('en'));
  const which = `entries ${oldest ?? ''} to ${newest ?? ''} of the receiver, all teams together`;
  return isWhole
    ? html`<p>The chain holds: ${which}, follow each from the one before.</p>`
    : html`<p>The chain holds as far as was looked: ${which}, follow each from the one before. All of it is checked by
<code>${WHOLE_AUDIT}</code></p>`;
}

function filterForm({ action, actor }: ActFilter): Html {
  const options = AUDIT_ACTIONS.map((each) =>
    each === action
      ? html`<option value="${each}" selected>${each}</option>`
      : html`<option value="${each}">${each}</option>`,
  );
  return html`<form class="filter" method="get" action="${PAGES.audit}">
<label>What was done <select name="what"><option value="">anything</option>${options}</select></label>
<label>By whom <input name="who" value="${actor ?? ''}" autocomplete="off"></label>
<button>Show</button></form>`;
}

function addressOf({ action, actor, before }: ActFilter): string {
  const query = new URLSearchParams();
  if (action !== null) query.set('what', action);
  if (actor !== null) query.set('who', actor);
  if (before !== null) query.set('before', String(before));
  return query.size === 0 ? PAGES.audit : `${PAGES.audit}?${query.toString()}`;
}

function table(entries: readonly AuditEntry[], filter: ActFilter): Html {
  const about = { ...filter, before: null };
  return tableOf(
    `What was done, newest first${wordsOf(filter)}`,
    [
      { name: 'When' },
      { name: 'By whom', kind: 'name' },
      { name: 'What was done' },
      { name: 'To what', kind: 'name' },
      { name: 'Entry', kind: 'number' },
    ],
    entries.map(({ entry, at, actor, action, subject }) => [
      timeOf(at),
      html`<a href="${addressOf({ ...about, actor })}">${actor}</a>`,
      html`<a href="${addressOf({ ...about, action })}">${action}</a>`,
      text(subject),
      text(entry),
    ]),
  );
}

function pager(filter: ActFilter, last: number | null): Html {
  const newest = html`<a href="${addressOf({ ...filter, before: null })}">Newest</a> `;
  const older =
    last === null
      ? html``
      : html`<a rel="next" href="${addressOf({ ...filter, before: last })}">Older</a>`;
  return html`<p>${filter.before === null ? [] : newest}${older}</p>`;
}

function exportForm(c: Here, look: Look, { action, actor, before }: ActFilter): Html {
  if (look.visitor.actor.kind !== 'person') return html``;
  const hidden = Object.entries({ what: action, who: actor, before: before?.toString() ?? null });
  const fields = hidden.map(([name, value]) =>
    value === null ? html`` : html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${PAGES.audit}">${sealOf(c, look)}${fields}
<button name="act" value="export">Export as CSV</button>
<span class="quiet">From here on, at most ${EXPORT_ENTRIES.toLocaleString('en')} entries. That you did is noted.</span></form>`;
}
