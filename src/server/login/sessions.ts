import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { Role } from '../identity/rights.ts';

export type SessionKind = 'password' | 'device' | 'browser';

/** A browser is left open; a machine that works comes back before its refresh token expires. */
export const BROWSER_MS = 12 * 3_600_000;
export const MACHINE_MS = 90 * 86_400_000;

export interface NewSession {
  readonly id: string;
  readonly teamId: string;
  readonly userId: string;
  readonly kind: SessionKind;
  /** Of a browser's cookie. */
  readonly secretHash: string | null;
}

/** A login that is in force, with who it is and what they are in its team at this moment. */
export interface LiveSession {
  readonly id: string;
  readonly teamId: string;
  readonly kind: SessionKind;
  readonly createdAt: Millis;
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}

const INSERT = `
  INSERT INTO sessions (session_id, team_id, user_id, kind, secret_hash, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING session_id`;

const FORGET_TOKENS = `
  DELETE FROM refresh_tokens WHERE session_id IN
    (SELECT session_id FROM sessions WHERE user_id = $1 AND expires_at <= $2) RETURNING session_id`;
const FORGET = `
  DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2 RETURNING session_id`;

/** Adds a login, and forgets those of its user that ended by themselves; the caller holds the transaction. */
export async function insertSession(sql: Sql, session: NewSession, now: Millis): Promise<void> {
  const { id, teamId, userId, kind, secretHash } = session;
  await sql.all(FORGET_TOKENS, [userId, now]);
  await sql.all(FORGET, [userId, now]);
  const expiresAt = now + (kind === 'browser' ? BROWSER_MS : MACHINE_MS);
  await sql.all(INSERT, [id, teamId, userId, kind, secretHash, now, expiresAt]);
}

// Everything that can end a login is asked each time: revoking it, removing the member, disabling the user.
const LIVE = `
  SELECT s.session_id, s.team_id, s.kind, s.created_at, u.user_id, u.email, u.name, m.role
  FROM sessions s
    JOIN users u ON u.user_id = s.user_id
    JOIN memberships m ON m.team_id = s.team_id AND m.user_id = s.user_id
  WHERE s.revoked_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS NULL AND`;
const LIVE_BY_ID = `${LIVE} s.session_id = $1`;
const LIVE_BY_SECRET = `${LIVE} s.secret_hash = $1`;

export async function liveSession(sql: Sql, id: string, now: Millis): Promise<LiveSession | null> {
  return find(sql, LIVE_BY_ID, id, now);
}

/** The browser session with this secret. */
export async function sessionWithSecret(
  sql: Sql,
  secretHash: string,
  now: Millis,
): Promise<LiveSession | null> {
  return find(sql, LIVE_BY_SECRET, secretHash, now);
}

async function find(sql: Sql, text: string, key: string, now: Millis): Promise<LiveSession | null> {
  const [row] = await sql.all<SessionRow>(text, [key, now]);
  if (row === undefined) return null;
  return {
    id: row.session_id,
    teamId: row.team_id,
    kind: row.kind,
    createdAt: row.created_at,
    userId: row.user_id,
    email: row.email,
    name: row.name,
    role: row.role,
  };
}

const REVOKE = `
  UPDATE sessions SET revoked_at = $2, revoked_for = $3 WHERE session_id = $1 AND revoked_at IS NULL
  RETURNING user_id, team_id`;
const REVOKE_OF_USER = `
  UPDATE sessions SET revoked_at = $2, revoked_for = $3 WHERE user_id = $1 AND revoked_at IS NULL
  RETURNING session_id`;

const TURN = `
  UPDATE sessions SET team_id = $2 WHERE session_id = $1 AND kind = 'browser' RETURNING session_id`;

/** Lets a browser's login speak for another team, which the caller found its user to be in. */
export async function turnSession(sql: Sql, id: string, teamId: string): Promise<void> {
  await sql.all(TURN, [id, teamId]);
}

/** Why a session ended. */
export type Ending = 'logout' | 'reuse' | 'password' | 'disabled' | 'removed';

