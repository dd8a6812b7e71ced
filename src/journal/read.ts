import type { Db, Millis } from '../base/index.ts';
import { artifactKey } from './families.ts';

/** What the journal says of itself; one side of the conservation equation. */
export interface JournalFacts {
  readonly captured: number;
  readonly ineligible: number;
  /** The highest position, 0 when empty. */
  readonly lastSeq: number;
  readonly oldestCapturedAt: Millis | null;
}

const FACTS = `
  SELECT h.captured, h.ineligible,
    (SELECT max(seq) FROM events) AS last_seq,
    (SELECT captured_at FROM events WHERE seq = (SELECT min(seq) FROM events)) AS oldest
  FROM journal_head h`;
const KNOWN = 'SELECT 1 AS known FROM events WHERE event_id = :eventId';

const FIND = `
  SELECT e.seq, e.sha256, p.payload FROM events e LEFT JOIN event_payloads p ON p.seq = e.seq
  WHERE e.event_id = :eventId`;
const FIND_INDEX = `
  SELECT e.seq FROM events e JOIN event_payloads p ON p.seq = e.seq
  WHERE e.coalesce_key = :key AND instr(p.payload, CAST(:sha256 AS BLOB)) > 0 ORDER BY e.seq LIMIT 1`;

interface FactsRow {
  readonly captured: number;
  readonly ineligible: number;
  readonly last_seq: number | null;
  readonly oldest: number | null;
}

/** Counts and ages, read without touching a payload and at the same cost for any size. */
export function readFacts(db: Db): JournalFacts {
  const row = db.get<FactsRow>(FACTS);
  return {
    captured: row?.captured ?? 0,
    ineligible: row?.ineligible ?? 0,
    lastSeq: row?.last_seq ?? 0,
    oldestCapturedAt: row?.oldest ?? null,
  };
}

/** One event as the journal keeps it; `payload` is null when gc dropped it. */
export interface KeptEvent {
  readonly seq: number;
  readonly sha256: string;
  readonly payload: Uint8Array | null;
}

/** The event with this id, or null. */
export function findEvent(db: Db, eventId: string): KeptEvent | null {
  return db.get<KeptEvent>(FIND, { eventId }) ?? null;
}

/** The position of the event that announced this content of an artifact, or null. `sha256` is that of the content. */
export function findIndexEvent(
  db: Db,
  artifact: Parameters<typeof artifactKey>[0] & { readonly sha256: string },
): number | null {
  const row = db.get<{ seq: number }>(FIND_INDEX, {
    key: artifactKey(artifact),
    sha256: artifact.sha256,
  });
  return row?.seq ?? null;
}

/** Whether the journal holds this id. */
export function isKnown(db: Db, eventId: string): boolean {
  return db.get(KNOWN, { eventId }) !== undefined;
}
