import type { Db, Millis } from '../base/index.ts';
import type { JsonObject } from '../wire/index.ts';

/** A work package and what it is elsewhere. */
export interface Mapping {
  readonly wpId: string;
  readonly system: string;
  readonly externalId: string;
  readonly externalKey: string | null;
  readonly externalUrl: string | null;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly workspace: string;
}

/** A mapping to be kept; the workspace is the binding's. */
export type NewMapping = Omit<Mapping, 'workspace'>;

/** One issue as it is kept. */
export interface KeptIssue {
  readonly id: string;
  readonly key: string | null;
  /** JSON as a snapshot shows it. */
  readonly shown: string;
  /** JSON as the tracker sent it, every byte. */
  readonly raw: string;
  /** ISO 8601 as the tracker says it, or null. */
  readonly updatedAt: string | null;
}

/** How far pulling has come. */
export interface Checkpoint {
  /** Where a pass stopped in its middle, null between passes. */
  readonly cursor: string | null;
  /** Everything that changed before is here. */
  readonly updatedSince: string | null;
  /** The newest change that the present pass has seen. */
  readonly newest: string | null;
}

const FIND = `
  SELECT binding_id FROM bindings WHERE provider = :provider AND workspace = :workspace`;
const BIND = `
  INSERT INTO bindings (provider, workspace, bound_at, taken_from)
  VALUES (:provider, :workspace, :now, :takenFrom)`;
const ISSUES = `SELECT shown FROM tracker_issues WHERE binding_id = :bindingId ORDER BY issue_id`;
const ISSUE = `
  SELECT raw FROM tracker_issues WHERE binding_id = :bindingId AND (issue_id = :name OR issue_key = :name)
  ORDER BY issue_id LIMIT 1`;
const KNOWN = `
  SELECT raw, shown FROM tracker_issues WHERE binding_id = :bindingId AND issue_id = :id`;
const KEEP_ISSUE = `
  INSERT INTO tracker_issues (binding_id, issue_id, issue_key, shown, raw, updated_at, changed_at)
  VALUES (:bindingId, :id, :key, :shown, :raw, :updatedAt, :now)
  ON CONFLICT (binding_id, issue_id) DO UPDATE SET
    issue_key = :key, shown = :shown, raw = :raw, updated_at = :updatedAt, changed_at = :now`;
const COUNTS = `
  SELECT (SELECT count(*) FROM tracker_issues WHERE binding_id = :bindingId) AS issues,
    (SELECT count(*) FROM tracker_mappings WHERE binding_id = :bindingId) AS mappings`;
const CHECKPOINT = `
  SELECT cursor, updated_since, newest FROM tracker_checkpoints WHERE binding_id = :bindingId`;
const KEEP_CHECKPOINT = `
  INSERT INTO tracker_checkpoints (binding_id, cursor, updated_since, newest)
  VALUES (:bindingId, :cursor, :updatedSince, :newest)
  ON CONFLICT (binding_id) DO UPDATE SET
    cursor = :cursor, updated_since = :updatedSince, newest = :newest`;
const MAPPINGS = `
  SELECT m.wp_id, m.system, b.workspace, m.external_id, m.external_key, m.external_url, m.created_at, m.updated_at
  FROM tracker_mappings m JOIN bindings b ON b.binding_id = m.binding_id
  WHERE m.binding_id = :bindingId ORDER BY m.wp_id, m.system`;
const CLAIMED = `
  SELECT wp_id FROM tracker_mappings
  WHERE binding_id = :bindingId AND system = :system AND external_id = :externalId AND wp_id <> :wpId`;
const KEEP_MAPPING = `
  INSERT INTO tracker_mappings (binding_id, wp_id, system, external_id, external_key, external_url,
    created_at, updated_at)
  VALUES (:bindingId, :wpId, :system, :externalId, :externalKey, :externalUrl, :createdAt, :updatedAt)
  ON CONFLICT (binding_id, wp_id, system) DO UPDATE SET external_id = :externalId,
    external_key = :externalKey, external_url = :externalUrl, updated_at = :updatedAt`;

/** The number of a binding in this store, or null when it was never used here. */
export function findBinding(
  db: Db,
  name: { readonly provider: string; readonly workspace: string },
): number | null {
  const { provider, workspace } = name;
  return db.get<{ binding_id: number }>(FIND, { provider, workspace })?.binding_id ?? null;
}

