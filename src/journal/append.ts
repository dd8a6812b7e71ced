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
  VALUES (:eventId, :projectId, :checkoutId, :origin, :type, :family, :eligible, :aggregateType,
    :aggregateId, :mission, :coalesceKey, :sha256, :bytes, :occurredAt, :capturedAt)
  ON CONFLICT (event_id) DO NOTHING`;
const INSERT_PAYLOAD = 'INSERT INTO event_payloads (seq, payload) VALUES (:seq, :payload)';
const INSERT_PROVENANCE = `
  INSERT INTO provenance (seq, source, line, stated_project_id)
  VALUES (:seq, :source, :line, :statedProjectId)`;

/** Writes one fact at the end of the journal, unless its id is there. Runs inside capture's transaction. */
export function append(db: Db, context: AppendContext, fact: Fact): Appended {
  const { envelope, bytes, sha256 } = fact.event;
  const family = familyOf(envelope.eventType, isKnownType);
  const eligible = mayLeave(family);
  const written = db.run(INSERT_EVENT, {
    eventId: envelope.eventId,
    projectId: context.projectId,
    checkoutId: context.checkoutId,
    origin: ORIGINS.indexOf(fact.origin) + 1,
    type: envelope.eventType,
    family: FAMILIES.indexOf(family) + 1,
    eligible: eligible ? 1 : 0,
    aggregateType: envelope.aggregateType,
    aggregateId: envelope.aggregateId,
    mission: missionOf(envelope) ?? fact.source?.mission ?? null,
    coalesceKey: coalesceKey(envelope),
    sha256,
    bytes: bytes.length,
    occurredAt: envelope.occurredAt,
    capturedAt: context.now,
  });
  if (written.changes === 0) return { seq: null, eligible };
  const seq = written.rowid;
  db.run(INSERT_PAYLOAD, { seq, payload: bytes });
  if (fact.source !== null) {
    const { path, line, statedProjectId } = fact.source;
    db.run(INSERT_PROVENANCE, { seq, source: path, line, statedProjectId });
  }
  return { seq, eligible };
}

function mayLeave(family: Family): boolean {
  return family !== 'local_only';
}
