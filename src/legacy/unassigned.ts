import { assert, type Db, type Millis } from '../base/index.ts';
import { isSameFact } from '../journal/index.ts';
import { parseEnvelope, withMember, type ParsedEnvelope, type ProjectId } from '../wire/index.ts';

/** An event that names no project, as it is kept. */
export interface Waiting {
  readonly event_id: string;
  readonly type: string;
  readonly sha256: string;
  readonly payload: Uint8Array;
}

interface KeptRow {
  readonly sha256: string;
  readonly payload: Uint8Array;
  readonly occurred_at: number;
}

const KEEP = `
  INSERT INTO unassigned_events (event_id, type, sha256, payload, occurred_at, kept_at)
  VALUES (:eventId, :type, :sha256, :payload, :occurredAt, :now) ON CONFLICT (event_id) DO NOTHING`;
const FIND = 'SELECT sha256, payload, occurred_at FROM unassigned_events WHERE event_id = :eventId';
const WAITING = `
  SELECT event_id, type, sha256, payload FROM unassigned_events WHERE project_id IS NULL ORDER BY event_id`;
const COUNT = 'SELECT count(*) AS n FROM unassigned_events WHERE project_id IS NULL';
const ASSIGN = `
  UPDATE unassigned_events SET project_id = :projectId, assigned_at = :now
  WHERE event_id = :eventId AND project_id IS NULL`;

/** Keeps an event that names no project, or says what its id stands for already. */
export function keepUnassigned(
  db: Db,
  { envelope, bytes, sha256 }: ParsedEnvelope,
  now: Millis,
): 'captured' | 'known' | 'conflict' {
  const { eventId, eventType: type, occurredAt } = envelope;
  const row = { eventId, type, sha256, payload: bytes, occurredAt, now };
  if (db.run(KEEP, row).changes === 1) return 'captured';
  const kept = findUnassigned(db, eventId);
  assert(kept !== null, 'an id that is taken is there');
  if (kept.sha256 === sha256) return 'known';
  const first = { bytes: kept.payload, occurredAt: kept.occurred_at };
  return isSameFact(first, { bytes, occurredAt }) ? 'known' : 'conflict';
}

/** The event with this id among those without a project, or null. */
export function findUnassigned(db: Db, eventId: string): KeptRow | null {
  return db.get<KeptRow>(FIND, { eventId }) ?? null;
}

/** Events that no project was given yet, by id. */
export function listWaiting(db: Db): readonly Waiting[] {
  return db.all<Waiting>(WAITING);
}

/** How many there are. */
export function countUnassigned(db: Db): number {
  return db.get<{ n: number }>(COUNT)?.n ?? 0;
}

/** Notes that an event was given to a project; it stays here as it was. */
export function markAssigned(
  db: Db,
  eventId: string,
  given: { readonly projectId: ProjectId; readonly now: Millis },
): void {
  db.run(ASSIGN, { eventId, ...given });
}

/** The event as one of a project: the same bytes with the project named in them. */
export function asOfProject(
  { payload }: Pick<Waiting, 'payload'>,
  projectId: ProjectId,
): ParsedEnvelope {
  const parsed = parseEnvelope(withMember(payload, 'project_uuid', projectId));
  assert(parsed.ok, 'a kept event stays well-formed when it names a project');
  return parsed.value;
}
