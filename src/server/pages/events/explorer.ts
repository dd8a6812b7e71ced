import { parseEventId } from '../../../wire/index.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { PAGES } from '../../routes.ts';
import { eventsById } from '../../store/events.ts';
import {
  type EventFilter,
  type Found,
  lookForEvents,
  type Start,
} from '../../views/event-index.ts';
import { amount, eventPath, eventsPath, framed, type Look, lookOf, tableOf } from '../frame.ts';
import { cookieOf, formKey } from '../browser.ts';
import { goTo, html, type Html } from '../html.ts';
import { EVENT_COLUMNS, eventCells } from './cells.ts';
import { filterForm } from './form.ts';
import { filterOf, partsOf, startOf, textOf } from './filter.ts';

const ROWS = 50;

/** The events of a team, the last one first, as far as the address wants them. */
export async function eventsPage(identity: Identity, c: Here): Promise<Response> {
  const query = c.req.query();
  const wanted = (query['event'] ?? '').trim();
  const look = await lookOf(identity, c);
  if (wanted !== '') return goToEvent(c, look, wanted);
  const filter = filterOf(query);
  const start = startOf(query);
  // A form sends all its fields; the address that people pass on has what was asked for.
  if (Object.values(query).includes(''))
    return goTo(eventsPath({ ...partsOf(filter), ...startParts(start) }));
  const found = await lookForEvents(look.driver, look.team, filter, { ...start, limit: ROWS });
  const events = start.towards === 'older' ? found.events : found.events.toReversed();
  const list =
    events.length === 0
      ? html`<p class="quiet">${emptyText(found, start)}</p>`
      : tableOf(
          `${amount(events.length, 'event')}, the last one first`,
          EVENT_COLUMNS,
          events.map(eventCells),
        );
  return framed(c, look, {
    title: 'Events',
    crumbs: [],
    body: html`${await filterForm(look, filter, PAGES.events)}
${offersOf(c, filter)}
${list}
${stepsOf(filter, start, found)}`,
  });
}

function startParts({ place, towards }: Start): Readonly<Record<string, string>> {
  if (place === null) return {};
  return { [towards === 'older' ? 'before' : 'after']: textOf(place) };
}

/** Ids are unique in a project, so a team may have one in several. */
async function goToEvent(c: Here, look: Look, wanted: string): Promise<Response> {
  const id = parseEventId(wanted);
  const events = id === null ? [] : await eventsById(look.driver, look.team, id);
  const [only, another] = events;
  if (only !== undefined && another === undefined)
    return goTo(eventPath(only.projectId, only.eventId));
  const found = html`<ul>${events.map(
    ({ projectId, eventId, type }) =>
      html`<li><a href="${eventPath(projectId, eventId)}">${type}</a> of project ${projectId}</li>`,
  )}</ul>`;
  const body =
    events.length === 0 ? html`<p>No event has the id <code>${wanted}</code> here.</p>` : found;
  const crumbs = [{ name: 'Events', path: PAGES.events }];
  return framed(c, look, {
    title: 'Events with this id',
    crumbs,
    body,
    status: events.length === 0 ? 404 : 200,
  });
}

function emptyText({ isCut }: Found, { towards, place }: Start): string {
  if (isCut) return 'None of the events that were looked at is one of those.';
  if (towards === 'newer') return 'Nothing newer yet.';
  return place === null ? 'No event is one of those.' : 'Nothing older.';
}

/** What else may be done with the events that the filter wants. */
function offersOf(c: Here, filter: EventFilter): Html {
  const parts = partsOf(filter);
  const fields = Object.entries({ ...parts, form_key: formKey(cookieOf(c) ?? '') });
  const hidden = fields.map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${PAGES.eventExport}" aria-label="All of them as a file">${hidden}
<a href="${PAGES.eventTail}?${new URLSearchParams(parts).toString()}">As they arrive</a>
<button name="format" value="csv">All as CSV</button><button name="format" value="jsonl">All as JSON lines</button></form>`;
}

/** Where to go on. Every step says its place, so events that arrive meanwhile move nobody. */
function stepsOf(filter: EventFilter, start: Start, found: Found): Html {
  const parts = partsOf(filter);
  const { events, next, isCut } = found;
  const [ahead, behind] = start.towards === 'older' ? [OLDER, NEWER] : [NEWER, OLDER];
  const onward =
    next === null
      ? []
      : [step(isCut ? ahead.cut : ahead.name, { ...parts, [ahead.key]: textOf(next) })];
  const [first] = events;
  const backward =
    start.place === null || first === undefined
      ? []
      : [step(behind.name, { ...parts, [behind.key]: textOf(first) })];
  const steps = start.towards === 'older' ? [...backward, ...onward] : [...onward, ...backward];
  return html`<nav aria-label="More events"><ul class="steps">${step('Newest', parts)}${steps}</ul></nav>`;
}

const OLDER = { name: 'Older', key: 'before', cut: 'Look further back' };
const NEWER = { name: 'Newer', key: 'after', cut: 'Look further on' };

function step(name: string, parts: Readonly<Record<string, string>>): Html {
  return html`<li><a href="${eventsPath(parts)}">${name}</a></li>`;
}
