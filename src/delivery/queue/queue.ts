import { assert, type Db, type Millis } from '../../base/index.ts';
import type { Stream } from '../stream.ts';
import { readHeld, type Held } from './announced.ts';

/** What stands in the queue of one pass, as an operator wants to see it. */
export interface QueueFacts {
  /** Would leave with the next drain. */
  readonly ready: number;
  /** Their own last answer put them off. */
  readonly inBackoff: number;
  /** Wait for an event of the same target, by what became of it. */
  readonly waiting: readonly Held[];
  readonly maxAttempts: number;
  /** Queued items by the time since they were kept. */
  readonly ages: Readonly<Record<AgeBucket, number>>;
  /** Queued items by the number of their tries. */
  readonly attempts: Readonly<Record<AttemptBucket, number>>;
  readonly groups: readonly { readonly name: string; readonly n: number }[];
  /** The last tries that failed, newest first, of items that have not arrived since. */
  readonly failures: readonly QueueFailure[];
  /** Kept for more than a day, and the receiver still says that it never heard of them. */
  readonly neverIndexed: number;
}

export type AgeBucket = 'hour' | 'day' | 'week' | 'older';
export type AttemptBucket = 'none' | 'few' | 'many' | 'most';

export interface QueueFailure {
  readonly id: string;
  readonly mission: string | null;
  readonly isParked: boolean;
  readonly httpStatus: number | null;
  readonly category: string | null;
  readonly detail: string | null;
  /** Its tries so far. */
  readonly attempts: number;
  readonly at: Millis;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const MAX_FAILURES = 10;
/** Of the newest tries of any stream, so that the question never reads all of them. */
const LOOKED_AT = 1_000;

interface QueueRow {
  readonly n: number;
  readonly backoff: number;
  readonly most_attempts: number;
  readonly hour: number;
  readonly day: number;
  readonly week: number;
  readonly none: number;
  readonly few: number;
  readonly many: number;
}

/** Reads the queued items of a pass once; meant for a queue that is bounded. */
export function readQueue(db: Db, stream: Stream, genId: number, now: Millis): QueueFacts {
  const { deliveries, items, columns } = stream;
  const queued = `${deliveries} d INDEXED BY ${deliveries}_due JOIN ${items} i ON i.seq = d.seq
    WHERE d.gen_id = :genId AND d.state = 1`;
  const age = `(:now - ${columns.capturedAt})`;
  const { n, backoff, most_attempts, hour, day, week, none, few, many } = one(
    db.all<QueueRow>(
      `SELECT count(*) AS n, count(*) FILTER (WHERE d.due_at > :now) AS backoff,
         coalesce(max(d.attempts), 0) AS most_attempts,
         count(*) FILTER (WHERE ${age} < ${HOUR_MS}) AS hour,
         count(*) FILTER (WHERE ${age} >= ${HOUR_MS} AND ${age} < ${DAY_MS}) AS day,
         count(*) FILTER (WHERE ${age} >= ${DAY_MS} AND ${age} < ${WEEK_MS}) AS week,
         count(*) FILTER (WHERE d.attempts = 0) AS none,
         count(*) FILTER (WHERE d.attempts BETWEEN 1 AND 4) AS few,
         count(*) FILTER (WHERE d.attempts BETWEEN 5 AND 20) AS many
       FROM ${queued}`,
      { genId, now },
    ),
  );
  const waiting = readHeld(db, stream, genId);
  const blocked = waiting.reduce((sum, each) => sum + each.n, 0);
  return {
    ready: Math.max(n - backoff - blocked, 0),
    inBackoff: backoff,
    waiting,
    maxAttempts: most_attempts,
    ages: { hour, day, week, older: n - hour - day - week },
    attempts: { none, few, many, most: n - none - few - many },
    groups: db.all<{ name: string; n: number }>(
      `SELECT ${columns.group} AS name, count(*) AS n FROM ${queued} GROUP BY 1 ORDER BY n DESC, 1`,
      { genId },
    ),
    failures: readFailures(db, stream, genId),
    neverIndexed: countNeverIndexed(db, stream, { genId, before: now - DAY_MS }),
  };
}

/** A count without groups always answers one row. */
function one<T>(rows: readonly T[]): T {
  const [row] = rows;
  assert(row !== undefined, 'a count answers one row');
  return row;
}

function readFailures(db: Db, stream: Stream, genId: number): readonly QueueFailure[] {
  const { deliveries, items, columns } = stream;
  const rows = db.all<{
    id: string;
    mission: string | null;
    state: number;
    http_status: number | null;
    category: string | null;
    detail: string | null;
    attempts: number;
    attempted_at: number;
  }>(
    `SELECT ${columns.id} AS id, ${columns.mission} AS mission, d.state, a.http_status, a.category, a.detail,
       d.attempts, a.attempted_at
     FROM attempts a
     CROSS JOIN ${deliveries} d ON d.gen_id = a.gen_id AND d.seq = a.seq
     JOIN ${items} i ON i.seq = a.seq
     WHERE a.attempt_id > (SELECT max(attempt_id) FROM attempts) - :lookedAt AND a.gen_id = :genId
       AND d.state IN (1, 3)
     ORDER BY a.attempt_id DESC LIMIT :most`,
    { genId, lookedAt: LOOKED_AT, most: MAX_FAILURES },
  );
  return rows.map(({ state, http_status, attempted_at, ...row }) => ({
    ...row,
    isParked: state === 3,
    httpStatus: http_status,
    at: attempted_at,
  }));
}

function countNeverIndexed(
  db: Db,
  { deliveries, items, columns }: Stream,
  params: { readonly genId: number; readonly before: Millis },
): number {
  const row = db.get<{ n: number }>(
    `SELECT count(*) AS n FROM ${deliveries} d INDEXED BY ${deliveries}_due
     JOIN ${items} i ON i.seq = d.seq
     WHERE d.gen_id = :genId AND d.state = 1 AND d.attempts > 0 AND ${columns.capturedAt} < :before
       AND (SELECT category FROM attempts a WHERE a.gen_id = d.gen_id AND a.seq = d.seq
            ORDER BY a.attempt_id DESC LIMIT 1) = 'index_entry_not_found'`,
    params,
  );
  return row?.n ?? 0;
}
