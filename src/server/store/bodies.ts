import type { Millis } from '../../base/index.ts';
import type { BodyPush } from '../../wire/index.ts';
import { missionAlone } from '../dossier.ts';
import { adoptVersion, scopeOf } from './artifacts.ts';
import type { Sql, SqlParam } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

/** What became of a push: stored now, there already, or of nothing that the index knows. */
export type PushOutcome =
  | 'stored'
  | 'already_exists'
  | 'index_entry_not_found'
  | 'namespace_not_found';

const VERSION = `
  SELECT stored_at FROM artifact_versions
  WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3 AND path = $4 AND sha256 = $5`;

const NAMESPACE = `
  SELECT 1 AS one FROM namespaces WHERE team_id = $1 AND project_id = $2 AND namespace_id = $3`;

const ADD_BODY = `
  INSERT INTO bodies (team_id, project_id, sha256, received_at, content) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (team_id, project_id, sha256) DO NOTHING`;

const SET_STORED = `
  UPDATE artifact_versions SET stored_at = $1
  WHERE team_id = $2 AND project_id = $3 AND namespace_id = $4 AND path = $5 AND sha256 = $6
    AND stored_at IS NULL`;

/**
 * Stores a text for the path and hash that the index has; the caller holds the transaction. The content's hash was
 * checked. What an event of the first generation indexed under the mission alone becomes part of the push's namespace.
 */
export async function storeBody(
  sql: Sql,
  team: TeamScope,
  now: Millis,
  push: BodyPush,
): Promise<PushOutcome> {
  const { projectUuid: projectId, artifactPath: path, contentHash: sha256 } = push;
  const scope = scopeOf(team, { projectId, namespace: push });
  const mission = scopeOf(team, { projectId, namespace: missionAlone(push.missionSlug) });
  const key = [...scope, path, sha256];
  const isAdopted =
    (await versionAt(sql, key)) === null &&
    (await adoptVersion(sql, mission, push, { path, sha256 }));
  // Asked again when nothing was adopted: another push of this text may have done it meanwhile.
  const version = isAdopted ? NOT_STORED : await versionAt(sql, key);
  if (version === null) {
    const named = [...(await sql.all(NAMESPACE, scope)), ...(await sql.all(NAMESPACE, mission))];
    return named.length > 0 ? 'index_entry_not_found' : 'namespace_not_found';
  }
  if (version.stored_at !== null) return 'already_exists';
  await sql.each(ADD_BODY, [[team, projectId, sha256, now, push.content]]);
  const [noted] = await sql.each(SET_STORED, [[now, ...key]]);
  return noted === 1 ? 'stored' : 'already_exists';
}

interface VersionRow {
  readonly stored_at: number | null;
}

const NOT_STORED: VersionRow = { stored_at: null };

async function versionAt(sql: Sql, key: readonly SqlParam[]): Promise<VersionRow | null> {
  const [version] = await sql.all<VersionRow>(VERSION, key);
  return version ?? null;
}

const BODY = `
  SELECT content FROM bodies WHERE team_id = $1 AND project_id = $2 AND sha256 = $3`;

/** The text with this hash in a project, as its UTF-8 bytes; null when it is not stored. */
export async function bodyWithHash(
  sql: Sql,
  team: TeamScope,
  projectId: string,
  sha256: string,
): Promise<Uint8Array | null> {
  type Row = { readonly content: Uint8Array };
  const [row] = await sql.all<Row>(BODY, [team, projectId, sha256]);
  return row?.content ?? null;
}
