import { sha256Hex, type Db, type Millis } from '../base/index.ts';
import { canonicalJson, memberSpans } from '../wire/index.ts';
import type { Fact } from './append.ts';

/** A known id that came again: the same fact in whatever envelope, or another one. */
export type Recurrence = 'known' | 'conflict';

interface ExistingRow {
  readonly sha256: string;
  readonly occurred_at: number;
  readonly payload: Uint8Array | null;
  /** Kept in place of a payload that gc dropped. */
  readonly digest: Buffer | null;
}

const EXISTING = `
  SELECT e.sha256, e.occurred_at, p.payload, f.digest FROM events e
  LEFT JOIN event_payloads p ON p.seq = e.seq LEFT JOIN dropped_facts f ON f.seq = e.seq
  WHERE e.event_id = :eventId`;
const NOTE = `
  INSERT INTO conflicts (event_id, incoming_sha256, existing_sha256, incoming, source, noted_at)
  VALUES (:eventId, :incomingSha256, :existingSha256, :incoming, :source, :now)
  ON CONFLICT (event_id, incoming_sha256) DO NOTHING`;
const COUNT = 'SELECT count(*) AS n FROM conflicts';

/** Members that make a fact together with its time, whose spelling says nothing; whatever else stands in an envelope describes who recorded it. */
const FACT_MEMBERS = ['event_type', 'aggregate_type', 'aggregate_id', 'payload'];

/**
 * Decides what a fact with a known id is, and keeps a conflicting one beside the journal. Where nothing sound is left
 * to compare with, it is kept as well: its bytes may be a fact that nobody else has. Runs inside capture's transaction.
 */
export function recognise(db: Db, fact: Fact, now: Millis): Recurrence {
  const { envelope, bytes, sha256 } = fact.event;
  const existing = db.get<ExistingRow>(EXISTING, { eventId: envelope.eventId });
  if (existing === undefined || existing.sha256 === sha256) return 'known';
  if (isRepeated(existing, { bytes, occurredAt: envelope.occurredAt })) return 'known';
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

function isRepeated({ payload, digest, ...first }: ExistingRow, stated: Stated): boolean {
  if (payload === null) return digest?.equals(factDigest(stated)) === true;
  const isIntact = sha256Hex(payload) === first.sha256;
  return isIntact && isSameFact({ bytes: payload, occurredAt: first.occurred_at }, stated);
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
  const others = membersOf(other.bytes);
  return membersOf(one.bytes).every((a, index) => {
    const b = others[index] ?? null;
    if (a === null || b === null) return a === b;
    return Buffer.compare(a, b) === 0 || canonicalJson(a) === canonicalJson(b);
  });
}

/** 32 bytes that two accepted envelopes share exactly when they state the same (`isSameFact`). */
export function factDigest({ bytes, occurredAt }: Stated): Buffer {
  const members = membersOf(bytes).map((value) => (value === null ? '' : canonicalJson(value)));
  return Buffer.from(sha256Hex([occurredAt, ...members].join('\n')), 'hex');
}

function membersOf(bytes: Uint8Array): readonly (Uint8Array | null)[] {
  const members = memberSpans(bytes) ?? [];
  return FACT_MEMBERS.map((key) => {
    const span = members.find((member) => member.key === key)?.value;
    return span === undefined ? null : bytes.subarray(span.start, span.end);
  });
}
