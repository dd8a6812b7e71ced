import { parseEnvelope } from '../../../wire/index.ts';
import { requireRight } from '../../auth.ts';
import { HttpError } from '../../http/errors.ts';
import { addressOf, type Here } from '../../http/here.ts';
import { answerLong, type Ending, type Outlet } from '../../http/long-answer.ts';
import type { Identity } from '../../identity/identity.ts';
import { arrivalsAfter, lastArrival } from '../../store/arrivals.ts';
import type { Driver } from '../../store/driver.ts';
import type { StoredEvent } from '../../store/events.ts';
import type { TeamScope } from '../../store/team-scope.ts';
import {
  type EventFilter,
  type IndexedEvent,
  indexedFrom,
  isWanted,
} from '../../views/event-index.ts';
import { factsOf } from '../../views/facts.ts';
import { mayStillRead } from '../browser.ts';
import { cellsOf } from './cells.ts';
import { filterOf } from './filter.ts';
import type { Desk } from './desk.ts';

/** How many events are in memory with their bytes for one stream. */
const EVENTS_AT_ONCE = 50;

/** After how many milliseconds a browser comes again. */
const RETRY_MS = 3_000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'content-security-policy': "default-src 'none'; sandbox",
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

/**
 * What arrives from now on, or from a cursor on, as server-sent events: the id of each is its place in the order of
 * arrival, from which a browser goes on by itself. The store alone says what has arrived, whichever process took it.
 */
export async function streamEvents(identity: Identity, desk: Desk, c: Here): Promise<Response> {
  const { store, clock } = identity;
  const visitor = requireRight(c.var.visitor, 'read');
  const filter = filterOf(c.req.query());
  const asked = c.req.header('last-event-id') ?? c.req.query('after') ?? '';
  const driver = store.driver.of(visitor.team);
  const last = await lastArrival(driver);
  const watch: Watch = {
    driver,
    desk,
    filter,
    team: visitor.team,
    // A number that no event has yet is of another time of this store.
    after: asked === '' ? last : Math.min(cursorIn(asked), last),
    mayStill: () => mayStillRead(store, c, { visitor, now: clock.now() }),
  };
  const leave = desk.streams.take(addressOf(c), visitor.team);
  return answerLong(c, desk, { headers: HEADERS, write: (outlet) => follow(watch, outlet), leave });
}

interface Watch {
  readonly driver: Driver;
  readonly desk: Desk;
  readonly filter: EventFilter;
  readonly team: TeamScope;
  readonly after: number;
  /** Whether the reader may go on reading. */
  readonly mayStill: () => Promise<boolean>;
}

function cursorIn(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpError(400, 'bad_request', 'an event id of this stream is a number');
}

async function follow(watch: Watch, { write, signal }: Outlet): Promise<Ending> {
  const { driver, desk, filter, team } = watch;
  const { clock, patience } = desk;
  const where = { team, projectId: filter.project, limit: EVENTS_AT_ONCE };
  let after = watch.after;
  let beatAt = clock.monotonic();
  let isHeard = await write(`retry: ${RETRY_MS}\n\n`);
  while (isHeard && !signal.aborted) {
    if (clock.monotonic() - beatAt >= patience.heartbeatMs) {
      beatAt = clock.monotonic();
      if (!(await watch.mayStill())) return 'whole';
      // An id without data tells how far this is, also where nothing is wanted.
      isHeard = await write(`: here\nid: ${after}\n\n`);
    }
    const from = after;
    const { upTo, isLast, lines } = await desk.reads.join(team)(async () => {
      const page = await arrivalsAfter(driver, where, from);
      return { ...page, lines: page.events.flatMap((event) => messageOf(filter, event)) };
    });
    if (lines.length > 0) isHeard = await write(lines.join(''));
    after = upTo;
    if (isLast) await clock.sleep(patience.pollMs, signal);
  }
  return 'whole';
}

function messageOf(filter: EventFilter, event: StoredEvent): readonly string[] {
  const indexed = indexedOf(event);
  if (!isWanted(filter, indexed)) return [];
  return [`id: ${event.cursor}\ndata: ${JSON.stringify(cellsOf(indexed))}\n\n`];
}

/** A stored event as people look for it, before any view knows it. */
export function indexedOf(event: StoredEvent): IndexedEvent {
  const parsed = parseEnvelope(event.bytes);
  return indexedFrom(event.projectId, factsOf(event, parsed.ok ? parsed.value.envelope : null));
}