/** Ends one login. @returns false when it had ended before. */
export async function endSession(
  sql: Sql,
  id: string,
  { now, ending }: { readonly now: Millis; readonly ending: Ending },
): Promise<boolean> {
  return (await sql.all(REVOKE, [id, now, ending])).length > 0;
}

/** Ends every login of a user. */
export async function endSessionsOf(
  sql: Sql,
  userId: string,
  { now, ending }: { readonly now: Millis; readonly ending: Ending },
): Promise<void> {
  await sql.all(REVOKE_OF_USER, [userId, now, ending]);
}

const REVOKE_IN_TEAM = `
  UPDATE sessions SET revoked_at = $3, revoked_for = $4 WHERE user_id = $1 AND team_id = $2 AND revoked_at IS NULL
  RETURNING session_id`;
const REVOKE_OWN = `
  UPDATE sessions SET revoked_at = $3, revoked_for = $4
  WHERE session_id = $2 AND user_id = $1 AND revoked_at IS NULL AND expires_at > $3 RETURNING session_id`;
const REVOKE_OTHERS = `
  UPDATE sessions SET revoked_at = $3, revoked_for = $4
  WHERE user_id = $1 AND session_id <> $2 AND revoked_at IS NULL AND expires_at > $3 RETURNING session_id`;

/** Why, and when. */
export interface End {
  readonly now: Millis;
  readonly ending: Ending;
}

/** Ends what a user is logged in to for one team. */
export async function endSessionsIn(
  sql: Sql,
  { teamId, userId }: { readonly teamId: string; readonly userId: string },
  { now, ending }: End,
): Promise<void> {
  await sql.all(REVOKE_IN_TEAM, [userId, teamId, now, ending]);
}

/** Ends one login of a user, or all but that one. @returns how many were in force. */
export async function endOwnSessions(
  sql: Sql,
  {
    userId,
    id,
    isKept,
  }: { readonly userId: string; readonly id: string; readonly isKept: boolean },
  { now, ending }: End,
): Promise<number> {
  const text = isKept ? REVOKE_OTHERS : REVOKE_OWN;
  return (await sql.all(text, [userId, id, now, ending])).length;
}

// The login of a machine ends with its last refresh token, if that is sooner.
const SHOWN = `
  SELECT s.session_id, s.kind, t.name AS team, s.created_at, s.expires_at,
    (SELECT max(r.issued_at) FROM refresh_tokens r WHERE r.session_id = s.session_id) AS renewed_at,
    (SELECT max(r.expires_at) FROM refresh_tokens r WHERE r.session_id = s.session_id) AS renewable_to
  FROM sessions s
    JOIN teams t ON t.team_id = s.team_id
    JOIN memberships m ON m.team_id = s.team_id AND m.user_id = s.user_id
  WHERE s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2
  ORDER BY s.created_at DESC, s.session_id DESC LIMIT $3`;

/** A login as its user sees it. */
export interface ShownSession {
  readonly id: string;
  readonly kind: SessionKind;
  /** What it speaks for, by name. */
  readonly team: string;
  readonly createdAt: Millis;
  /** When it last got a token; null for a browser, which has none. */
  readonly renewedAt: Millis | null;
  readonly endsAt: Millis;
}

/** The logins of a user that are in force, the newest first. */
export async function sessionsOfUser(
  sql: Sql,
  { userId, limit }: { readonly userId: string; readonly limit: number },
  now: Millis,
): Promise<readonly ShownSession[]> {
  type Row = {
    readonly session_id: string;
    readonly kind: SessionKind;
    readonly team: string;
    readonly created_at: number;
    readonly expires_at: number;
    readonly renewed_at: number | null;
    readonly renewable_to: number | null;
  };
  const rows = await sql.all<Row>(SHOWN, [userId, now, limit]);
  return rows
    .map((row) => ({
      id: row.session_id,
      kind: row.kind,
      team: row.team,
      createdAt: row.created_at,
      renewedAt: row.renewed_at,
      endsAt: Math.min(row.expires_at, row.renewable_to ?? row.expires_at),
    }))
    .filter(({ endsAt }) => endsAt > now);
}

interface SessionRow {
  readonly session_id: string;
  readonly team_id: string;
  readonly kind: SessionKind;
  readonly created_at: number;
  readonly user_id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}
