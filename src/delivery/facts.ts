import type { Db, Millis } from '../base/index.ts';
import { readCounts, recount, type StateCounts } from './counts.ts';
import { lastSeq, readFollow, type Generation } from './generations.ts';
import { readPacing, type Pacing } from './drain/pacing.ts';
import { countKinds, type KindWaiting } from './queue/kinds.ts';
import { readQueue, type QueueFacts } from './queue/queue.ts';
import type { Stream } from './stream.ts';

/** What the ledger says of one stream on one route: the other side of the conservation equation. */
export interface RouteFacts {
  readonly stream: Stream['name'];
  readonly generation: Generation;
  readonly counts: StateCounts;
  /** The same counted from the deliveries themselves; null when that was not asked for. */
  readonly recounted: StateCounts | null;
  /** Items behind the cursor that may never leave. */
  readonly ineligibleAhead: number;
  /** Position of the newest item. */
  readonly lastSeq: number;
  /** Parked and withheld deliveries by reason. */
  readonly aside: readonly {
    readonly state: 'parked' | 'withheld';
    readonly reason: string;
    readonly n: number;
  }[];
  /** When the oldest item that waits here was captured; null when nothing waits. */
  readonly oldestWaitingAt: Millis | null;
  readonly pacing: Pacing;
  /** The most frequent types of what waits; null when that was not asked for. */
  readonly kinds: readonly KindWaiting[] | null;
  /** A closer look at the queue; null for a stream whose queue has no bound. */
  readonly queue: QueueFacts | null;
}

/**
 * Reads counters and index positions only, so that the cost does not grow with the journal; of bodies also what is
 * queued. Null before the first grant.
 * @param options.now milliseconds, for what is due.
 * @param options.recount counts the deliveries one by one as well, to be compared with the counters, and what waits by type.
 */
export function readRouteFacts(
  db: Db,
  routeId: number,
  stream: Stream,
  options: { readonly now: Millis; readonly recount?: boolean },
): RouteFacts | null {
  const generation = readFollow(db, routeId, stream);
  if (generation === null) return null;
  return {
    stream: stream.name,
    generation,
    counts: readCounts(db, generation.id),
    recounted: options.recount === true ? recount(db, generation.id, stream.deliveries) : null,
    ineligibleAhead: countIneligibleAhead(db, stream, generation),
    lastSeq: lastSeq(db, stream),
    aside: readAside(db, stream, generation),
    oldestWaitingAt: oldestWaiting(db, stream, generation),
    pacing: readPacing(db, routeId, stream),
    kinds: options.recount === true ? countKinds(db, stream, generation) : null,
    queue: stream.waitsFor === null ? null : readQueue(db, stream, generation.id, options.now),
  };
}

function countIneligibleAhead(db: Db, stream: Stream, generation: Generation): number {
  const row = db.get<{ n: number }>(
    `SELECT count(*) AS n FROM ${stream.items} WHERE eligible = 0 AND seq >= :from`,
    { from: generation.nextSeq },
  );
  return row?.n ?? 0;
}

function readAside(db: Db, stream: Stream, generation: Generation): RouteFacts['aside'] {
  const rows = db.all<{ state: number; reason: string; n: number }>(
    `SELECT state, reason, count(*) AS n FROM ${stream.deliveries}
     WHERE route_id = :routeId AND state IN (3, 5) AND gen_id = :genId
     GROUP BY state, reason ORDER BY state, reason`,
    { routeId: generation.routeId, genId: generation.id },
  );
  return rows.map(({ state, reason, n }) => ({
    state: state === 3 ? 'parked' : 'withheld',
    reason,
    n,
  }));
}

const OLDEST = 'SELECT since FROM waiting_since WHERE route_id = :routeId AND stream = :stream';

function oldestWaiting(db: Db, stream: Stream, generation: Generation): Millis | null {
  const options = { routeId: generation.routeId, stream: stream.code };
  return db.get<{ since: number | null }>(OLDEST, options)?.since ?? null;
}
