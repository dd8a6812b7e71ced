import type { Millis } from '../../../base/index.ts';
import type { NamespaceNames } from '../../dossier.ts';
import type { Sql } from '../../store/driver.ts';
import type { TeamScope } from '../../store/team-scope.ts';
import { isLater, type Moment } from '../moment.ts';
import type { Completeness, Figures } from './said.ts';
import type { Drift, RequiredArtifact, SaidReport } from './standing.ts';

/** One dossier of a project: the first columns of every key here. */
export type DossierKey = readonly [
  team: TeamScope,
  projectId: string,
  missionSlug: string,
  namespaceId: string,
];

/** Required artifacts that are counted, and reports that are looked back at: more of one dossier says nothing new. */
const MOST_REQUIRED = 10_000;
const MOST_REPORTS = 1_000;
const MOST_DOSSIERS = 2_000;
const MOST_TEXTS = 1_000;

const REQUIRED = `
  SELECT path, artifact_class, artifact_key, is_present, reason, occurred_at, lamport, event_id FROM dossier_artifacts
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND namespace_id = $4 AND need = 'required'
  ORDER BY path LIMIT ${MOST_REQUIRED}`;

/** The required artifacts of a dossier, by path. */
export async function requiredOf(sql: Sql, key: DossierKey): Promise<readonly RequiredArtifact[]> {
  type Row = {
    readonly path: string;
    readonly artifact_class: string;
    readonly artifact_key: string;
    readonly is_present: number;
    readonly reason: string;
  } & MomentRow;
  const rows = await sql.all<Row>(REQUIRED, key);
  return rows.map((row) => ({
    path: row.path,
    artifactClass: row.artifact_class,
    artifactKey: row.artifact_key,
    isPresent: row.is_present === 1,
    reason: row.reason,
    ...momentOf(row),
  }));
}

const REPORTS = `
  SELECT occurred_at, lamport, event_id, topic, drift_kind, parity_hash, baseline_hash, completeness, artifacts, required,
    present
  FROM dossier_reports WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND namespace_id = $4
  ORDER BY occurred_at DESC, lamport DESC, event_id DESC LIMIT ${MOST_REPORTS}`;

/** The last reports of a dossier, in the order of their moments. */
export async function reportsOf(sql: Sql, key: DossierKey): Promise<readonly SaidReport[]> {
  type Row = Pick<SaidReport, 'topic' | 'completeness' | 'artifacts' | 'required' | 'present'> & {
    readonly drift_kind: string;
    readonly parity_hash: string;
    readonly baseline_hash: string;
  } & MomentRow;
  const rows = await sql.all<Row>(REPORTS, key);
  return rows.toReversed().map((row) => ({
    topic: row.topic,
    driftKind: row.drift_kind,
    parityHash: row.parity_hash,
    baselineHash: row.baseline_hash,
    completeness: row.completeness,
    artifacts: row.artifacts,
    required: row.required,
    present: row.present,
    ...momentOf(row),
  }));
}

/** A dossier in a list. */
export interface DossierRow extends NamespaceNames, Figures, Moment {
  readonly namespaceId: string;
  readonly completeness: Completeness;
  readonly drift: Drift['state'];
  /** When the difference from its baseline was found, or went; null when there was none. */
  readonly driftAt: Millis | null;
}

const DOSSIERS = `
  SELECT mission_slug, namespace_id, target_branch, mission_type, manifest_version, occurred_at, lamport, event_id,
    completeness, required, present, drift, drift_at
  FROM dossiers WHERE team_id = $1 AND project_id = $2 AND ($3 = '' OR mission_slug = $3)
  ORDER BY mission_slug, namespace_id LIMIT ${MOST_DOSSIERS}`;

/** The dossiers of each mission of a project, or of the one with this slug, the one spoken of last first. */
export async function dossiersOf(
  sql: Sql,
  scope: readonly [team: TeamScope, projectId: string],
  slug: string | null = null,
): Promise<ReadonlyMap<string, readonly DossierRow[]>> {
  const rows = await sql.all<DossierColumns>(DOSSIERS, [...scope, slug ?? '']);
  const missions = new Map<string, DossierRow[]>();
  for (const row of rows.map(toDossier)) {
    const known = missions.get(row.missionSlug) ?? [];
    missions.set(row.missionSlug, [...known, row]);
  }
  return new Map(
    [...missions].map(([mission, dossiers]) => [
      mission,
      dossiers.toSorted((one, other) => (isLater(one, other) ? -1 : 1)),
    ]),
  );
}

