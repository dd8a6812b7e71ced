import { UserError, type Db, type Millis } from '../base/index.ts';
import { OUTCOMES, type Outcome } from '../wire/index.ts';
import { moveCounts } from './counts.ts';
import { readFollow } from './generations.ts';
import type { Stream } from './stream.ts';
import { withholdHeld } from './queue/announced.ts';

/** An item that needs an operator: kept, listed with its reason, and ready to be tried again. */
export interface ParkedItem {
  readonly genId: number;
  readonly routeId: number;
  readonly stream: Stream['name'];
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly mission: string | null;
  readonly canonicalUrl: string;
  readonly targetId: string;
  /** The code of the allow-list that parked it. */
  readonly code: string;
  /** What the receiver said last. */
  readonly detail: string | null;
  readonly httpStatus: number | null;
  readonly attempts: number;
  readonly parkedAt: Millis | null;
}

/** One try that did not simply succeed. */
export interface Attempt {
  readonly outcome: Outcome;
  readonly httpStatus: number | null;
  readonly category: string | null;
  readonly detail: string | null;
  readonly at: Millis;
}

/** Which parked items are meant; an empty filter means all of them. */
export interface ParkedFilter {
  readonly ids?: readonly string[];
  readonly code?: string | null;
  readonly mission?: string | null;
  readonly routeId?: number | null;
  /** At most so many; all of them when absent. */
  readonly limit?: number;
}

/** Columns of `toParkedItem`. */
export interface ParkedRow {
  readonly gen_id: number;
  readonly route_id: number;
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly mission: string | null;
  readonly canonical_url: string;
  readonly public_id: string;
  readonly reason: string;
  readonly attempts: number;
  readonly detail: string | null;
  readonly http_status: number | null;
  readonly attempted_at: number | null;
}

const ATTEMPTS = `
  SELECT outcome, http_status, category, detail, attempted_at FROM attempts
  WHERE gen_id = :genId AND seq = :seq ORDER BY attempt_id`;
const UNGRANTED =
  'SELECT 1 AS missing WHERE NOT EXISTS (SELECT 1 FROM grants WHERE route_id = :routeId)';

/** The parked items of the open passes, in capture order per route. */
export function listParked(
  db: Db,
  stream: Stream,
  filter: ParkedFilter = {},
): readonly ParkedItem[] {
  const { columns } = stream;
  const rows = db.all<ParkedRow>(
    `SELECT d.gen_id, d.route_id, d.seq, ${columns.id} AS id,
       ${columns.type} AS type, ${columns.mission} AS mission, t.canonical_url, t.public_id, d.reason,
       d.attempts, a.detail, a.http_status, a.attempted_at
     FROM routes r
     JOIN targets t ON t.target_id = r.target_id
     CROSS JOIN ${stream.deliveries} d ON d.route_id = r.route_id AND d.state IN (3, 5) AND d.state = 3
     JOIN generations g ON g.gen_id = d.gen_id AND g.closed_at IS NULL
     JOIN ${stream.items} i ON i.seq = d.seq
     LEFT JOIN attempts a ON a.attempt_id = (
       SELECT max(attempt_id) FROM attempts WHERE gen_id = d.gen_id AND seq = d.seq)
     WHERE (:routeId IS NULL OR r.route_id = :routeId) AND (:code IS NULL OR d.reason = :code)
       AND (:mission IS NULL OR ${columns.mission} = :mission)
     ORDER BY r.route_id, d.seq LIMIT :limit`,
    {
      limit: filter.limit ?? -1,
      routeId: filter.routeId ?? null,
      code: filter.code ?? null,
      mission: filter.mission ?? null,
    },
  );
  const wanted = filter.ids === undefined ? null : new Set(filter.ids);
  return rows
    .filter((row) => wanted === null || wanted.has(row.id))
    .map((row) => toParkedItem(stream, row));
}

/** The last 50 tries of an item at one target that did not simply succeed, oldest first. */
export function attemptsOf(db: Db, genId: number, seq: number): readonly Attempt[] {
  const rows = db.all<{
    outcome: number;
    http_status: number | null;
    category: string | null;
    detail: string | null;
    attempted_at: number;
  }>(ATTEMPTS, { genId, seq });
  return rows.map((row) => ({
    outcome: OUTCOMES[row.outcome - 1] ?? 'transient',
    httpStatus: row.http_status,
    category: row.category,
    detail: row.detail,
    at: row.attempted_at,
  }));
}

/**
 * Queues parked items again, in one transaction; the next drain sends them with the same ids. An item of a checkout
 * that the grant does not cover is withheld instead, as if it were opened now: it may have been parked under an
 * earlier grant.
 * @returns those that are queued.
 * @throws UserError `no_grant` when a route of theirs has no permission to send.
 */
