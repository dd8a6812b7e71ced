import type { Millis } from '../../base/index.ts';
import type { ExternalResource, SnapshotHead } from '../../wire/index.ts';
import type { Sql, SqlParam } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

/** A tracker, a workspace of it, and where it is known a resource in there. */
export interface ResourceKey {
  readonly provider: string;
  readonly workspace: string;
  readonly resource: ExternalResource | null;
}

/** Which of the ways led to a project: its resource, the workspace, or none, so that somebody has to say it. */
export type ResolvedBy = 'resource' | 'workspace' | 'manual';

export interface Resolution {
  readonly by: ResolvedBy;
  /** Null while nobody said it. */
  readonly projectId: string | null;
}

export interface NewSnapshot {
  readonly head: SnapshotHead;
  readonly idempotencyKey: string;
  readonly sha256: string;
  /** The document as it came. */
  readonly bytes: Uint8Array;
}

/** One stored snapshot without its document. */
export interface SnapshotEntry extends ResourceKey, Resolution {
  /** Its number here. */
  readonly id: number;
  /** What `after` takes: grows with every arrival, a repeat included. */
  readonly cursor: number;
  /** The project it names itself, null for none. */
  readonly statedProject: string | null;
  readonly idempotencyKey: string;
  readonly sha256: string;
  readonly doctrineMode: string | null;
  readonly issues: number;
  readonly mappings: number;
  readonly receivedAt: Millis;
}

/** What belongs to a project, as an operator said it. */
export interface ResourceMapping extends ResourceKey {
  readonly projectId: string;
  readonly setAt: Millis;
}

/** Resources whose snapshots arrived and belong to no project yet. */
export interface UnmappedResource extends ResourceKey {
  readonly snapshots: number;
  /** A project that its last snapshot names, null for none. */
  readonly statedProject: string | null;
  readonly lastAt: Millis;
}

const NEXT_TURN = `
  SELECT coalesce(max(turn), 0) + 1 AS turn FROM tracker_snapshots WHERE team_id = $1`;
const STORE = `
  INSERT INTO tracker_snapshots (team_id, project_id, provider, workspace, resource_type, resource_id,
    idempotency_key, sha256, doctrine_mode, issues, mappings, turn, received_at, payload)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT (team_id, idempotency_key, sha256) DO NOTHING`;
const SEE_AGAIN = `
  UPDATE tracker_snapshots SET turn = $1 WHERE team_id = $2 AND idempotency_key = $3 AND sha256 = $4`;
const MAPPED = `
  SELECT resource_type, project_id FROM resource_mappings
  WHERE team_id = $1 AND provider = $2 AND workspace = $3
    AND ((resource_type = $4 AND resource_id = $5) OR resource_type = '')
  ORDER BY resource_type DESC LIMIT 1`;

/** Stores a snapshot, or notes that it is the present state again; the caller holds the transaction. */
export async function storeSnapshot(
  sql: Sql,
  team: TeamScope,
  now: Millis,
  snapshot: NewSnapshot,
): Promise<'stored' | 'already_exists'> {
  const { head, idempotencyKey, sha256, bytes } = snapshot;
  await sql.alone('turns of snapshots');
  const [next] = await sql.all<{ readonly turn: number }>(NEXT_TURN, [team]);
  const turn = next?.turn ?? 1;
  const [added] = await sql.each(STORE, [
    [
      team,
      head.projectUuid,
      ...keyOf(head),
      idempotencyKey,
      sha256,
      head.doctrineMode,
      head.issues,
      head.mappings,
      turn,
      now,
      bytes,
    ],
  ]);
  if (added === 1) return 'stored';
  await sql.each(SEE_AGAIN, [[turn, team, idempotencyKey, sha256]]);
  return 'already_exists';
}

/** The project a resource belongs to: the one said of it, else the one said of its workspace. */
export async function resolveResource(
  sql: Sql,
  team: TeamScope,
  key: ResourceKey,
): Promise<Resolution> {
  type Row = { readonly resource_type: string; readonly project_id: string };
  const [row] = await sql.all<Row>(MAPPED, [team, ...keyOf(key)]);
  if (row === undefined) return { by: 'manual', projectId: null };
  return { by: row.resource_type === '' ? 'workspace' : 'resource', projectId: row.project_id };
}

const ENTRY = `
  s.arrival, s.turn, s.project_id, s.provider, s.workspace, s.resource_type, s.resource_id, s.idempotency_key,
  s.sha256, s.doctrine_mode, s.issues, s.mappings, s.received_at,
  r.project_id AS by_resource, w.project_id AS by_workspace`;
const RESOLVED = `
  FROM tracker_snapshots s
  LEFT JOIN resource_mappings r ON r.team_id = s.team_id AND r.provider = s.provider
    AND r.workspace = s.workspace AND r.resource_type = s.resource_type AND r.resource_id = s.resource_id
    AND s.resource_type <> ''
  LEFT JOIN resource_mappings w ON w.team_id = s.team_id AND w.provider = s.provider
    AND w.workspace = s.workspace AND w.resource_type = '' AND w.resource_id = ''`;
const OWNER = 'coalesce(r.project_id, w.project_id, s.project_id)';

export const PAGE_OF_SNAPSHOTS = `
  SELECT ${ENTRY} ${RESOLVED} WHERE s.team_id = $1 AND s.turn > $2 ORDER BY s.turn LIMIT $3`;