const TROUBLES = `
  SELECT d.project_id AS id, count(*) AS missions,
    sum(CASE WHEN d.completeness = 'incomplete' THEN 1 ELSE 0 END) AS incomplete,
    sum(CASE WHEN d.drift = 'open' THEN 1 ELSE 0 END) AS drifting
  FROM dossiers d WHERE d.team_id = $1 AND d.needs_look = 1 AND NOT EXISTS (SELECT 1 FROM dossiers l
    WHERE l.team_id = d.team_id AND l.project_id = d.project_id AND l.mission_slug = d.mission_slug
      AND (l.occurred_at, l.lamport, l.event_id) > (d.occurred_at, d.lamport, d.event_id))
  GROUP BY d.project_id`;

/** Missions of one project whose last dossier somebody should look at. */
export interface Troubles {
  readonly missions: number;
  readonly incomplete: number;
  readonly drifting: number;
}

/** What is wrong with dossiers of a team, by project; a project where nothing is has no entry. */
export async function troublesOfTeam(
  sql: Sql,
  team: TeamScope,
): Promise<ReadonlyMap<string, Troubles>> {
  const rows = await sql.all<Troubles & { readonly id: string }>(TROUBLES, [team]);
  return new Map(rows.map(({ id, ...troubles }) => [id, troubles]));
}

const COUNT = `
  SELECT count(*) AS count FROM dossier_artifacts
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND namespace_id = $4 AND is_present = 1`;

/** How many artifacts of a dossier are there, required or not. */
export async function presentCount(sql: Sql, key: DossierKey): Promise<number> {
  const [row] = await sql.all<{ readonly count: number }>(COUNT, key);
  return row?.count ?? 0;
}

/** An artifact whose present text is not here. */
export interface AbsentText {
  readonly path: string;
  readonly sizeBytes: number | null;
  /** A text that it had before is here. */
  readonly hasOlder: boolean;
}

const ABSENT_TEXTS = `
  SELECT a.path, a.size_bytes, CASE WHEN EXISTS (SELECT 1 FROM artifact_versions o
    WHERE o.team_id = a.team_id AND o.project_id = a.project_id AND o.namespace_id = a.namespace_id AND o.path = a.path
      AND o.stored_at IS NOT NULL) THEN 1 ELSE 0 END AS has_older
  FROM artifacts a WHERE a.team_id = $1 AND a.project_id = $2 AND a.namespace_id = $3 AND a.sha256 IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM bodies b
      WHERE b.team_id = a.team_id AND b.project_id = a.project_id AND b.sha256 = a.sha256)
  ORDER BY a.path LIMIT ${MOST_TEXTS}`;

/** The artifacts of a namespace whose last indexed text has not arrived, by path; the first of them when they are many. */
export async function absentTexts(sql: Sql, key: DossierKey): Promise<readonly AbsentText[]> {
  type Row = {
    readonly path: string;
    readonly size_bytes: number | null;
    readonly has_older: number;
  };
  const [team, projectId, , namespaceId] = key;
  const rows = await sql.all<Row>(ABSENT_TEXTS, [team, projectId, namespaceId]);
  return rows.map(({ path, size_bytes: sizeBytes, has_older }) => ({
    path,
    sizeBytes,
    hasOlder: has_older === 1,
  }));
}

interface MomentRow {
  readonly occurred_at: number;
  readonly lamport: number;
  readonly event_id: string;
}

function momentOf({ occurred_at, lamport, event_id }: MomentRow): Moment {
  return { occurredAt: occurred_at, lamport, eventId: event_id };
}

interface DossierColumns extends MomentRow, Figures {
  readonly mission_slug: string;
  readonly namespace_id: string;
  readonly target_branch: string;
  readonly mission_type: string;
  readonly manifest_version: string;
  readonly completeness: Completeness;
  readonly drift: Drift['state'];
  readonly drift_at: number | null;
}

function toDossier(row: DossierColumns): DossierRow {
  const { completeness, required, present, drift } = row;
  return {
    missionSlug: row.mission_slug,
    namespaceId: row.namespace_id,
    targetBranch: row.target_branch,
    missionType: row.mission_type,
    manifestVersion: row.manifest_version,
    completeness,
    required,
    present,
    drift,
    driftAt: row.drift_at,
    ...momentOf(row),
  };
}
