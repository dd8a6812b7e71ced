import type { Millis } from '../../base/index.ts';
import {
  type ArtifactVersion,
  type NamespaceEntry,
  type Scope,
  toVersion,
  type VersionRow,
} from '../store/artifacts.ts';
import type { Sql } from '../store/driver.ts';
import type { ProjectScope } from './tables.ts';

/** How much one page shows of what has no end. */
export const MOST_NAMESPACES = 20;
export const MOST_VERSIONS = 200;
/** Paths of a namespace that a text's links are looked up in. */
const MOST_PATHS = 2_000;

const NAMESPACES = `
  SELECT namespace_id AS id, mission_slug, target_branch, mission_type, manifest_version FROM namespaces
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND ($4 = '' OR namespace_id = $4)
  ORDER BY target_branch, mission_type, manifest_version LIMIT $5`;

/** The namespaces of a mission by their names; or the one with this id. */
export async function namespacesOfMission(
  sql: Sql,
  scope: ProjectScope,
  slug: string,
  namespaceId = '',
): Promise<readonly NamespaceEntry[]> {
  type Row = {
    readonly id: string;
    readonly mission_slug: string;
    readonly target_branch: string;
    readonly mission_type: string;
    readonly manifest_version: string;
  };
  const rows = await sql.all<Row>(NAMESPACES, [...scope, slug, namespaceId, MOST_NAMESPACES]);
  return rows.map((row) => ({
    id: row.id,
    missionSlug: row.mission_slug,
    targetBranch: row.target_branch,
    missionType: row.mission_type,
    manifestVersion: row.manifest_version,
  }));
}

/** What is known of an artifact as it is now. */
export interface ArtifactRow {
  readonly path: string;
  readonly artifactClass: string;
  /** Of its present text; null when it was deleted. */
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
  /** When the event happened that says so. */
  readonly occurredAt: Millis;
  /** How many texts it had. */
  readonly versions: number;
  /** When the present text arrived; null as long as it has not. */
  readonly storedAt: Millis | null;
}

const OF_VERSIONS = `FROM artifact_versions v WHERE v.team_id = a.team_id AND v.project_id = a.project_id
      AND v.namespace_id = a.namespace_id AND v.path = a.path`;

const ARTIFACTS = `
  SELECT a.path, a.artifact_class, a.sha256, a.size_bytes, a.occurred_at,
    (SELECT count(*) ${OF_VERSIONS}) AS versions,
    (SELECT stored_at ${OF_VERSIONS} AND v.sha256 = a.sha256) AS stored_at
  FROM artifacts a WHERE a.team_id = $1 AND a.project_id = $2 AND a.namespace_id = $3`;
const PAGE = `${ARTIFACTS} AND a.path > $4 ORDER BY a.path LIMIT $5`;
const ONE = `${ARTIFACTS} AND a.path = $4`;

interface Found {
  readonly path: string;
  readonly artifact_class: string;
  readonly sha256: string | null;
  readonly size_bytes: number | null;
  readonly occurred_at: number;
  readonly versions: number;
  readonly stored_at: number | null;
}

/** Artifacts of a namespace in the order of their paths, from behind `after` on. */
export async function artifactRows(
  sql: Sql,
  scope: Scope,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly ArtifactRow[]> {
  return (await sql.all<Found>(PAGE, [...scope, after, limit])).map(toArtifact);
}

/** One artifact; null when no event speaks of it. */
export async function artifactRow(
  sql: Sql,
  scope: Scope,
  path: string,
): Promise<ArtifactRow | null> {
  const [row] = await sql.all<Found>(ONE, [...scope, path]);
  return row === undefined ? null : toArtifact(row);
}

function toArtifact(row: Found): ArtifactRow {
  return {
    path: row.path,
    artifactClass: row.artifact_class,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    occurredAt: row.occurred_at,
    versions: row.versions,
    storedAt: row.stored_at,
  };
}

const VERSIONS = `
  SELECT sha256, size_bytes, indexed_at, stored_at FROM artifact_versions
  WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3 AND path = $4`;
const LAST_VERSIONS = `${VERSIONS} ORDER BY indexed_at DESC, sha256 LIMIT $5`;
const VERSION = `${VERSIONS} AND sha256 = $5`;

/** The last texts of an artifact, the last one first. */
export async function versionRows(
  sql: Sql,
  scope: Scope,
  path: string,
): Promise<readonly ArtifactVersion[]> {
  return (await sql.all<VersionRow>(LAST_VERSIONS, [...scope, path, MOST_VERSIONS])).map(toVersion);
}

/** The text of an artifact with this hash, as the index knows it; null when it never had it. */
export async function versionRow(
  sql: Sql,
  scope: Scope,
  { path, sha256 }: { readonly path: string; readonly sha256: string },
): Promise<ArtifactVersion | null> {
  const [row] = await sql.all<VersionRow>(VERSION, [...scope, path, sha256]);
  return row === undefined ? null : toVersion(row);
}

const PATHS = `
  SELECT path FROM artifacts WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3 ORDER BY path LIMIT $4`;

/** Paths of a namespace that a link may lead to. */
export async function pathsOf(sql: Sql, scope: Scope): Promise<ReadonlySet<string>> {
  type Path = { readonly path: string };
  const rows = await sql.all<Path>(PATHS, [...scope, MOST_PATHS]);
  return new Set(rows.map(({ path }) => path));
}
