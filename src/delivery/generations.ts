import type { Db, Faults, Millis } from '../base/index.ts';
import { moveCounts } from './counts.ts';
import { settleFromEarlier } from './earlier.ts';
import { reachOf } from './queue/announced.ts';
import { eventsStream, type Stream } from './stream.ts';

/** One pass over a stream's items for a route; the cursor is `nextSeq`. */
export interface Generation {
  readonly id: number;
  readonly routeId: number;
  readonly kind: 'follow' | 'replay';
  readonly number: number;
  readonly fromSeq: number;
  readonly nextSeq: number;
  readonly skippedIneligible: number;
  readonly skippedDropped: number;
  readonly planned: number;
  /** The receiver instance that was delivered to; null before the first answer. */
  readonly instanceId: string | null;
}

/** A row of `generations`. */
export interface GenerationRow {
  readonly gen_id: number;
  readonly route_id: number;
  readonly kind: number;
  readonly number: number;
  readonly from_seq: number;
  readonly next_seq: number;
  readonly skipped_ineligible: number;
  readonly skipped_dropped: number;
  readonly planned: number;
  readonly instance_id: string | null;
}

/** Items opened in one transaction. */
export const OPEN_PAGE = 5_000;

const FOLLOW = `
  SELECT * FROM generations WHERE route_id = :routeId AND stream = :stream AND kind = 1 AND closed_at IS NULL`;
const OPEN_PASSES = `
  SELECT gen_id AS id, route_id AS routeId FROM generations
  WHERE route_id = :routeId AND stream = :stream AND closed_at IS NULL`;
const CLOSE = 'UPDATE generations SET closed_at = :now WHERE gen_id = :genId';
const CREATE = `
  INSERT INTO generations (route_id, stream, kind, number, from_seq, next_seq, opened_at)
  SELECT :routeId, :stream, 1, coalesce(max(number), 0) + 1, :from, :from, :now
  FROM generations WHERE route_id = :routeId AND stream = :stream`;
const ADVANCE = `
  UPDATE generations SET next_seq = :next, skipped_ineligible = skipped_ineligible + :ineligible,
    skipped_dropped = skipped_dropped + :dropped
  WHERE gen_id = :genId`;
const SENT = 'SELECT max(sent_seq) AS sent FROM generations WHERE stream = :stream';
const ACCEPT = `
  UPDATE generations SET instance_id = (
    SELECT t.server_instance_id FROM targets t JOIN routes r ON r.target_id = t.target_id
    WHERE r.route_id = generations.route_id)
  WHERE route_id = :routeId AND closed_at IS NULL`;
const GRANTED = 'SELECT 1 AS granted FROM grants WHERE route_id = :routeId';
const SET_INSTANCE = `
  UPDATE generations SET instance_id = :instanceId WHERE gen_id = :genId AND instance_id IS NULL`;

/** The open follow generation of a route and stream, or null before the first grant. */
export function readFollow(db: Db, routeId: number, stream: Stream): Generation | null {
  const row = db.get<GenerationRow>(FOLLOW, { routeId, stream: stream.code });
  return row === undefined ? null : toGeneration(row);
}

/** Makes sure a route follows a stream; `fromNow` begins a new pass behind the last item there is. */
export function openFollow(
  db: Db,
  options: {
    readonly routeId: number;
    readonly stream: Stream;
    readonly fromNow: boolean;
    readonly now: Millis;
  },
): void {
  const { routeId, stream, fromNow, now } = options;
  const existing = readFollow(db, routeId, stream);
  if (existing !== null) {
    if (!fromNow) return;
    closePasses(db, { routeId, stream, now });
  }
  beginFollow(db, { routeId, stream, from: fromNow ? lastSeq(db, stream) + 1 : 1, now });
}

/** Opens the next follow generation of a route and stream at position `from`; there may be no other. */
export function beginFollow(
  db: Db,
  options: {
    readonly routeId: number;
    readonly stream: Stream;
    readonly from: number;
    readonly now: Millis;
  },
): void {
  const { routeId, stream, from, now } = options;
  db.run(CREATE, { routeId, stream: stream.code, from, now });
}

