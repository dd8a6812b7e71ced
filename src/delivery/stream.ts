import type { Db } from '../base/index.ts';
import { readFacts } from '../journal/index.ts';
import type { OutboundItem, StreamName } from '../receivers/index.ts';

/** A queued item before its bytes are read. */
export interface DueItem {
  readonly seq: number;
  /** Bytes it will add to a request. */
  readonly bytes: number;
}

/** How many items a stream has, as the room counts them that owns them. */
export interface ItemCounts {
  readonly captured: number;
  readonly ineligible: number;
}

/** SQL expressions over an item `i`. */
export interface ItemColumns {
  /** What reports and commands call it. */
  readonly id: string;
  readonly type: string;
  readonly mission: string;
  /** What a queue of many is summed up by. */
  readonly group: string;
  readonly capturedAt: string;
  /** Tries of an older queue. */
  readonly attempts: string;
}

/**
 * What the ledger needs to know of a stream: a value of constant SQL and one loader, so that the rooms that own
 * bodies and snapshots can hand in theirs.
 */
export interface Stream {
  readonly name: StreamName;
  /** The stored number. */
  readonly code: number;
  readonly items: string;
  readonly deliveries: string;
  /** SQL condition: item `i` still has the bytes to send. */
  readonly present: string;
  readonly columns: ItemColumns;
  /** Whether a newer item of the same key stands for an older one that was never sent. */
  readonly coalesces: boolean;
  /** SQL over item `i`: position of the event that must be at a target before it; null where nothing waits. */
  readonly waitsFor: string | null;
  /** How many items one batch may hold beside what the receiver allows; null for no limit of its own. */
  readonly maxBatchItems: number | null;
  /** Reads the bytes of the given items, in the order of `seqs`. */
  load(db: Db, seqs: readonly number[]): readonly OutboundItem[];
  /** The other side of the books. */
  count(db: Db): ItemCounts;
}

interface EventRow {
  readonly seq: number;
  readonly event_id: string;
  readonly sha256: string;
  readonly payload: Uint8Array;
}

const LOAD_EVENTS = `
  SELECT e.seq, e.event_id, e.sha256, p.payload
  FROM json_each(:seqs) wanted
  CROSS JOIN events e ON e.seq = wanted.value
  JOIN event_payloads p ON p.seq = e.seq
  WHERE NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = e.seq)
  ORDER BY e.seq`;

/** The events of the journal. One that a body waits for is never stood for by another. */
export const eventsStream: Stream = {
  name: 'events',
  code: 1,
  items: 'events',
  deliveries: 'event_deliveries',
  present: `EXISTS (SELECT 1 FROM event_payloads p WHERE p.seq = i.seq)
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = i.seq)`,
  columns: {
    id: 'i.event_id',
    type: 'i.type',
    mission: 'i.mission',
    group: 'i.mission',
    capturedAt: 'i.captured_at',
    attempts: '0',
  },
  coalesces: true,
  waitsFor: null,
  maxBatchItems: null,
  load: (db, seqs) =>
    db.all<EventRow>(LOAD_EVENTS, { seqs: JSON.stringify(seqs) }).map((row) => ({
      seq: row.seq,
      id: row.event_id,
      sha256: row.sha256,
      bytes: row.payload,
    })),
  count: (db) => readFacts(db),
};
