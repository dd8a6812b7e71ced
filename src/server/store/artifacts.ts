import type { Millis } from '../../base/index.ts';
import {
  type ArtifactFact,
  type DossierFact,
  namespaceId,
  type NamespaceNames,
} from '../dossier.ts';
import type { Sql, SqlParam } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

/** One namespace of one project of one team: the first columns of every key here. */
export type Scope = readonly [team: TeamScope, projectId: string, namespaceId: string];

const ADD_NAMESPACE = `
  INSERT INTO namespaces (team_id, project_id, namespace_id, mission_slug, target_branch, mission_type,
    manifest_version)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (team_id, project_id, namespace_id) DO NOTHING`;

/** Whichever of two events arrives first. */
const LATER_WINS = `
  ON CONFLICT (team_id, project_id, namespace_id, path) DO UPDATE SET
    artifact_class = excluded.artifact_class, artifact_key = excluded.artifact_key,
    required_status = excluded.required_status, sha256 = excluded.sha256, size_bytes = excluded.size_bytes,
    occurred_at = excluded.occurred_at, lamport = excluded.lamport, event_id = excluded.event_id
  WHERE (excluded.occurred_at, excluded.lamport, excluded.event_id)
    > (artifacts.occurred_at, artifacts.lamport, artifacts.event_id)`;

const SET_ARTIFACT = `
  INSERT INTO artifacts (team_id, project_id, namespace_id, path, artifact_class, artifact_key, required_status,
    sha256, size_bytes, occurred_at, lamport, event_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
  ${LATER_WINS}`;

const ADD_VERSION = `
  INSERT INTO artifact_versions (team_id, project_id, namespace_id, path, sha256, size_bytes, indexed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (team_id, project_id, namespace_id, path, sha256) DO UPDATE SET indexed_at = excluded.indexed_at
  WHERE excluded.indexed_at < artifact_versions.indexed_at`;

/**
 * Takes what events say into the index; the caller holds the transaction. The index is a function of the set of
 * facts: their order does not matter, and facts that are known change nothing.
 */
export async function indexArtifacts(
  sql: Sql,
  team: TeamScope,
  facts: readonly DossierFact[],
): Promise<void> {
  if (facts.length === 0) return;
  // One order for all writers: two that need the same rows wait, and neither holds what the other one needs.
  const scoped = facts.map((fact) => ({ fact, scope: scopeOf(team, fact) })).toSorted(byKey);
  const namespaces = new Map(scoped.map(({ fact, scope }) => [scope.join(' '), { fact, scope }]));
  await sql.each(
    ADD_NAMESPACE,
    [...namespaces.values()].map(({ fact, scope }) => [...scope, ...namesOf(fact.namespace)]),
  );
  const artifacts = scoped.flatMap(({ fact, scope }) =>
    fact.artifact === null ? [] : [{ fact, scope, artifact: fact.artifact }],
  );
  await sql.each(
    SET_ARTIFACT,
    artifacts.map(({ fact, scope, artifact }) => toRow(scope, fact, artifact)),
  );
  await sql.each(
    ADD_VERSION,
    artifacts.flatMap(({ fact, scope, artifact: { path, sha256, sizeBytes } }) =>
      sha256 === null ? [] : [[...scope, path, sha256, sizeBytes, fact.occurredAt]],
    ),
  );
}

const ADOPT_ARTIFACT = `
  INSERT INTO artifacts (team_id, project_id, namespace_id, path, artifact_class, artifact_key, required_status,
    sha256, size_bytes, occurred_at, lamport, event_id)
  SELECT team_id, project_id, $1, path, artifact_class, artifact_key, required_status,
    sha256, size_bytes, occurred_at, lamport, event_id
  FROM artifacts WHERE team_id = $2 AND project_id = $3 AND namespace_id = $4 AND path = $5
  ${LATER_WINS}`;

const ADOPT_VERSION = `
  INSERT INTO artifact_versions (team_id, project_id, namespace_id, path, sha256, size_bytes, indexed_at)
  SELECT team_id, project_id, $1, path, sha256, size_bytes, indexed_at FROM artifact_versions
  WHERE team_id = $2 AND project_id = $3 AND namespace_id = $4 AND path = $5 AND sha256 = $6
  ON CONFLICT (team_id, project_id, namespace_id, path, sha256) DO NOTHING`;

/**
 * Takes a path and one content of it from the namespace `from` into another one of the same project; the caller holds
 * the transaction.
 * @returns false when `from` does not have that content.
 */
export async function adoptVersion(
  sql: Sql,
  from: Scope,
  names: NamespaceNames,
  { path, sha256 }: { readonly path: string; readonly sha256: string },
): Promise<boolean> {
  const [team, projectId] = from;
  const to = scopeOf(team, { projectId, namespace: names });
  const [adopted] = await sql.each(ADOPT_VERSION, [[to[2], ...from, path, sha256]]);
  if (adopted !== 1) return false;
  await sql.each(ADOPT_ARTIFACT, [[to[2], ...from, path]]);
  await sql.each(ADD_NAMESPACE, [[...to, ...namesOf(names)]]);
  return true;
}

interface Scoped {
  readonly fact: DossierFact;
  readonly scope: Scope;
}

function byKey(one: Scoped, other: Scoped): number {
  const [key, otherKey] = [one, other].map(({ fact, scope }) =>
    [...scope, fact.artifact?.path ?? '', fact.artifact?.sha256 ?? ''].join(' '),
  );
  if (key === otherKey) return 0;
  return (key ?? '') < (otherKey ?? '') ? -1 : 1;
}

