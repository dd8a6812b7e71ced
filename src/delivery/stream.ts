import type { Db } from '../base/index.ts';
import type { OutboundItem, StreamName } from '../receivers/index.ts';

/** A queued item before its bytes are read. */
export interface DueItem {
  readonly seq: number;
  /** Bytes it will add to a request. */
  readonly bytes: number;
}

/**
 * What the ledger needs to know of a stream: a value of constant table names and one loader, so that the rooms
 * that own bodies and snapshots can hand in theirs.
 */
export interface Stream {
  readonly name: StreamName;
  /** The stored number. */
  readonly code: number;
  readonly items: string;
  readonly deliveries: string;
  /** SQL condition: item `i` still has the bytes to send. */
  readonly present: string;
  /** Whether a newer item of the same key stands for an older one that was never sent. */
  readonly coalesces: boolean;
  /** Reads the bytes of the given items, in the order of `seqs`. */
  load(db: Db, seqs: readonly number[]): readonly OutboundItem[];
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

/** The events of the journal. */
export const eventsStream: Stream = {
  name: 'events',
  code: 1,
  items: 'events',
  deliveries: 'event_deliveries',
  present: `EXISTS (SELECT 1 FROM event_payloads p WHERE p.seq = i.seq)
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = i.seq)`,
  coalesces: true,
  load: (db, seqs) =>
    db.all<EventRow>(LOAD_EVENTS, { seqs: JSON.stringify(seqs) }).map((row) => ({
      seq: row.seq,
      id: row.event_id,
      sha256: row.sha256,
      bytes: row.payload,
    })),
};
