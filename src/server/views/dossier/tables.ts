import type { Sql, SqlParam } from '../../store/driver.ts';
import type { TeamScope } from '../../store/team-scope.ts';
import type { DossierChange, Place } from './fold.ts';
import { reportsOf, requiredOf } from './read.ts';
import { needsLook, standingOf } from './standing.ts';

type ProjectScope = readonly [team: TeamScope, projectId: string];

const SEE = `
  INSERT INTO dossiers (team_id, project_id, mission_slug, namespace_id, target_branch, mission_type, manifest_version,
    occurred_at, lamport, event_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  ON CONFLICT (team_id, project_id, mission_slug, namespace_id) DO UPDATE SET occurred_at = excluded.occurred_at,
    lamport = excluded.lamport, event_id = excluded.event_id
  WHERE (excluded.occurred_at, excluded.lamport, excluded.event_id)
    > (dossiers.occurred_at, dossiers.lamport, dossiers.event_id)`;
const SET_ARTIFACT = `
  INSERT INTO dossier_artifacts (team_id, project_id, mission_slug, namespace_id, path, artifact_class, artifact_key,
    need, is_present, sha256, reason, occurred_at, lamport, event_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT (team_id, project_id, mission_slug, namespace_id, path) DO UPDATE SET
    artifact_class = excluded.artifact_class, artifact_key = excluded.artifact_key, need = excluded.need,
    is_present = excluded.is_present, sha256 = excluded.sha256, reason = excluded.reason,
    occurred_at = excluded.occurred_at, lamport = excluded.lamport, event_id = excluded.event_id
  WHERE (excluded.occurred_at, excluded.lamport, excluded.event_id)
    > (dossier_artifacts.occurred_at, dossier_artifacts.lamport, dossier_artifacts.event_id)`;
const ADD_REPORT = `
  INSERT INTO dossier_reports (team_id, project_id, mission_slug, namespace_id, occurred_at, lamport, event_id, topic,
    drift_kind, parity_hash, baseline_hash, completeness, artifacts, required, present)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`;
const CONCLUDE = `
  UPDATE dossiers SET completeness = $1, required = $2, present = $3, drift = $4, drift_at = $5, needs_look = $6
  WHERE team_id = $7 AND project_id = $8 AND mission_slug = $9 AND namespace_id = $10`;

export const DOSSIER_TABLES = ['dossiers', 'dossier_artifacts', 'dossier_reports'] as const;

/**
 * Writes what a page of events says of dossiers, and where each of them stands now. The caller has the project's turn.
 */
export async function applyDossiers(
  sql: Sql,
  scope: ProjectScope,
  { seen, artifacts, reports }: DossierChange,
): Promise<void> {
  const add = (
    text: string,
    rows: readonly (readonly [place: Place, ...rest: readonly SqlParam[]])[],
  ) =>
    sql.insert(
      text,
      rows.map(([place, ...rest]) => [...scope, ...place, ...rest]),
    );
  await add(
    SEE,
    seen.map(({ place, names, occurredAt, lamport, eventId }) => [
      place,
      names.targetBranch,
      names.missionType,
      names.manifestVersion,
      occurredAt,
      lamport,
      eventId,
    ]),
  );
  await add(
    SET_ARTIFACT,
    artifacts.map((word) => [
      word.place,
      word.path,
      word.artifactClass,
      word.artifactKey,
      word.need,
      Number(word.isPresent),
      word.sha256,
      word.reason,
      word.occurredAt,
      word.lamport,
      word.eventId,
    ]),
  );
  await add(
    ADD_REPORT,
    reports.map((report) => [
      report.place,
      report.occurredAt,
      report.lamport,
      report.eventId,
      report.topic,
      report.driftKind,
      report.parityHash,
      report.baselineHash,
      report.completeness,
      report.artifacts,
      report.required,
      report.present,
    ]),
  );
  for (const { place } of seen) await conclude(sql, scope, place);
}

async function conclude(sql: Sql, scope: ProjectScope, place: Place): Promise<void> {
  const key = [...scope, ...place] as const;
  const standing = standingOf(await requiredOf(sql, key), await reportsOf(sql, key));
  const { completeness, required, present, drift } = standing;
  const at = drift.goneAt ?? drift.since;
  const row = [completeness, required, present, drift.state, at, Number(needsLook(standing))];
  await sql.each(CONCLUDE, [[...row, ...key]]);
}