/** Writes down a binding that is not there yet. */
export function addBinding(
  db: Db,
  binding: {
    readonly provider: string;
    readonly workspace: string;
    readonly takenFrom: string | null;
    readonly now: Millis;
  },
): number {
  const { provider, workspace, takenFrom, now } = binding;
  return db.run(BIND, { provider, workspace, takenFrom, now }).rowid;
}

/** Every issue of a binding as a snapshot shows it, in the order of their ids. */
export function shownIssues(db: Db, bindingId: number): readonly string[] {
  return db.all<{ shown: string }>(ISSUES, { bindingId }).map(({ shown }) => shown);
}

/** The issue with this id or key, as the tracker sent it; null when it is not here. */
export function rawIssue(db: Db, bindingId: number, name: string): string | null {
  return db.get<{ raw: string }>(ISSUE, { bindingId, name })?.raw ?? null;
}

/** Keeps an issue as it is now, and says what that changed; the caller holds the transaction. */
export function keepIssue(
  db: Db,
  bindingId: number,
  issue: KeptIssue,
  now: Millis,
): 'created' | 'updated' | 'unchanged' {
  const known = db.get<{ raw: string; shown: string }>(KNOWN, { bindingId, id: issue.id });
  if (known?.raw === issue.raw && known.shown === issue.shown) return 'unchanged';
  db.run(KEEP_ISSUE, { bindingId, ...issue, now });
  return known === undefined ? 'created' : 'updated';
}

/** How many issues and mappings of a binding are here. */
export function countKept(
  db: Db,
  bindingId: number,
): { readonly issues: number; readonly mappings: number } {
  return db.get<{ issues: number; mappings: number }>(COUNTS, { bindingId }) ?? NOTHING;
}

const NOTHING = { issues: 0, mappings: 0 };
const BEGINNING: Checkpoint = { cursor: null, updatedSince: null, newest: null };

/** How far pulling has come; the beginning for a binding that was never pulled. */
export function readCheckpoint(db: Db, bindingId: number): Checkpoint {
  const row = db.get<{
    cursor: string | null;
    updated_since: string | null;
    newest: string | null;
  }>(CHECKPOINT, { bindingId });
  if (row === undefined) return BEGINNING;
  return { cursor: row.cursor, updatedSince: row.updated_since, newest: row.newest };
}

export function keepCheckpoint(db: Db, bindingId: number, checkpoint: Checkpoint): void {
  const { cursor, updatedSince, newest } = checkpoint;
  db.run(KEEP_CHECKPOINT, { bindingId, cursor, updatedSince, newest });
}

interface MappingRow {
  readonly wp_id: string;
  readonly system: string;
  readonly workspace: string;
  readonly external_id: string;
  readonly external_key: string | null;
  readonly external_url: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** The mappings of a binding by work package and system. */
export function readMappings(db: Db, bindingId: number): readonly Mapping[] {
  return db.all<MappingRow>(MAPPINGS, { bindingId }).map((row) => ({
    wpId: row.wp_id,
    system: row.system,
    workspace: row.workspace,
    externalId: row.external_id,
    externalKey: row.external_key,
    externalUrl: row.external_url,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }));
}

/** The work package that has this external id already, or null. */
export function claimantOf(
  db: Db,
  bindingId: number,
  mapping: Pick<Mapping, 'wpId' | 'system' | 'externalId'>,
): string | null {
  const { wpId, system, externalId } = mapping;
  const row = db.get<{ wp_id: string }>(CLAIMED, { bindingId, wpId, system, externalId });
  return row?.wp_id ?? null;
}

/** Keeps a mapping, one a work package and system; since when there is one stays as it was. */
export function keepMapping(db: Db, bindingId: number, mapping: NewMapping): void {
  db.run(KEEP_MAPPING, { bindingId, ...mapping });
}

/** A mapping under the names of the wire. */
export function mappingToWire(mapping: Mapping): JsonObject {
  return {
    wp_id: mapping.wpId,
    system: mapping.system,
    workspace: mapping.workspace,
    external_id: mapping.externalId,
    external_key: mapping.externalKey,
    external_url: mapping.externalUrl,
    created_at: mapping.createdAt,
    updated_at: mapping.updatedAt,
  };
}
