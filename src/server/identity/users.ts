import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly createdAt: Millis;
  readonly disabledAt: Millis | null;
}

const EMAIL = /^[!-?A-~]{1,64}@[!-?A-~]{1,190}$/;

/** The spelling under which an account is kept; null for what is no address. ASCII alone, so no two look alike. */
export function parseEmail(text: string): string | null {
  const email = text.trim().toLowerCase();
  return EMAIL.test(email) ? email : null;
}

const INSERT_USER = `
  INSERT INTO users (user_id, email, name, password, created_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (email) DO NOTHING RETURNING user_id`;
const INSERT_PRIVATE_TEAM = `
  INSERT INTO teams (team_id, name, private_of, created_at) VALUES ($1, $2, $3, $4) RETURNING team_id`;
const JOIN_PRIVATE_TEAM = `
  INSERT INTO memberships (team_id, user_id, role, since_at) VALUES ($1, $2, 'owner', $3) RETURNING team_id`;

export interface NewUser {
  readonly id: string;
  readonly teamId: string;
  readonly email: string;
  readonly name: string;
  /** As `hashPassword` made it; null until one is chosen. */
  readonly password: string | null;
}

/** Adds a user and their private teamspace; the caller holds the transaction. @returns false for a known email. */
export async function insertUser(sql: Sql, user: NewUser, now: Millis): Promise<boolean> {
  const { id, teamId, email, name, password } = user;
  const added = await sql.all(INSERT_USER, [id, email, name, password, now]);
  if (added.length === 0) return false;
  await sql.all(INSERT_PRIVATE_TEAM, [teamId, email, id, now]);
  await sql.all(JOIN_PRIVATE_TEAM, [teamId, id, now]);
  return true;
}

const COLUMNS = 'user_id, email, name, created_at, disabled_at';
const BY_ID = `SELECT ${COLUMNS} FROM users WHERE user_id = $1`;
const BY_EMAIL = `SELECT ${COLUMNS}, password FROM users WHERE email = $1`;
const ALL = `SELECT ${COLUMNS} FROM users ORDER BY email`;
const ANY = 'SELECT 1 AS one FROM users LIMIT 1';

export async function userWithId(sql: Sql, id: string): Promise<User | null> {
  const [row] = await sql.all<UserRow>(BY_ID, [id]);
  return row === undefined ? null : toUser(row);
}

/** A user with the stored form of the password. */
export interface Account {
  readonly user: User;
  readonly password: string | null;
}

export async function accountWithEmail(sql: Sql, email: string): Promise<Account | null> {
  type Row = UserRow & { readonly password: string | null };
  const [row] = await sql.all<Row>(BY_EMAIL, [email]);
  return row === undefined ? null : { user: toUser(row), password: row.password };
}

/** Every user in the order of their emails. */
export async function allUsers(sql: Sql): Promise<readonly User[]> {
  return (await sql.all<UserRow>(ALL)).map(toUser);
}

/** Whether anybody has an account. */
export async function hasUsers(sql: Sql): Promise<boolean> {
  return (await sql.all(ANY)).length > 0;
}

const SET_PASSWORD = 'UPDATE users SET password = $2 WHERE user_id = $1 RETURNING user_id';
const DISABLE = `
  UPDATE users SET disabled_at = $2 WHERE user_id = $1 AND disabled_at IS NULL RETURNING user_id`;
const ENABLE = `
  UPDATE users SET disabled_at = NULL WHERE user_id = $1 AND disabled_at IS NOT NULL RETURNING user_id`;

export async function setPassword(sql: Sql, id: string, password: string): Promise<void> {
  await sql.all(SET_PASSWORD, [id, password]);
}

/** Ends or restores an account's force. */
export async function setDisabled(sql: Sql, id: string, at: Millis | null): Promise<void> {
  await (at === null ? sql.all(ENABLE, [id]) : sql.all(DISABLE, [id, at]));
}

interface UserRow {
  readonly user_id: string;
  readonly email: string;
  readonly name: string;
  readonly created_at: number;
  readonly disabled_at: number | null;
}

function toUser(row: UserRow): User {
  return {
    id: row.user_id,
    email: row.email,
    name: row.name,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  };
}