/** Ends every pass of a route and stream before its time, replays as well: they reach behind the new beginning. */
export function closePasses(
  db: Db,
  options: { readonly routeId: number; readonly stream: Stream; readonly now: Millis },
): void {
  const { routeId, stream, now } = options;
  const passes = db.all<PassKey>(OPEN_PASSES, { routeId, stream: stream.code });
  for (const pass of passes) closePass(db, stream, pass, now);
}

type PassKey = Pick<Generation, 'id' | 'routeId'>;

/**
 * Ends a pass before its time. What still waits or is parked in it is withheld there: nobody sends in a pass that is
 * over, and nothing lists what is parked in it.
 */
export function closePass(db: Db, stream: Stream, { id, routeId }: PassKey, now: Millis): void {
  const place = { genId: id, routeId };
  const queued = db.run(
    `UPDATE ${stream.deliveries} SET state = 5, reason = 'replaced'
     WHERE live_route = :routeId AND gen_id = :genId`,
    place,
  ).changes;
  const parked = db.run(
    `UPDATE ${stream.deliveries} SET state = 5, reason = 'replaced'
     WHERE route_id = :routeId AND state IN (3, 5) AND state = 3 AND +gen_id = :genId`,
    place,
  ).changes;
  moveCounts(db, id, { queued: -queued, parked: -parked, withheld: queued + parked });
  db.run(CLOSE, { genId: id, now });
}

/** Whether anything may leave on a route: the row is the permission. */
export function isGranted(db: Db, routeId: number): boolean {
  return db.get(GRANTED, { routeId }) !== undefined;
}

/** Remembers which instance of the receiver this generation delivers to; only the first one counts. */
export function setInstance(db: Db, genId: number, instanceId: string): void {
  db.run(SET_INSTANCE, { genId, instanceId });
}

/** Takes the instance that answered last for the one that was delivered to, on every open pass of a route. */
export function acceptInstance(db: Db, routeId: number): void {
  db.run(ACCEPT, { routeId });
}

/**
 * Turns the items behind the cursor into deliveries, one page a transaction: queued where the grant covers their
 * checkout, withheld where not; what may never leave or has no payload is skipped and counted. An older item of
 * the same key is superseded when no batch at any target ever held it and no body waits for it. An item that waits
 * for an event is looked at behind that event alone.
 * @returns how many items were looked at; 0 when nothing is new, or nothing may leave.
 */
export function open(
  db: Db,
  options: { readonly routeId: number; readonly stream: Stream; readonly faults: Faults },
): number {
  const { routeId, stream, faults } = options;
  return db.tx(() => {
    const generation = readFollow(db, routeId, stream);
    if (generation === null || !isGranted(db, routeId)) return 0;
    const from = generation.nextSeq;
    const last = Math.min(lastSeq(db, stream), from + OPEN_PAGE - 1);
    if (last < from) return 0;
    const { to, isSendable, eventGen } = reachOf(db, stream, { routeId, from, to: last });
    if (to < from) return 0;
    const page = { genId: generation.id, routeId, from, to };
    const opened = db.run(openSql(stream, isSendable), { ...page, eventGen }).changes;
    const withheld = opened === 0 ? 0 : countWithheld(db, stream, page);
    const ineligible = countIneligible(db, stream, page);
    moveCounts(db, generation.id, { queued: opened - withheld, withheld });
    if (stream.code === eventsStream.code) settleFromEarlier(db, page);
    supersedeAgain(db, stream, page);
    const superseded = stream.coalesces ? supersede(db, stream, page) : 0;
    moveCounts(db, generation.id, { superseded, queued: -superseded });
    const looked = to - from + 1;
    const dropped = looked - ineligible - opened;
    db.run(ADVANCE, { genId: generation.id, next: to + 1, ineligible, dropped });
    faults.at('open.commit');
    return looked;
  });
}

interface Page {
  readonly genId: number;
  readonly routeId: number;
  readonly from: number;
  readonly to: number;
}

function openSql(stream: Stream, isSendable: string): string {
  return `
    INSERT INTO ${stream.deliveries} (gen_id, seq, route_id, state, reason, attempts)
    SELECT :genId, i.seq, :routeId,
      iif(i.checkout_id IS NULL OR c.checkout_id IS NOT NULL, 1, 5),
      iif(i.checkout_id IS NULL OR c.checkout_id IS NOT NULL, NULL, 'unknown_checkout'),
      ${stream.columns.attempts}
    FROM ${stream.items} i
    LEFT JOIN grant_checkouts c ON c.route_id = :routeId AND c.checkout_id = i.checkout_id
    WHERE i.seq BETWEEN :from AND :to AND i.eligible = 1
      AND ${stream.present} AND ${isSendable}`;
}