export function retryParked(
  db: Db,
  stream: Stream,
  items: readonly ParkedItem[],
): readonly ParkedItem[] {
  return db.tx(() =>
    items.filter((item) => {
      requireGrant(db, item);
      if (!isPresent(db, stream, item)) return false;
      if (isCovered(db, stream, item)) {
        if (!move(db, stream, item, { state: 1, reason: null })) return false;
        moveCounts(db, item.genId, { parked: -1, queued: 1 });
        return true;
      }
      if (move(db, stream, item, { state: 5, reason: 'unknown_checkout' })) {
        moveCounts(db, item.genId, { parked: -1, withheld: 1 });
      }
      return false;
    }),
  );
}

/**
 * Gives up on parked items at their targets, and on the bodies that wait there for a parked event; the facts stay in
 * the journal, and the books say so.
 * @param streams every stream: bodies wait for events.
 * @returns those that were given up: somebody else may have moved the others meanwhile.
 */
export function dropParked(
  db: Db,
  streams: readonly Stream[],
  items: readonly ParkedItem[],
): readonly ParkedItem[] {
  return giveUp(db, streams, items, 'parked');
}

/** The same for queued items (`listStuck`). One that is on its way is delivered all the same when it arrives. */
export function dropStuck(
  db: Db,
  streams: readonly Stream[],
  items: readonly ParkedItem[],
): readonly ParkedItem[] {
  return giveUp(db, streams, items, 'queued');
}

const STATE_OF = { queued: 1, parked: 3 } as const;

function giveUp(
  db: Db,
  streams: readonly Stream[],
  items: readonly ParkedItem[],
  from: keyof typeof STATE_OF,
): readonly ParkedItem[] {
  return db.tx(() =>
    items.filter((item) => {
      const stream = streams.find(({ name }) => name === item.stream);
      const to = { state: 5, reason: 'dropped', was: STATE_OF[from] };
      if (stream === undefined || !move(db, stream, item, to)) return false;
      moveCounts(db, item.genId, { [from]: -1, withheld: 1 });
      if (stream.name === 'events') dropHeld(db, streams, item);
      return true;
    }),
  );
}

function dropHeld(db: Db, streams: readonly Stream[], { routeId, seq }: ParkedItem): void {
  for (const stream of streams) {
    const genId = readFollow(db, routeId, stream)?.id;
    if (genId === undefined) continue;
    const withheld = withholdHeld(db, stream, { genId, event: seq });
    moveCounts(db, genId, { queued: -withheld, withheld });
  }
}

/** False when somebody else has moved it since it was listed. */
function move(
  db: Db,
  stream: Stream,
  item: ParkedItem,
  to: { readonly state: number; readonly reason: string | null; readonly was?: number },
): boolean {
  const moved = db.run(
    `UPDATE ${stream.deliveries} SET state = :state, reason = :reason, due_at = 0
     WHERE gen_id = :genId AND seq = :seq AND state = :was`,
    { genId: item.genId, seq: item.seq, was: STATE_OF.parked, ...to },
  );
  return moved.changes === 1;
}

function isCovered(db: Db, stream: Stream, { routeId, seq }: ParkedItem): boolean {
  const sql = `
    SELECT 1 AS covered FROM ${stream.items} i
    LEFT JOIN grant_checkouts c ON c.route_id = :routeId AND c.checkout_id = i.checkout_id
    WHERE i.seq = :seq AND (i.checkout_id IS NULL OR c.checkout_id IS NOT NULL)`;
  return db.get(sql, { routeId, seq }) !== undefined;
}

/** What was dropped by gc, or found damaged, cannot be sent again. */
function isPresent(db: Db, stream: Stream, { seq }: ParkedItem): boolean {
  const sql = `SELECT 1 AS present FROM ${stream.items} i WHERE i.seq = :seq AND ${stream.present}`;
  return db.get(sql, { seq }) !== undefined;
}

function requireGrant(db: Db, item: ParkedItem): void {
  if (db.get(UNGRANTED, { routeId: item.routeId }) === undefined) return;
  throw new UserError('no_grant', `${item.canonicalUrl} has no permission for this project`, {
    remedy: `spec-kitty sync opt-in --target ${item.targetId}`,
  });
}

/** An item as `listParked` and `listStuck` read it. */
export function toParkedItem(stream: Stream, row: ParkedRow): ParkedItem {
  return {
    genId: row.gen_id,
    routeId: row.route_id,
    stream: stream.name,
    seq: row.seq,
    id: row.id,
    type: row.type,
    mission: row.mission,
    canonicalUrl: row.canonical_url,
    targetId: row.public_id,
    code: row.reason,
    detail: row.detail,
    httpStatus: row.http_status,
    attempts: row.attempts,
    parkedAt: row.attempted_at,
  };
}
