import type { Millis } from '../../base/index.ts';
import type { Sql, Driver } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

export const TOKEN_SCOPES = ['ingest', 'read'] as const;

/** What a token may do: post batches, or read what arrived. */
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/** A token as it is shown: everything but the secret. */
export interface TokenEntry {
  readonly id: string;
  readonly teamId: string;
  /** The public beginning of the secret, to recognise it by. */
  readonly prefix: string;
  readonly name: string;
  readonly scope: TokenScope;
  readonly projects: 'all' | readonly string[];
  readonly createdAt: Millis;
  /** From when on it is worth nothing; null for never. */
  readonly expiresAt: Millis | null;
  readonly lastUsedAt: Millis | null;
  readonly revokedAt: Millis | null;
}

export interface StoredToken extends TokenEntry {
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string;
}

const INSERT = `
  INSERT INTO tokens (token_id, team_id, prefix, hash, name, scope, all_projects, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING token_id`;
const INSERT_PROJECT = `
  INSERT INTO token_projects (token_id, project_id) VALUES ($1, $2)
  ON CONFLICT (token_id, project_id) DO NOTHING`;

/** Writes a new token and the projects it is for. */
export async function insertToken(driver: Driver, token: StoredToken): Promise<void> {
  const projects = token.projects === 'all' ? [] : token.projects;
  await driver.tx(async (sql) => {
    await sql.all(INSERT, [
      token.id,
      token.teamId,
      token.prefix,
      token.hash,
      token.name,
      token.scope,
      token.projects === 'all' ? 1 : 0,
      token.createdAt,
      token.expiresAt,
    ]);
    await sql.each(
      INSERT_PROJECT,
      projects.map((project) => [token.id, project]),
    );
  });
}

const COLUMNS = `token_id, team_id, prefix, hash, name, scope, all_projects, created_at, expires_at, last_used_at,
  revoked_at`;
const WITH_PREFIX = `SELECT ${COLUMNS} FROM tokens WHERE prefix = $1`;
const WITH_ID = `SELECT ${COLUMNS} FROM tokens WHERE token_id = $1`;
const ALL = `SELECT ${COLUMNS} FROM tokens WHERE team_id = $1 ORDER BY created_at, token_id`;
const PROJECTS = 'SELECT project_id FROM token_projects WHERE token_id = $1 ORDER BY project_id';

/** The tokens that begin with `prefix`; more than one only by chance. */
export async function tokensWithPrefix(sql: Sql, prefix: string): Promise<readonly StoredToken[]> {
  return withProjects(sql, await sql.all<TokenRow>(WITH_PREFIX, [prefix]));
}

export async function tokenWithId(sql: Sql, id: string): Promise<StoredToken | null> {
  const [token] = await withProjects(sql, await sql.all<TokenRow>(WITH_ID, [id]));
  return token ?? null;
}

const NAMED = `SELECT ${COLUMNS} FROM tokens WHERE token_id = $1 OR prefix = $1 ORDER BY token_id`;

/** The tokens with this id or prefix, of whatever team: for who holds the database. */
export async function tokensNamed(sql: Sql, name: string): Promise<readonly StoredToken[]> {
  return withProjects(sql, await sql.all<TokenRow>(NAMED, [name]));
}

/** All tokens of a team, oldest first, revoked ones too. */
export async function tokensOfTeam(sql: Sql, team: TeamScope): Promise<readonly StoredToken[]> {
  return withProjects(sql, await sql.all<TokenRow>(ALL, [team]));
}

const SHOWN = `
  SELECT ${COLUMNS} FROM tokens WHERE team_id = $1
  ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, created_at DESC, token_id DESC LIMIT $2`;

/** So many of a team's tokens: those not revoked before the others, newest first. */
export async function shownTokens(
  sql: Sql,
  team: TeamScope,
  limit: number,
): Promise<readonly StoredToken[]> {
  return withProjects(sql, await sql.all<TokenRow>(SHOWN, [team, limit]));
}

const LIVE = 'SELECT 1 AS one FROM tokens WHERE revoked_at IS NULL LIMIT 1';

/** Whether any token is in force. */
export async function hasLiveToken(sql: Sql): Promise<boolean> {
  return (await sql.all(LIVE)).length > 0;
}

const REVOKE = `
  UPDATE tokens SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL RETURNING token_id`;
const USED = 'UPDATE tokens SET last_used_at = $2 WHERE token_id = $1 RETURNING token_id';

/** Ends a token's force; a token that was revoked before keeps its time. */
export async function markRevoked(sql: Sql, id: string, now: Millis): Promise<void> {
  await sql.all(REVOKE, [id, now]);
}

export async function markUsed(sql: Sql, id: string, now: Millis): Promise<void> {
  await sql.all(USED, [id, now]);
}

interface TokenRow {
  readonly token_id: string;
  readonly team_id: string;
  readonly prefix: string;
  readonly hash: string;
  readonly name: string;
  readonly scope: TokenScope;
  readonly all_projects: number;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

async function withProjects(sql: Sql, rows: readonly TokenRow[]): Promise<readonly StoredToken[]> {
  return Promise.all(
    rows.map(async (row) =>
      toToken(row, row.all_projects === 1 ? 'all' : await projectsOf(sql, row)),
    ),
  );
}

async function projectsOf(sql: Sql, row: TokenRow): Promise<readonly string[]> {
  const projects = await sql.all<{ readonly project_id: string }>(PROJECTS, [row.token_id]);
  return projects.map((project) => project.project_id);
}

function toToken(row: TokenRow, projects: StoredToken['projects']): StoredToken {
  return {
    id: row.token_id,
    teamId: row.team_id,
    prefix: row.prefix,
    hash: row.hash,
    name: row.name,
    scope: row.scope,
    projects,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}
