import type { Db } from '../../base/index.ts';
import type { Stream } from '../stream.ts';

/** Deliveries that wait for an event of their target, by what became of that event. */
export interface Held {
  /** State of the event there: `queued`, `parked`, `withheld`; `unopened` when its turn has not come yet. */
  readonly event: string;
  /** Why it is parked or withheld, null otherwise. */
  readonly reason: string | null;
  readonly n: number;
}

const EVENT_OF = `
  generations g JOIN event_deliveries e ON e.gen_id = g.gen_id
  WHERE g.stream = 1 AND g.kind = 1 AND g.closed_at IS NULL`;
const FOLLOW_EVENTS = `
  SELECT gen_id, next_seq FROM generations
  WHERE route_id = :routeId AND stream = 1 AND kind = 1 AND closed_at IS NULL`;
const STATES = ['unopened', 'queued', 'delivered', 'parked', 'superseded', 'withheld'];

/**
 * SQL condition over delivery `d` and item `i`: whatever the item waits for has arrived at its target. Two look-ups
 * by key an item.
 */
export function isReadySql({ waitsFor }: Stream): string {
  if (waitsFor === null) return 'TRUE';
  return `(${waitsFor} IS NULL OR EXISTS (
    SELECT 1 FROM ${EVENT_OF} AND g.route_id = d.route_id AND e.seq = ${waitsFor} AND e.state = 2))`;
}

/**
 * How far a stream may be opened at a route, and what of it is skipped there. An item is looked at only behind the
 * event it waits for; where that event was itself skipped, superseded or given up the item can never be sent.
 */
export function reachOf(
  db: Db,
  stream: Stream,
  page: { readonly routeId: number; readonly from: number; readonly to: number },
): { readonly to: number; readonly isSendable: string; readonly eventGen: number } {
  const { waitsFor, items } = stream;
  const { routeId, from, to } = page;
  if (waitsFor === null) return { to, isSendable: 'TRUE', eventGen: 0 };
  const events = db.get<{ gen_id: number; next_seq: number }>(FOLLOW_EVENTS, { routeId });
  const first = db.get<{ seq: number | null }>(
    `SELECT min(i.seq) AS seq FROM ${items} i WHERE i.seq BETWEEN :from AND :to AND ${waitsFor} >= :next`,
    { from, to, next: events?.next_seq ?? 0 },
  );
  return {
    to: (first?.seq ?? to + 1) - 1,
    isSendable: `(${waitsFor} IS NULL OR EXISTS (
      SELECT 1 FROM event_deliveries e WHERE e.gen_id = :eventGen AND e.seq = ${waitsFor}
        AND e.state <> 4 AND e.reason IS NOT 'dropped'))`,
    eventGen: events?.gen_id ?? 0,
  };
}

/** What the queued items of a pass wait for that are not ready; empty for a stream that never waits. */
export function readHeld(db: Db, stream: Stream, genId: number): readonly Held[] {
  const { waitsFor, deliveries, items } = stream;
  if (waitsFor === null) return [];
  const rows = db.all<{ state: number | null; reason: string | null; n: number }>(
    `SELECT e.state, e.reason, count(*) AS n
     FROM ${deliveries} d INDEXED BY ${deliveries}_due
     JOIN ${items} i ON i.seq = d.seq
     LEFT JOIN generations g ON g.route_id = d.route_id AND g.stream = 1 AND g.kind = 1
       AND g.closed_at IS NULL
     LEFT JOIN event_deliveries e ON e.gen_id = g.gen_id AND e.seq = ${waitsFor}
     WHERE d.gen_id = :genId AND d.state = 1 AND ${waitsFor} IS NOT NULL AND e.state IS NOT 2
     GROUP BY e.state, e.reason ORDER BY e.state, e.reason`,
    { genId },
  );
  return rows.map(({ state, reason, n }) => ({ event: STATES[state ?? 0] ?? '', reason, n }));
}

/** Gives up on whatever waits at a target for an event that was given up there; returns how many items of a pass. */
export function withholdHeld(
  db: Db,
  stream: Stream,
  options: { readonly genId: number; readonly event: number },
): number {
  const { waitsFor, deliveries, items } = stream;
  if (waitsFor === null) return 0;
  return db.run(
    `UPDATE ${deliveries} SET state = 5, reason = 'dropped'
     WHERE gen_id = :genId AND state = 1 AND seq IN (
       SELECT i.seq FROM ${items} i WHERE ${waitsFor} = :event)`,
    options,
  ).changes;
}
