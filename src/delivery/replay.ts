import type { Db, Faults, Millis } from '../base/index.ts';
import { moveCounts, readCounts } from './counts.ts';
import {
  beginFollow,
  closePass,
  closePasses,
  isGranted,
  lastSeq,
  OPEN_PAGE,
  readFollow,
  supersedeAgain,
  toGeneration,
  type Generation,
  type GenerationRow,
} from './generations.ts';
import type { Stream } from './stream.ts';

/** Which facts are to be sent once more; null asks nothing. */
export interface ReplayFilter {
  readonly mission: string | null;
  readonly type: string | null;
  /** Captured at or after. */
  readonly since: Millis | null;
  /** Captured before. */
  readonly until: Millis | null;
}

/** What a replay would send. */
export interface ReplayPlan {
  readonly items: number;
  /** Sum of their bytes. */
  readonly bytes: number;
  readonly oldestAt: Millis | null;
  /** Chosen, and without bytes to send: gc dropped them. */
  readonly dropped: number;
  /** Chosen, and not sent because a newer item stands for them. */
  readonly superseded: number;
}

/** A replay generation that is not over, with the end of its walk. */
export interface Replay extends Generation {
  readonly toSeq: number;
  readonly filter: ReplayFilter;
}

interface ReplayRow extends GenerationRow {
  readonly to_seq: number;
  readonly mission: string | null;
  readonly type: string | null;
  readonly since_at: number | null;
  readonly until_at: number | null;
}

const OPEN = `
  SELECT g.*, r.to_seq, r.mission, r.type, r.since_at, r.until_at
  FROM generations g JOIN replays r ON r.gen_id = g.gen_id
  WHERE g.route_id = :routeId AND g.stream = :stream AND g.kind = 2 AND g.closed_at IS NULL
  ORDER BY g.gen_id`;
const CREATE = `
  INSERT INTO generations (route_id, stream, kind, number, from_seq, next_seq, opened_at)
  SELECT :routeId, :stream, 2, coalesce(max(number), 0) + 1, :from, :from, :now
  FROM generations WHERE route_id = :routeId AND stream = :stream`;
const CHOOSE = `
  INSERT INTO replays (gen_id, to_seq, mission, type, since_at, until_at)
  VALUES (:genId, :toSeq, :mission, :type, :since, :until)`;
const ADVANCE =
  'UPDATE generations SET next_seq = :next, planned = planned + :opened WHERE gen_id = :genId';
const CLOSE = 'UPDATE generations SET closed_at = :now WHERE gen_id = :genId AND closed_at IS NULL';

const chosen = ({ columns: { mission, type, capturedAt } }: Stream): string => `
  i.eligible = 1 AND (:mission IS NULL OR ${mission} = :mission) AND (:type IS NULL OR ${type} = :type)
  AND (:since IS NULL OR ${capturedAt} >= :since) AND (:until IS NULL OR ${capturedAt} < :until)
  AND (i.checkout_id IS NULL OR EXISTS (
    SELECT 1 FROM grant_checkouts c WHERE c.route_id = :routeId AND c.checkout_id = i.checkout_id))`;

/** Counts what a replay of events would send, by looking at every event once. Changes nothing. */
export function planReplay(
  db: Db,
  routeId: number,
  stream: Stream,
  filter: ReplayFilter,
): ReplayPlan {
  const row = db.get<{
    items: number | null;
    bytes: number | null;
    oldest: number | null;
    dropped: number | null;
    superseded: number | null;
  }>(
    `SELECT sum(present AND NOT superseded) AS items, sum(iif(present AND NOT superseded, bytes, 0)) AS bytes,
       min(iif(present AND NOT superseded, captured_at, NULL)) AS oldest,
       sum(NOT present) AS dropped, sum(present AND superseded) AS superseded
     FROM (
       SELECT i.bytes, ${stream.columns.capturedAt} AS captured_at, ${stream.present} AS present,
         EXISTS (SELECT 1 FROM ${stream.deliveries} s WHERE s.seq = i.seq AND s.state = 4) AS superseded
       FROM ${stream.items} i WHERE i.seq >= :from AND ${chosen(stream)})`,
    { routeId, from: coveredFrom(db, routeId, stream), ...filter },
  );
  return {
    items: row?.items ?? 0,
    bytes: row?.bytes ?? 0,
    oldestAt: row?.oldest ?? null,
    dropped: row?.dropped ?? 0,
    superseded: row?.superseded ?? 0,
  };
}

/**
 * Begins a replay of what is retained now and fits; the drain opens it page by page beside the follow generation. One
 * that was under way at this route gives way to it, unless this is a further one: one more part of the same wish.
 * @returns the number of the generation.
 */
