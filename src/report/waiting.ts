import type { Db } from '../base/index.ts';
import { bodiesStream } from '../bodies/index.ts';
import { eventsStream, type Stream } from '../delivery/index.ts';
import type { OutboundItem } from '../receivers/index.ts';

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

const EVENTS_PAGE = 1_000;
const BODIES_PAGE = 32;

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
  for (const seqs of pagesOf(waitingSeqs(db, eventsStream, limit), EVENTS_PAGE)) {
    for (const row of db.all<WaitingRow>(LOAD, { seqs: JSON.stringify(seqs) })) yield toEvent(row);
  }
}

/** The same of the bodies, whose texts are read a few at a time. */
export function* waitingBodies(db: Db, limit: number): Generator<OutboundItem> {
  for (const seqs of pagesOf(waitingSeqs(db, bodiesStream, limit), BODIES_PAGE)) {
    yield* bodiesStream.load(db, seqs);
  }
}

/** The first item that a permitted route has not opened; the first of all while nothing is permitted. */
const UNOPENED_FROM = `
  SELECT coalesce(min(g.next_seq), 1) AS first FROM grants t
  JOIN generations g ON g.route_id = t.route_id AND g.stream = :stream AND g.kind = 1 AND g.closed_at IS NULL`;

function waitingSeqs(db: Db, stream: Stream, limit: number): readonly number[] {
  const { code, items, deliveries } = stream;
  const first = db.get<{ first: number }>(UNOPENED_FROM, { stream: code })?.first ?? 1;
  const sql = `
    SELECT d.seq FROM generations g
    CROSS JOIN ${deliveries} d ON d.gen_id = g.gen_id AND d.state = 1
    WHERE g.stream = :stream AND g.closed_at IS NULL
    UNION
    SELECT d.seq FROM routes r
    CROSS JOIN ${deliveries} d ON d.route_id = r.route_id AND d.state IN (3, 5) AND d.state = 3
    JOIN generations g ON g.gen_id = d.gen_id AND g.closed_at IS NULL
    UNION
    SELECT i.seq FROM ${items} i WHERE i.seq >= :first AND i.eligible = 1
    ORDER BY 1 LIMIT :limit`;
  return db.all<{ seq: number }>(sql, { stream: code, first, limit }).map(({ seq }) => seq);
}

function* pagesOf(seqs: readonly number[], size: number): Generator<readonly number[]> {
  for (let at = 0; at < seqs.length; at += size) yield seqs.slice(at, at + size);
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