function countWithheld(db: Db, stream: Stream, page: Page): number {
  const { genId, from, to } = page;
  return count(
    db,
    `SELECT count(*) AS n FROM ${stream.deliveries}
     WHERE gen_id = :genId AND seq BETWEEN :from AND :to AND state = 5`,
    { genId, from, to },
  );
}

function countIneligible(db: Db, stream: Stream, page: Page): number {
  const { from, to } = page;
  return count(
    db,
    `SELECT count(*) AS n FROM ${stream.items} WHERE eligible = 0 AND seq BETWEEN :from AND :to`,
    { from, to },
  );
}

/**
 * Newer items of a key stand for older ones that are still queued here and never left for anywhere. Only within a
 * checkout: then whoever is permitted the older one is permitted the newer one, too.
 */
function supersede(db: Db, stream: Stream, page: Page): number {
  const sent = db.get<{ sent: number | null }>(SENT, { stream: stream.code })?.sent ?? 0;
  const { genId, from, to } = page;
  const latest = db.all<{ key: string; checkout: number | null; seq: number }>(
    `SELECT i.coalesce_key AS key, i.checkout_id AS checkout, max(i.seq) AS seq FROM ${stream.items} i
     JOIN ${stream.deliveries} d ON d.gen_id = :genId AND d.seq = i.seq AND d.state = 1
     WHERE i.seq BETWEEN :from AND :to AND i.coalesce_key IS NOT NULL
     GROUP BY i.coalesce_key, i.checkout_id`,
    { genId, from, to },
  );
  let superseded = 0;
  for (const { key, checkout, seq } of latest) {
    superseded += db.run(
      `UPDATE ${stream.deliveries} SET state = 4, reason = 'by ' || CAST(:seq AS INTEGER)
       WHERE gen_id = :genId AND state = 1 AND attempts = 0 AND seq IN (
         SELECT i.seq FROM ${stream.items} i
         WHERE i.coalesce_key = :key AND i.checkout_id IS :checkout AND i.seq > :sent AND i.seq < :seq
           AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.index_seq = i.seq))`,
      { genId, key, checkout, seq, sent },
    ).changes;
  }
  return superseded;
}

/**
 * An item that a newer one stands for at any target is sent nowhere any more, so that every target receives the same
 * ids. Looks at the queued items between two positions of a generation and moves the counts.
 * @returns how many items that were.
 */
export function supersedeAgain(
  db: Db,
  stream: Stream,
  range: { readonly genId: number; readonly from: number; readonly to: number },
): number {
  if (!stream.coalesces) return 0;
  const superseded = db.run(
    `UPDATE ${stream.deliveries} AS d SET state = 4, reason = (
       SELECT s.reason FROM ${stream.deliveries} s WHERE s.seq = d.seq AND s.state = 4 LIMIT 1)
     WHERE d.gen_id = :genId AND d.state = 1 AND d.seq IN (
       SELECT s.seq FROM ${stream.deliveries} s WHERE s.state = 4 AND s.seq BETWEEN :from AND :to)`,
    { genId: range.genId, from: range.from, to: range.to },
  ).changes;
  moveCounts(db, range.genId, { superseded, queued: -superseded });
  return superseded;
}

function count(db: Db, sql: string, params: Readonly<Record<string, number>>): number {
  return db.get<{ n: number }>(sql, params)?.n ?? 0;
}

/** The position of the newest item of a stream, 0 when there is none. */
export function lastSeq(db: Db, stream: Stream): number {
  return db.get<{ last: number | null }>(`SELECT max(seq) AS last FROM ${stream.items}`)?.last ?? 0;
}

/** A row of `generations` as the rest of the room sees it. */
export function toGeneration(row: GenerationRow): Generation {
  return {
    id: row.gen_id,
    routeId: row.route_id,
    kind: row.kind === 1 ? 'follow' : 'replay',
    number: row.number,
    fromSeq: row.from_seq,
    nextSeq: row.next_seq,
    skippedIneligible: row.skipped_ineligible,
    skippedDropped: row.skipped_dropped,
    planned: row.planned,
    instanceId: row.instance_id,
  };
}
