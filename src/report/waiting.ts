import type { Db } from '../base/index.ts';

/** An event that some target still lacks, with the bytes it would be sent as. */
export interface WaitingEvent {
  readonly eventId: string;
  readonly type: string;
  readonly sha256: string;
  /** Null when they are gone. */
  readonly bytes: Uint8Array | null;
  /** Damaged bytes that were put in quarantine. */
  readonly isSetAside: boolean;
}

interface WaitingRow {
  readonly event_id: string;
  readonly type: string;
  readonly sha256: string;
  readonly payload: Uint8Array | null;
  readonly set_aside: number;
}

const PAGE = 1_000;

/** The first event that a permitted route has not opened; the first of all while nothing is permitted. */
const UNOPENED_FROM = `
  SELECT coalesce(min(g.next_seq), 1) AS first FROM grants t
  JOIN generations g ON g.route_id = t.route_id AND g.stream = 1 AND g.kind = 1 AND g.closed_at IS NULL`;
export const WAITING = `
  SELECT d.seq FROM generations g
  CROSS JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.state = 1
  WHERE g.stream = 1 AND g.closed_at IS NULL
  UNION
  SELECT d.seq FROM routes r
  CROSS JOIN event_deliveries d ON d.route_id = r.route_id AND d.state IN (3, 5) AND d.state = 3
  JOIN generations g ON g.gen_id = d.gen_id AND g.closed_at IS NULL
  UNION
  SELECT e.seq FROM events e WHERE e.seq >= :first AND e.eligible = 1
  ORDER BY 1 LIMIT :limit`;
const LOAD = `
  SELECT e.event_id, e.type, e.sha256, p.payload,
    EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = e.seq) AS set_aside
  FROM json_each(:seqs) wanted
  CROSS JOIN events e ON e.seq = wanted.value
  LEFT JOIN event_payloads p ON p.seq = e.seq
  ORDER BY e.seq`;

/**
 * The events that are queued or parked somewhere, or not opened yet, in capture order; at most `limit`. Payloads
 * are read a thousand at a time.
 */
export function* waitingEvents(db: Db, limit: number): Generator<WaitingEvent> {
  const first = db.get<{ first: number }>(UNOPENED_FROM)?.first ?? 1;
  const seqs = db.all<{ seq: number }>(WAITING, { first, limit }).map(({ seq }) => seq);
  for (let at = 0; at < seqs.length; at += PAGE) {
    const page = JSON.stringify(seqs.slice(at, at + PAGE));
    for (const row of db.all<WaitingRow>(LOAD, { seqs: page })) yield toEvent(row);
  }
}

function toEvent(row: WaitingRow): WaitingEvent {
  return {
    eventId: row.event_id,
    type: row.type,
    sha256: row.sha256,
    bytes: row.payload,
    isSetAside: row.set_aside === 1,
  };
}
