import type { Db, Millis } from '../base/index.ts';

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

/** Whether the journal holds this id. */
export function isKnown(db: Db, eventId: string): boolean {
  return db.get(KNOWN, { eventId }) !== undefined;
}
