import type { Db, Millis } from '../base/index.ts';
import { isKnownType, type ParsedEnvelope, type ProjectId } from '../wire/index.ts';
import { coalesceKey, FAMILIES, familyOf, missionOf, type Family } from './families.ts';

/** How a fact came in. */
export const ORIGINS = ['emit', 'envelope', 'import', 'legacy'] as const;

export type Origin = (typeof ORIGINS)[number];

/** Where an imported fact was read. */
export interface FactSource {
  /** Path below the project root. */
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** The project the line itself named, when that was another one. */
  readonly statedProjectId: string | null;
  /** The mission whose folder the file lies in. */
  readonly mission: string | null;
}

/** One event to be recorded: its exact bytes, and where they came from. */
export interface Fact {
  readonly event: ParsedEnvelope;
  readonly origin: Origin;
  readonly source: FactSource | null;
  /** It was kept before as what never leaves, whatever is decided of its kind now. */
  readonly staysHere?: true;
}

export interface Appended {
  /** Null when the id was known already and nothing was written. */
  readonly seq: number | null;
  readonly eligible: boolean;
}

export interface AppendContext {
  readonly projectId: ProjectId;
  readonly checkoutId: number | null;
  readonly now: Millis;
}

const INSERT_EVENT = `
  INSERT INTO events (event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
    aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (event_id) DO NOTHING`;
const INSERT_PAYLOAD = 'INSERT INTO event_payloads (seq, payload) VALUES (?, ?)';
const INSERT_PROVENANCE = `
  INSERT INTO provenance (seq, source, line, stated_project_id)
  VALUES (:seq, :source, :line, :statedProjectId)`;

/**
 * Writes one fact at the end of the journal, unless its id is there. Runs inside capture's transaction.
 * @param mayTravel false keeps it here for ever, whatever its kind.
 */
export function append(db: Db, context: AppendContext, fact: Fact, mayTravel: boolean): Appended {
  const { envelope, bytes, sha256 } = fact.event;
  const family = familyOf(envelope.eventType, isKnownType);
  const eligible = mayTravel && mayLeave(family);
  // By position, in the order of the statement: naming fifteen values costs a third of the insert.
  const written = db.run(INSERT_EVENT, [
    envelope.eventId,
    context.projectId,
    context.checkoutId,
    ORIGINS.indexOf(fact.origin) + 1,
    envelope.eventType,
    FAMILIES.indexOf(family) + 1,
    eligible ? 1 : 0,
    envelope.aggregateType,
    envelope.aggregateId,
    missionOf(envelope) ?? fact.source?.mission ?? null,
    coalesceKey(envelope),
    sha256,
    bytes.length,
    envelope.occurredAt,
    context.now,
  ]);
  if (written.changes === 0) return { seq: null, eligible };
  const seq = written.rowid;
  db.run(INSERT_PAYLOAD, [seq, bytes]);
  if (fact.source !== null) {
    const { path, line, statedProjectId } = fact.source;
    db.run(INSERT_PROVENANCE, { seq, source: path, line, statedProjectId });
  }
  return { seq, eligible };
}

function mayLeave(family: Family): boolean {
  return family !== 'local_only';
}