export const PROJECT_SNAPSHOTS = `
  SELECT ${ENTRY} ${RESOLVED} WHERE s.team_id = $1 AND s.turn > $2 AND ${OWNER} = $4
  ORDER BY s.turn LIMIT $3`;
const ONE_SNAPSHOT = `
  SELECT ${ENTRY}, s.payload ${RESOLVED} WHERE s.team_id = $1 AND s.arrival = $2`;

/** One page in the order in which they became the present state. */
export async function pageOfSnapshots(
  sql: Sql,
  query: {
    readonly team: TeamScope;
    /** The project they belong to, or where nobody said, name; all of the team when null. */
    readonly projectId: string | null;
    readonly after: number;
    readonly limit: number;
  },
): Promise<readonly SnapshotEntry[]> {
  const params: readonly SqlParam[] = [query.team, query.after, query.limit];
  const rows =
    query.projectId === null
      ? await sql.all<SnapshotRow>(PAGE_OF_SNAPSHOTS, params)
      : await sql.all<SnapshotRow>(PROJECT_SNAPSHOTS, [...params, query.projectId]);
  return rows.map(toEntry);
}

/** The snapshot with this number and its document; null when there is none. */
export async function snapshotWith(
  sql: Sql,
  team: TeamScope,
  id: number,
): Promise<(SnapshotEntry & { readonly bytes: Uint8Array }) | null> {
  type Row = SnapshotRow & { readonly payload: Uint8Array };
  const [row] = await sql.all<Row>(ONE_SNAPSHOT, [team, id]);
  return row === undefined ? null : { ...toEntry(row), bytes: row.payload };
}

const MAPPINGS = `
  SELECT provider, workspace, resource_type, resource_id, project_id, set_at FROM resource_mappings
  WHERE team_id = $1 ORDER BY provider, workspace, resource_type, resource_id`;
const UNMAPPED = `
  SELECT s.provider, s.workspace, s.resource_type, s.resource_id, count(*) AS snapshots,
    max(s.received_at) AS last_at, max(s.project_id) AS project_id
  ${RESOLVED}
  WHERE s.team_id = $1 AND r.project_id IS NULL AND w.project_id IS NULL
  GROUP BY s.provider, s.workspace, s.resource_type, s.resource_id
  ORDER BY s.provider, s.workspace, s.resource_type, s.resource_id`;
const SET_MAPPING = `
  INSERT INTO resource_mappings (team_id, provider, workspace, resource_type, resource_id, project_id, set_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (team_id, provider, workspace, resource_type, resource_id)
  DO UPDATE SET project_id = excluded.project_id, set_at = excluded.set_at`;

/** What operators said, and what is left for them to say. */
export async function resourceMappings(
  sql: Sql,
  team: TeamScope,
): Promise<{
  readonly mappings: readonly ResourceMapping[];
  readonly unmapped: readonly UnmappedResource[];
}> {
  const mapped = await sql.all<MappingRow>(MAPPINGS, [team]);
  const unmapped = await sql.all<UnmappedRow>(UNMAPPED, [team]);
  return {
    mappings: mapped.map((row) => ({
      ...resourceOf(row),
      projectId: row.project_id,
      setAt: row.set_at,
    })),
    unmapped: unmapped.map((row) => ({
      ...resourceOf(row),
      snapshots: row.snapshots,
      statedProject: row.project_id,
      lastAt: row.last_at,
    })),
  };
}

/** Says which project a resource, or the rest of a workspace, belongs to. */
export async function setResourceMapping(
  sql: Sql,
  team: TeamScope,
  { projectId, setAt, ...key }: ResourceMapping,
): Promise<void> {
  await sql.each(SET_MAPPING, [[team, ...keyOf(key), projectId, setAt]]);
}

interface KeyRow {
  readonly provider: string;
  readonly workspace: string;
  readonly resource_type: string;
  readonly resource_id: string;
}

interface MappingRow extends KeyRow {
  readonly project_id: string;
  readonly set_at: number;
}

interface UnmappedRow extends KeyRow {
  readonly snapshots: number;
  readonly last_at: number;
  readonly project_id: string | null;
}

interface SnapshotRow extends KeyRow {
  readonly arrival: number;
  readonly turn: number;
  readonly project_id: string | null;
  readonly idempotency_key: string;
  readonly sha256: string;
  readonly doctrine_mode: string | null;
  readonly issues: number;
  readonly mappings: number;
  readonly received_at: number;
  readonly by_resource: string | null;
  readonly by_workspace: string | null;
}

function keyOf({ provider, workspace, resource }: ResourceKey): readonly string[] {
  return [provider, workspace, resource?.type ?? '', resource?.id ?? ''];
}

function resourceOf(row: KeyRow): ResourceKey {
  const { provider, workspace, resource_type: type, resource_id: id } = row;
  return { provider, workspace, resource: type === '' ? null : { type, id } };
}

function toEntry(row: SnapshotRow): SnapshotEntry {
  const { by_resource: byResource, by_workspace: byWorkspace } = row;
  const byWhat = byWorkspace === null ? 'manual' : 'workspace';
  return {
    ...resourceOf(row),
    id: row.arrival,
    cursor: row.turn,
    by: byResource === null ? byWhat : 'resource',
    projectId: byResource ?? byWorkspace,
    statedProject: row.project_id,
    idempotencyKey: row.idempotency_key,
    sha256: row.sha256,
    doctrineMode: row.doctrine_mode,
    issues: row.issues,
    mappings: row.mappings,
    receivedAt: row.received_at,
  };
}
