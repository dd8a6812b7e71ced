import { assert, type Db, type Millis } from '../base/index.ts';
import type { FailureRow } from './reading.ts';
import type { Part } from './rows.ts';
import type { Source } from './sources.ts';

/** The parts of a source, in the order of their stored numbers. */
const PARTS: readonly Part[] = ['event', 'body', 'failure'];

/** What became of a row, in the order of the stored numbers. */
const RESULTS = ['imported', 'identical', 'conflict', 'unreadable'] as const;
export type Result = (typeof RESULTS)[number];

/** One row of a source as it read: a later state of it has another hash. */
export interface RowKey {
  readonly sourceId: number;
  readonly part: Part;
  readonly rowId: number;
  readonly sha256: string;
}

/** An id that stands for two contents, both kept. */
export interface Conflict {
  readonly event_id: string;
  readonly source_digest: string;
  readonly existing_sha: string;
  readonly incoming_sha: string;
}

const ADD_SOURCE = `
  INSERT INTO import_sources (path, digest, scope, first_seen_at) VALUES (:path, :digest, :scope, :now)
  ON CONFLICT (path) DO UPDATE SET scope = coalesce(excluded.scope, scope)
  RETURNING source_id`;
const FIND_SOURCE = 'SELECT source_id FROM import_sources WHERE path = :path';
// By position: one for each row that is imported.
const ACCOUNT = `
  INSERT INTO imports (source_id, part, row_id, sha256, result, seq, enqueued_at)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
const ACCOUNTED = `
  SELECT 1 AS accounted FROM imports WHERE source_id = ? AND part = ? AND row_id = ? AND sha256 = ?`;
const NOTE_CONFLICT = `
  INSERT INTO import_conflicts (event_id, incoming_sha256, existing_sha256, incoming, existing, source_id, noted_at)
  VALUES (:eventId, :incomingSha256, :existingSha256, :incoming, :existing, :sourceId, :now)
  ON CONFLICT (event_id, incoming_sha256) DO NOTHING`;
const NOTE_UNREADABLE = `
  INSERT INTO import_unreadable (source_id, part, row_id, sha256, reason, content, noted_at)
  VALUES (:sourceId, :part, :rowId, :sha256, :reason, :content, :now) ON CONFLICT DO NOTHING`;
const NOTE_FAILURE = `
  INSERT INTO import_failures (source_id, row_id, mission_slug, target_branch, mission_type, manifest_version,
    artifact_path, sha256, reason, failures, first_failed_at, last_failed_at)
  VALUES (:sourceId, :rowId, :missionSlug, :targetBranch, :missionType, :manifestVersion,
    :artifactPath, :contentHash, :reason, :failures, :firstFailedAt, :lastFailedAt)
  ON CONFLICT (source_id, row_id) DO UPDATE SET failures = :failures, last_failed_at = :lastFailedAt`;
const OPEN_CONFLICTS = `
  SELECT c.event_id, s.digest AS source_digest, c.existing_sha256 AS existing_sha,
    c.incoming_sha256 AS incoming_sha
  FROM import_conflicts c JOIN import_sources s ON s.source_id = c.source_id
  WHERE c.resolution IS NULL ORDER BY c.event_id, c.incoming_sha256`;
const INCOMING = `
  SELECT incoming FROM import_conflicts WHERE event_id = :eventId AND incoming_sha256 = :incomingSha256`;
const COUNT_OPEN = 'SELECT count(*) AS n FROM import_conflicts WHERE resolution IS NULL';
const COUNT_OPEN_OF = `
  SELECT count(*) AS n FROM imports i JOIN import_sources s ON s.source_id = i.source_id
  JOIN import_conflicts c ON c.incoming_sha256 = i.sha256 AND c.resolution IS NULL
  WHERE s.path = :path AND i.result = 3`;
const RESOLVE = `
  UPDATE import_conflicts SET resolution = :resolution, resolved_at = :now
  WHERE event_id = :eventId AND incoming_sha256 = :incomingSha256 AND resolution IS NULL`;

/** The number of a source in a store, given on first sight. */
export function sourceIdIn(
  db: Db,
  source: Source,
  options: { readonly scope: string | null; readonly now: Millis },
): number {
  const { path, digest } = source;
  return db.get<{ source_id: number }>(ADD_SOURCE, { path, digest, ...options })?.source_id ?? 0;
}

/** The same without giving one: null when no row of the source is in this store. */
export function knownSourceId(db: Db, path: string): number | null {
  return db.get<{ source_id: number }>(FIND_SOURCE, { path })?.source_id ?? null;
}

/** Writes down what became of a row. What an earlier run wrote down stays. */
export function account(
  db: Db,
  key: RowKey,
  outcome: { readonly result: Result; readonly seq: number | null; readonly enqueuedAt: Millis },
): void {
  const { result, seq, enqueuedAt } = outcome;
  db.run(ACCOUNT, [...columnsOf(key), RESULTS.indexOf(result) + 1, seq, enqueuedAt]);
}

/** Whether a row, as it reads now, was accounted for. */
export function isAccounted(db: Db, key: RowKey): boolean {
  return db.get(ACCOUNTED, columnsOf(key)) !== undefined;
}

function columnsOf({ sourceId, part, rowId, sha256 }: RowKey): readonly (number | string)[] {
  return [sourceId, PARTS.indexOf(part) + 1, rowId, sha256];
}

/** Keeps both contents of an id. */
export function noteConflict(
  db: Db,
  conflict: {
    readonly eventId: string;
    readonly incomingSha256: string;
    readonly existingSha256: string;
    readonly incoming: Uint8Array;
    readonly existing: Uint8Array | null;
    readonly sourceId: number;
    readonly now: Millis;
  },
): void {
  db.run(NOTE_CONFLICT, { ...conflict });
}

/** Keeps a row that is nothing of ours, word for word. */
export function noteUnreadable(
  db: Db,
  key: RowKey,
  quoted: { readonly reason: string; readonly content: Uint8Array; readonly now: Millis },
): void {
  const { sourceId, rowId, sha256 } = key;
  db.run(NOTE_UNREADABLE, {
    sourceId,
    rowId,
    sha256,
    part: PARTS.indexOf(key.part) + 1,
    ...quoted,
  });
}

/** Keeps an upload that the earlier program gave up on, as history. */
export function noteFailure(db: Db, sourceId: number, row: FailureRow): void {
  const { rowId, missionSlug, targetBranch, missionType, manifestVersion, artifactPath } = row;
  const { contentHash, reason, failures, firstFailedAt, lastFailedAt } = row;
  const key = {
    missionSlug,
    targetBranch,
    missionType,
    manifestVersion,
    artifactPath,
    contentHash,
  };
  const counted = { reason, failures, firstFailedAt, lastFailedAt };
  db.run(NOTE_FAILURE, { sourceId, rowId, ...key, ...counted });
}

/** Every conflict that nobody has decided, ordered by event id. */
export function openConflicts(db: Db): readonly Conflict[] {
  return db.all<Conflict>(OPEN_CONFLICTS);
}

/** The content that a source has for the id, as it stood there. */
export function incomingOf(db: Db, conflict: Conflict): Uint8Array {
  const { event_id: eventId, incoming_sha: incomingSha256 } = conflict;
  const row = db.get<{ incoming: Uint8Array }>(INCOMING, { eventId, incomingSha256 });
  assert(row !== undefined, 'a listed conflict is there');
  return row.incoming;
}

/** How many there are. */
export function countOpenConflicts(db: Db): number {
  return db.get<{ n: number }>(COUNT_OPEN)?.n ?? 0;
}

/** How many rows of a source wait for a decision. */
export function countConflictsOf(db: Db, path: string): number {
  return db.get<{ n: number }>(COUNT_OPEN_OF, { path })?.n ?? 0;
}

/** Decides one conflict. */
export function resolveConflict(
  db: Db,
  conflict: Pick<Conflict, 'event_id' | 'incoming_sha'>,
  decision: { readonly resolution: 'keep-journal' | 'keep-source'; readonly now: Millis },
): void {
  const { event_id: eventId, incoming_sha: incomingSha256 } = conflict;
  db.run(RESOLVE, { eventId, incomingSha256, ...decision });
}
