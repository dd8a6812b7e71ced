import type { Db, Millis } from '../base/index.ts';
import { canonicalJson, memberSpan } from '../wire/index.ts';
import type { Fact } from './append.ts';

/** A known id that came again: the same fact in whatever envelope, or another one. */
export type Recurrence = 'known' | 'conflict';

interface ExistingRow {
  readonly sha256: string;
  readonly occurred_at: number;
  readonly payload: Uint8Array | null;
}

const EXISTING = `
  SELECT e.sha256, e.occurred_at, p.payload FROM events e LEFT JOIN event_payloads p ON p.seq = e.seq
  WHERE e.event_id = :eventId`;
const NOTE = `
  INSERT INTO conflicts (event_id, incoming_sha256, existing_sha256, incoming, source, noted_at)
  VALUES (:eventId, :incomingSha256, :existingSha256, :incoming, :source, :now)
  ON CONFLICT (event_id, incoming_sha256) DO NOTHING`;
const COUNT = 'SELECT count(*) AS n FROM conflicts';

/** Members that make a fact together with its time, whose spelling says nothing; whatever else stands in an envelope describes who recorded it. */
const FACT_MEMBERS = ['event_type', 'aggregate_type', 'aggregate_id', 'payload'];

/**
 * Decides what a fact with a known id is, and keeps a conflicting one beside the journal. A fact whose first
 * payload was dropped by gc can no longer be compared and counts as known. Runs inside capture's transaction.
 */
export function recognise(db: Db, fact: Fact, now: Millis): Recurrence {
  const { envelope, bytes, sha256 } = fact.event;
  const existing = db.get<ExistingRow>(EXISTING, { eventId: envelope.eventId });
  if (existing === undefined || existing.sha256 === sha256 || existing.payload === null) {
    return 'known';
  }
  const first = { bytes: existing.payload, occurredAt: existing.occurred_at };
  if (isSameFact(first, { bytes, occurredAt: envelope.occurredAt })) return 'known';
  // What an old queue says otherwise is kept by the room that reads it, because there it can be resolved.
  if (fact.origin === 'legacy') return 'conflict';
  db.run(NOTE, {
    eventId: envelope.eventId,
    incomingSha256: sha256,
    existingSha256: existing.sha256,
    incoming: bytes,
    source: fact.source === null ? fact.origin : `${fact.source.path}:${fact.source.line}`,
    now,
  });
  return 'conflict';
}

/** How many divergent facts are kept beside the journal. */
export function countConflicts(db: Db): number {
  return db.get<{ n: number }>(COUNT)?.n ?? 0;
}

/** An envelope's bytes and the instant it names. */
export interface Stated {
  readonly bytes: Uint8Array;
  readonly occurredAt: Millis;
}

/**
 * Whether two accepted envelopes of one id state the same: type, aggregate, payload and time. Numbers compare by their
 * text, so 1.0 and 1 are two facts; key order and white space say nothing.
 */
export function isSameFact(one: Stated, other: Stated): boolean {
  if (one.occurredAt !== other.occurredAt) return false;
  return FACT_MEMBERS.every((key) => {
    const [a, b] = [memberOf(one.bytes, key), memberOf(other.bytes, key)];
    if (a === null || b === null) return a === b;
    return Buffer.compare(a, b) === 0 || canonicalJson(a) === canonicalJson(b);
  });
}

function memberOf(bytes: Uint8Array, key: string): Uint8Array | null {
  const span = memberSpan(bytes, key);
  return span === null ? null : bytes.subarray(span.start, span.end);
}
