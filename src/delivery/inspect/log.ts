import type { Db, Millis } from '../../base/index.ts';
import { DELIVERY_STATES, type DeliveryState } from '../transition.ts';
import { toRecorded, type RecordedEvent, type RecordedRow } from './recorded.ts';

/** What an event may be asked for: a state of its delivery, or that no drain has looked at it yet. */
export const LOG_STATES = [...DELIVERY_STATES, 'unopened'] as const;

export type LogState = (typeof LOG_STATES)[number];

/** Which events are meant; null asks nothing. */
export interface LogFilter {
  readonly mission: string | null;
  readonly type: string | null;
  /** Captured at or after. */
  readonly since: Millis | null;
  /** Captured before. */
  readonly until: Millis | null;
  /** In the follow generation of `routeId`, or of any route. */
  readonly state: LogState | null;
  readonly routeId: number | null;
}

/** One event with what became of it at each target. */
export interface LogEntry extends RecordedEvent {
  readonly hasPayload: boolean;
  readonly deliveries: readonly LogDelivery[];
}

/** Where an event stands at one target, in its follow generation. */
export interface LogDelivery {
  readonly targetId: string;
  readonly canonicalUrl: string;
  readonly state: DeliveryState;
  readonly reason: string | null;
}

/** A page of the log. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Where the next page begins: events below this position; null when nothing is left. */
  readonly before: number | null;
}

interface EntryRow extends RecordedRow {
  readonly has_payload: number;
}

interface DeliveryRow {
  readonly seq: number;
  readonly public_id: string;
  readonly canonical_url: string;
  readonly state: number;
  readonly reason: string | null;
}

/** Positions that one statement looks at: what is rare is searched for in steps, never in one long statement. */
const WINDOW = 10_000;

const LAST = 'SELECT max(seq) AS last FROM events';
const COLUMNS = `
  e.seq, e.event_id, e.type, e.aggregate_type, e.aggregate_id, e.mission, e.eligible, e.sha256, e.bytes,
  EXISTS (SELECT 1 FROM event_payloads p WHERE p.seq = e.seq) AS has_payload, e.occurred_at, e.captured_at`;
const PASSES = `
  SELECT gen_id FROM generations
  WHERE kind = 1 AND stream = 1 AND closed_at IS NULL AND (:routeId IS NULL OR route_id = :routeId)`;
const IN_STATE = `EXISTS (
  SELECT 1 FROM json_each(:passes) pass
  CROSS JOIN event_deliveries d ON d.gen_id = pass.value AND d.seq = e.seq WHERE d.state = :state)`;
const OPENED = `EXISTS (
  SELECT 1 FROM json_each(:passes) pass
  CROSS JOIN event_deliveries d ON d.gen_id = pass.value AND d.seq = e.seq)`;
const UNOPENED = `e.eligible = 1 AND EXISTS (
  SELECT 1 FROM json_each(:passes) pass
  CROSS JOIN generations g ON g.gen_id = pass.value WHERE g.next_seq <= e.seq)`;
const STATES_OF = `
  SELECT d.seq, t.public_id, t.canonical_url, d.state, d.reason
  FROM json_each(:seqs) wanted
  CROSS JOIN json_each(:passes) pass
  CROSS JOIN event_deliveries d ON d.gen_id = pass.value AND d.seq = wanted.value
  JOIN routes r ON r.route_id = d.route_id
  JOIN targets t ON t.target_id = r.target_id
  ORDER BY d.seq, r.route_id`;
const AFTER = `SELECT ${COLUMNS} FROM events e WHERE e.seq > :after ORDER BY e.seq LIMIT :limit`;

/**
 * The newest events that fit, newest first, below a position. With a route and no state: those that were opened there.
 * @param options.limit number of entries.
 * @param options.before null begins at the newest event.
 */
export function listEvents(
  db: Db,
  options: {
    readonly filter: LogFilter;
    readonly before: number | null;
    readonly limit: number;
  },
): LogPage {
  const { filter, limit } = options;
  const passes = passesOf(db, filter.routeId);
  const last = db.get<{ last: number | null }>(LAST)?.last ?? 0;
  let high = Math.min((options.before ?? last + 1) - 1, last);
  const rows: EntryRow[] = [];
  while (high > 0 && rows.length < limit) {
    const low = Math.max(1, high - WINDOW + 1);
    const found = windowOf(db, { filter, passes, low, high, limit: limit - rows.length });
    rows.push(...found);
    high = rows.length < limit ? low - 1 : (found.at(-1)?.seq ?? low) - 1;
  }
  return { entries: entriesOf(db, rows, passes), before: high > 0 ? high + 1 : null };
}

/** The events behind a position in the order of their capture. @param limit number of entries. */
export function listAfter(db: Db, after: number, limit: number): readonly LogEntry[] {
  return entriesOf(db, db.all<EntryRow>(AFTER, { after, limit }), passesOf(db, null));
}

interface Window {
  readonly filter: LogFilter;
  readonly passes: string;
  readonly low: number;
  readonly high: number;
  readonly limit: number;
}

function windowOf(db: Db, { filter, passes, low, high, limit }: Window): readonly EntryRow[] {
  const { mission, type, since, until } = filter;
  const params: Record<string, string | number> = { low, high, limit };
  const wanted: string[] = [];
  const ask = (condition: string, values: Readonly<Record<string, string | number>>): void => {
    wanted.push(`AND ${condition}`);
    Object.assign(params, values);
  };
  if (mission !== null) ask('e.mission = :mission', { mission });
  if (type !== null) ask('e.type = :type', { type });
  if (since !== null) ask('e.captured_at >= :since', { since });
  if (until !== null) ask('e.captured_at < :until', { until });
  const standing = standingOf(filter);
  if (standing !== null) ask(standing.condition, { ...standing.params, passes });
  return db.all<EntryRow>(
    `SELECT ${COLUMNS} FROM events e WHERE e.seq BETWEEN :low AND :high ${wanted.join(' ')}
     ORDER BY e.seq DESC LIMIT :limit`,
    params,
  );
}

function standingOf({ state, routeId }: LogFilter): {
  readonly condition: string;
  readonly params: Readonly<Record<string, number>>;
} | null {
  if (state === null) return routeId === null ? null : { condition: OPENED, params: {} };
  if (state === 'unopened') return { condition: UNOPENED, params: {} };
  return { condition: IN_STATE, params: { state: DELIVERY_STATES.indexOf(state) + 1 } };
}

function passesOf(db: Db, routeId: number | null): string {
  return JSON.stringify(
    db.all<{ gen_id: number }>(PASSES, { routeId }).map(({ gen_id: id }) => id),
  );
}

function entriesOf(db: Db, rows: readonly EntryRow[], passes: string): readonly LogEntry[] {
  const seqs = JSON.stringify(rows.map(({ seq }) => seq));
  const deliveries = new Map<number, DeliveryRow[]>();
  for (const row of db.all<DeliveryRow>(STATES_OF, { seqs, passes })) {
    const known = deliveries.get(row.seq);
    if (known === undefined) deliveries.set(row.seq, [row]);
    else known.push(row);
  }
  return rows.map((row) => toEntry(row, deliveries.get(row.seq) ?? []));
}

function toEntry(row: EntryRow, deliveries: readonly DeliveryRow[]): LogEntry {
  return {
    ...toRecorded(row),
    hasPayload: row.has_payload === 1,
    deliveries: deliveries.map((each) => ({
      targetId: each.public_id,
      canonicalUrl: each.canonical_url,
      state: DELIVERY_STATES[each.state - 1] ?? 'queued',
      reason: each.reason,
    })),
  };
}