/** The key of a fact's namespace. */
export function scopeOf(
  team: TeamScope,
  { projectId, namespace }: Pick<DossierFact, 'projectId' | 'namespace'>,
): Scope {
  return [team, projectId, namespaceId(namespace)];
}

function namesOf(names: NamespaceNames): readonly string[] {
  return [names.missionSlug, names.targetBranch, names.missionType, names.manifestVersion];
}

function toRow(scope: Scope, fact: DossierFact, artifact: ArtifactFact): readonly SqlParam[] {
  return [
    ...scope,
    artifact.path,
    artifact.artifactClass,
    artifact.artifactKey,
    artifact.requiredStatus,
    artifact.sha256,
    artifact.sizeBytes,
    fact.occurredAt,
    fact.lamport,
    fact.eventId,
  ];
}

/** One artifact with all contents it had. */
export interface ArtifactEntry extends ArtifactFact {
  /** When the event happened that says so. */
  readonly occurredAt: Millis;
  readonly eventId: string;
  /** In order of their first indexing. */
  readonly versions: readonly ArtifactVersion[];
}

export interface ArtifactVersion {
  readonly sha256: string;
  readonly sizeBytes: number | null;
  readonly indexedAt: Millis;
  /** When the text arrived; null as long as it has not. */
  readonly storedAt: Millis | null;
}

const PAGE_OF_ARTIFACTS = `
  SELECT path, artifact_class, artifact_key, required_status, sha256, size_bytes, occurred_at, event_id
  FROM artifacts WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3 AND path > $4
  ORDER BY path LIMIT $5`;

const VERSIONS_OF_PAGE = `
  SELECT path, sha256, size_bytes, indexed_at, stored_at FROM artifact_versions
  WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3 AND path > $4 AND path <= $5
  ORDER BY path`;

/** One page of a namespace's artifacts in the order of their paths, from behind `after` on. */
export async function pageOfArtifacts(
  sql: Sql,
  scope: Scope,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly ArtifactEntry[]> {
  const rows = await sql.all<ArtifactRow>(PAGE_OF_ARTIFACTS, [...scope, after, limit]);
  const last = rows.at(-1);
  if (last === undefined) return [];
  const found = await sql.all<VersionRow & { readonly path: string }>(VERSIONS_OF_PAGE, [
    ...scope,
    after,
    last.path,
  ]);
  const versions = new Map<string, ArtifactVersion[]>();
  for (const row of found) {
    const ofPath = versions.get(row.path) ?? [];
    versions.set(row.path, ofPath);
    ofPath.push(toVersion(row));
  }
  return rows.map((row) => toEntry(row, (versions.get(row.path) ?? []).toSorted(byIndexing)));
}

const PRESENT = `
  SELECT sha256 FROM artifacts WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3 AND path = $4`;

/** The hash of a path's present content; null when it has none. */
export async function presentHash(sql: Sql, scope: Scope, path: string): Promise<string | null> {
  const [row] = await sql.all<{ readonly sha256: string | null }>(PRESENT, [...scope, path]);
  return row?.sha256 ?? null;
}

const PAGE_OF_NAMESPACES = `
  SELECT namespace_id, mission_slug, target_branch, mission_type, manifest_version FROM namespaces
  WHERE team_id = $1 AND project_id = $2 AND namespace_id > $3 ORDER BY namespace_id LIMIT $4`;

/** A namespace with what its page's `after` takes next. */
export interface NamespaceEntry extends NamespaceNames {
  readonly id: string;
}

/** One page of a project's namespaces, from behind `after` on. */
export async function pageOfNamespaces(
  sql: Sql,
  team: TeamScope,
  projectId: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly NamespaceEntry[]> {
  const rows = await sql.all<NamespaceRow>(PAGE_OF_NAMESPACES, [team, projectId, after, limit]);
  return rows.map((row) => ({
    id: row.namespace_id,
    missionSlug: row.mission_slug,
    targetBranch: row.target_branch,
    missionType: row.mission_type,
    manifestVersion: row.manifest_version,
  }));
}

interface ArtifactRow {
  readonly path: string;
  readonly artifact_class: string;
  readonly artifact_key: string | null;
  readonly required_status: string | null;
  readonly sha256: string | null;
  readonly size_bytes: number | null;
  readonly occurred_at: number;
  readonly event_id: string;
}

/** A text of an artifact as a statement gives it. */
export interface VersionRow {
  readonly sha256: string;
  readonly size_bytes: number | null;
  readonly indexed_at: number;
  readonly stored_at: number | null;
}

interface NamespaceRow {
  readonly namespace_id: string;
  readonly mission_slug: string;
  readonly target_branch: string;
  readonly mission_type: string;
  readonly manifest_version: string;
}

function toEntry(row: ArtifactRow, versions: readonly ArtifactVersion[]): ArtifactEntry {
  return {
    path: row.path,
    artifactClass: row.artifact_class,
    artifactKey: row.artifact_key,
    requiredStatus: row.required_status,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    occurredAt: row.occurred_at,
    eventId: row.event_id,
    versions,
  };
}

export function toVersion(row: VersionRow): ArtifactVersion {
  return {
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    indexedAt: row.indexed_at,
    storedAt: row.stored_at,
  };
}

function byIndexing(one: ArtifactVersion, other: ArtifactVersion): number {
  return one.indexedAt - other.indexedAt || (one.sha256 < other.sha256 ? -1 : 1);
}
