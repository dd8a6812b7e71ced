import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import { drawSecret, hashOfSecret } from './secrets.ts';
import type { Identity } from '../identity/identity.ts';

const INSERT = `
  INSERT INTO one_time_links (code_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)
  RETURNING code_hash`;
const VOID_OTHERS = `
  UPDATE one_time_links SET used_at = $1
  WHERE used_at IS NULL AND (user_id = $2 OR (user_id IS NULL AND $2 IS NULL)) RETURNING code_hash`;
const LIVE = `
  SELECT user_id FROM one_time_links WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2`;
const USE = `
  UPDATE one_time_links SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2
  RETURNING user_id`;

/** How long the link of the first run stands, and one by which a user chooses a password. */
export const FIRST_LINK_MS = 3_600_000;
export const PASSWORD_LINK_MS = 3 * 86_400_000;

/** Whom a link is for: null for the first user, who has no account yet. */
export interface LinkOwner {
  readonly userId: string | null;
}

/** Makes a link's code; older ones of the same owner end. */
export async function drawLink(
  { random }: Identity,
  sql: Sql,
  { userId }: LinkOwner,
  { now, livesMs }: { readonly now: Millis; readonly livesMs: Millis },
): Promise<string> {
  const { text, hash } = drawSecret(random, 'skl');
  await sql.all(VOID_OTHERS, [now, userId]);
  await sql.all(INSERT, [hash, userId, now, now + livesMs]);
  return text;
}

/** Whom a code is for as long as it stands, else null. */
export async function linkOwner(sql: Sql, code: string, now: Millis): Promise<LinkOwner | null> {
  return find(sql, LIVE, code, now);
}

/** Spends a code: a second one finds nothing. */
export async function spendLink(sql: Sql, code: string, now: Millis): Promise<LinkOwner | null> {
  return find(sql, USE, code, now);
}

async function find(sql: Sql, text: string, code: string, now: Millis): Promise<LinkOwner | null> {
  const hash = hashOfSecret(code, 'skl');
  if (hash === null) return null;
  const [row] = await sql.all<{ readonly user_id: string | null }>(text, [hash, now]);
  return row === undefined ? null : { userId: row.user_id };
}