export function openReplay(
  db: Db,
  options: {
    readonly routeId: number;
    readonly stream: Stream;
    readonly filter: ReplayFilter;
    readonly now: Millis;
    readonly isFurther?: boolean;
  },
): number {
  const { routeId, stream, filter, now, isFurther = false } = options;
  return db.tx(() => {
    const giveWay = isFurther ? [] : openReplays(db, routeId, stream);
    for (const replay of giveWay) closePass(db, stream, replay, now);
    const from = coveredFrom(db, routeId, stream);
    const genId = db.run(CREATE, { routeId, stream: stream.code, from, now }).rowid;
    db.run(CHOOSE, { genId, toSeq: lastSeq(db, stream), ...filter });
    return genId;
  });
}

/**
 * Closes the passes of all streams and begins the next ones where the permission begins; what was not delivered in them
 * is withheld there as `replaced`. The next receiver that answers is the one that is delivered to.
 * @param options.fromStart the permission reaches back to the first item from now on.
 */
export function redeliver(
  db: Db,
  options: {
    readonly routeId: number;
    readonly streams: readonly Stream[];
    readonly now: Millis;
    readonly fromStart?: boolean;
  },
): void {
  const { routeId, streams, now, fromStart = false } = options;
  db.tx(() => {
    for (const stream of streams) {
      const follow = readFollow(db, routeId, stream);
      closePasses(db, { routeId, stream, now });
      const from = fromStart ? 1 : (follow?.fromSeq ?? 1);
      beginFollow(db, { routeId, stream, from, now });
    }
  });
}

/** The replays of a route that are not over, oldest first. */
export function openReplays(db: Db, routeId: number, stream: Stream): readonly Replay[] {
  return db.all<ReplayRow>(OPEN, { routeId, stream: stream.code }).map((row) => ({
    ...toGeneration(row),
    toSeq: row.to_seq,
    filter: { mission: row.mission, type: row.type, since: row.since_at, until: row.until_at },
  }));
}

/** How many items of a route's replays wait or are parked; those not opened yet count as one. */
export function countReplaying(db: Db, routeId: number, stream: Stream): number {
  return openReplays(db, routeId, stream).reduce((sum, replay) => {
    const { queued, parked } = readCounts(db, replay.id);
    return sum + queued + parked + (replay.nextSeq <= replay.toSeq ? 1 : 0);
  }, 0);
}

/**
 * Turns the next page behind a replay's cursor into deliveries, in one transaction.
 * @returns how many positions were looked at; 0 at its end, or when nothing may leave.
 */
export function openReplayPage(db: Db, stream: Stream, genId: number, faults: Faults): number {
  return db.tx(() => {
    const replay = replayById(db, stream, genId);
    if (replay === null || !isGranted(db, replay.routeId)) return 0;
    const from = replay.nextSeq;
    const to = Math.min(replay.toSeq, from + OPEN_PAGE - 1);
    if (to < from) return 0;
    const { routeId, filter } = replay;
    const opened = db.run(
      `INSERT INTO ${stream.deliveries} (gen_id, seq, route_id, state)
       SELECT :genId, i.seq, :routeId, 1 FROM ${stream.items} i
       WHERE i.seq BETWEEN :from AND :to AND ${stream.present} AND ${chosen(stream)}`,
      { genId, routeId, from, to, ...filter },
    ).changes;
    moveCounts(db, genId, { queued: opened });
    supersedeAgain(db, stream, { genId, from, to });
    db.run(ADVANCE, { genId, next: to + 1, opened });
    faults.at('open.commit');
    return to - from + 1;
  });
}

/** Closes the replays of which nothing waits and nothing is parked any more. */
export function closeFinished(db: Db, routeId: number, stream: Stream, now: Millis): void {
  for (const { id, nextSeq, toSeq } of openReplays(db, routeId, stream)) {
    const { queued, parked } = readCounts(db, id);
    if (nextSeq > toSeq && queued + parked === 0) db.run(CLOSE, { genId: id, now });
  }
}

/** A permission from some moment on covers nothing before it. */
function coveredFrom(db: Db, routeId: number, stream: Stream): number {
  return readFollow(db, routeId, stream)?.fromSeq ?? 1;
}

function replayById(db: Db, stream: Stream, genId: number): Replay | null {
  const row = db.get<{ route_id: number }>(
    'SELECT route_id FROM generations WHERE gen_id = :genId',
    { genId },
  );
  if (row === undefined) return null;
  return openReplays(db, row.route_id, stream).find(({ id }) => id === genId) ?? null;
}
