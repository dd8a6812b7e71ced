import type { Millis } from '../../base/index.ts';

/** What the journal says of an event, whatever became of it at any target. */
export interface RecordedEvent {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly mission: string | null;
  readonly eligible: boolean;
  readonly sha256: string;
  /** Size of its payload, dropped or not. */
  readonly bytes: number;
  readonly occurredAt: Millis;
  readonly capturedAt: Millis;
}

/** The columns of `events` that it is made of. */
export interface RecordedRow {
  readonly seq: number;
  readonly event_id: string;
  readonly type: string;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly mission: string | null;
  readonly eligible: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly occurred_at: number;
  readonly captured_at: number;
}

export function toRecorded(row: RecordedRow): RecordedEvent {
  return {
    seq: row.seq,
    id: row.event_id,
    type: row.type,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    mission: row.mission,
    eligible: row.eligible === 1,
    sha256: row.sha256,
    bytes: row.bytes,
    occurredAt: row.occurred_at,
    capturedAt: row.captured_at,
  };
}
