import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { PAGES } from '../../routes.ts';
import { arrivalsBefore, lastArrival } from '../../store/arrivals.ts';
import { isWanted } from '../../views/event-index.ts';
import { framed, lookOf, tableOf } from '../frame.ts';
import { goTo, html } from '../html.ts';
import { EVENT_COLUMNS, eventCells, exactTime } from './cells.ts';
import { filterOf, partsOf } from './filter.ts';
import { filterForm } from './form.ts';
import type { Desk } from './desk.ts';
import { indexedOf } from './stream.ts';
import { TAIL_SCRIPT } from './tail-script.ts';

const ROWS = 50;

/** What arrived last; with its script also what arrives from now on. */
export async function tailPage(identity: Identity, desk: Desk, c: Here): Promise<Response> {
  const query = c.req.query();
  const filter = filterOf(query);
  const parts = partsOf(filter);
  const here = addressOfTail(PAGES.eventTail, parts);
  if (Object.values(query).includes('')) return goTo(here);
  const look = await lookOf(identity, c);
  const { driver, team, now } = look;
  const last = await lastArrival(driver);
  const where = { team, projectId: filter.project, limit: ROWS };
  const events = await desk.reads.join(team)(async () =>
    (await arrivalsBefore(driver, where, last))
      .map(indexedOf)
      .filter((event) => isWanted(filter, event)),
  );
  const stream = addressOfTail(PAGES.eventStream, { ...parts, after: String(last) });
  return framed(c, look, {
    title: 'Live events',
    crumbs: [{ name: 'Events', path: addressOfTail(PAGES.events, parts) }],
    script: TAIL_SCRIPT,
    body: html`${await filterForm(look, filter, PAGES.eventTail)}
<p><button type="button" id="pause" hidden>Pause</button> <span role="status" id="state">As it was at ${exactTime(now)} UTC.</span> <a href="${here}">Look again</a></p>
<section id="live" aria-label="Events as they arrive" data-stream="${stream}">
${tableOf(`${Object.keys(parts).length === 0 ? 'The' : 'Wanted ones of the'} last ${ROWS} arrivals, the last one first`, EVENT_COLUMNS, events.map(eventCells))}
</section>`,
  });
}

function addressOfTail(path: string, parts: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parts).toString();
  return query === '' ? path : `${path}?${query}`;
}
