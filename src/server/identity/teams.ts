import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { Role } from './rights.ts';

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly isPrivate: boolean;
  readonly createdAt: Millis;
}

export interface Membership {
  readonly team: Team;
  readonly role: Role;
}

/** A member as a team's list shows them. */
export interface Member {
  readonly email: string;
  readonly role: Role;
  readonly since: Millis;
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** Whether a shared team may be called so; an address names a private one, and holds an `@`. */
export function isTeamName(text: string): boolean {
  return NAME.test(text);
}

const INSERT = `
  INSERT INTO teams (team_id, name, private_of, created_at) VALUES ($1, $2, NULL, $3)
  ON CONFLICT (name) DO NOTHING RETURNING team_id`;

/** Adds a shared team. @returns false for a name that is taken. */
export async function insertTeam(
  sql: Sql,
  id: string,
  name: string,
  now: Millis,
): Promise<boolean> {
  return (await sql.all(INSERT, [id, name, now])).length > 0;
}

const COLUMNS = `t.team_id, t.name, CASE WHEN t.private_of IS NULL THEN 0 ELSE 1 END AS is_private,
  t.created_at`;
const BY_NAME = `SELECT ${COLUMNS} FROM teams t WHERE t.name = $1 OR t.team_id = $1 ORDER BY t.team_id`;
const ALL = `SELECT ${COLUMNS} FROM teams t ORDER BY is_private, t.name`;
const OF_USER = `
  SELECT ${COLUMNS}, m.role FROM memberships m JOIN teams t ON t.team_id = m.team_id
  WHERE m.user_id = $1 ORDER BY is_private DESC, t.name`;

/** The team with this name or id. */
export async function teamNamed(sql: Sql, name: string): Promise<Team | null> {
  const [row, another] = await sql.all<TeamRow>(BY_NAME, [name]);
  return row === undefined || another !== undefined ? null : toTeam(row);
}

/** Every team, shared ones first. */
export async function allTeams(sql: Sql): Promise<readonly Team[]> {
  return (await sql.all<TeamRow>(ALL)).map(toTeam);
}

/** What a user belongs to, the private teamspace first. */
export async function teamsOfUser(sql: Sql, userId: string): Promise<readonly Membership[]> {
  type Row = TeamRow & { readonly role: Role };
  const rows = await sql.all<Row>(OF_USER, [userId]);
  return rows.map((row) => ({ team: toTeam(row), role: row.role }));
}

const MEMBERS = `
  SELECT u.email, m.role, m.since_at FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.team_id = $1 ORDER BY u.email`;
const SET_MEMBER = `
  INSERT INTO memberships (team_id, user_id, role, since_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role RETURNING team_id`;
const REMOVE_MEMBER =
  'DELETE FROM memberships WHERE team_id = $1 AND user_id = $2 RETURNING team_id';

export async function membersOf(sql: Sql, teamId: string): Promise<readonly Member[]> {
  type Row = { readonly email: string; readonly role: Role; readonly since_at: number };
  const rows = await sql.all<Row>(MEMBERS, [teamId]);
  return rows.map((row) => ({ email: row.email, role: row.role, since: row.since_at }));
}

const ONE = `
  SELECT u.user_id AS id, u.email, m.role FROM users u JOIN memberships m ON m.user_id = u.user_id
  WHERE u.email = $2 AND m.team_id = $1`;
const OTHER_OWNER = `
  SELECT 1 AS one FROM memberships WHERE team_id = $1 AND user_id <> $2 AND role = 'owner' LIMIT 1`;

/** The member of a team with this email; null for who is none. */
export async function memberNamed(
  sql: Sql,
  teamId: string,
  email: string,
): Promise<{ readonly id: string; readonly email: string; readonly role: Role } | null> {
  type Row = { readonly id: string; readonly email: string; readonly role: Role };
  const [row] = await sql.all<Row>(ONE, [teamId, email]);
  return row ?? null;
}

/** Whether the team has an owner beside this user. */
export async function hasOtherOwner(sql: Sql, teamId: string, userId: string): Promise<boolean> {
  return (await sql.all(OTHER_OWNER, [teamId, userId])).length > 0;
}

const SHOWN = `
  SELECT u.email, m.role, m.since_at, u.disabled_at,
    (SELECT max(s.created_at) FROM sessions s WHERE s.user_id = m.user_id) AS login_at
  FROM memberships m JOIN users u ON u.user_id = m.user_id
  WHERE m.team_id = $1 ORDER BY u.email LIMIT $2`;

/** A member as a page shows them. */
export interface ShownMember extends Member {
  /** When they last logged in to the receiver, for whichever team; null for never. */
  readonly lastLoginAt: Millis | null;
  readonly isDisabled: boolean;
}

/** The first `limit` members in the order of their emails. */
export async function shownMembers(
  sql: Sql,
  teamId: string,
  limit: number,
): Promise<readonly ShownMember[]> {
  type Row = {
    readonly email: string;
    readonly role: Role;
    readonly since_at: number;
    readonly disabled_at: number | null;
    readonly login_at: number | null;
  };
  const rows = await sql.all<Row>(SHOWN, [teamId, limit]);
  return rows.map((row) => ({
    email: row.email,
    role: row.role,
    since: row.since_at,
    lastLoginAt: row.login_at,
    isDisabled: row.disabled_at !== null,
  }));
}

export interface NewMember {
  readonly teamId: string;
  readonly userId: string;
  readonly role: Role;
}

/** Adds a member, or gives one another role. */
export async function setMember(sql: Sql, member: NewMember, now: Millis): Promise<void> {
  await sql.all(SET_MEMBER, [member.teamId, member.userId, member.role, now]);
}

/** @returns false for who is no member. */
export async function removeMember(sql: Sql, teamId: string, userId: string): Promise<boolean> {
  return (await sql.all(REMOVE_MEMBER, [teamId, userId])).length > 0;
}

interface TeamRow {
  readonly team_id: string;
  readonly name: string;
  readonly is_private: number;
  readonly created_at: number;
}

function toTeam(row: TeamRow): Team {
  return {
    id: row.team_id,
    name: row.name,
    isPrivate: row.is_private === 1,
    createdAt: row.created_at,
  };
}
