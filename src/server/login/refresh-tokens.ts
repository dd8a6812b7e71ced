import { type Millis, sha256Hex } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import { remember } from '../identity/audit.ts';
import type { Identity } from '../identity/identity.ts';
import { drawSecret, hashOfSecret } from './secrets.ts';
import { endSession, type LiveSession, liveSession } from './sessions.ts';

/** How long an unused refresh token stands. */
export const REFRESH_MS = 604_800_000;

/** How long a second use may be the loser of a race between processes of one client. */
export const GRACE_MS = 10_000;

export interface RefreshToken {
  readonly text: string;
  readonly generation: number;
  readonly expiresAt: Millis;
}

const INSERT = `
  INSERT INTO refresh_tokens (token_hash, session_id, generation, issued_at, expires_at)
  VALUES ($1, $2, $3, $4, $5) RETURNING token_hash`;

const FORGET_EXPIRED = `
  DELETE FROM refresh_tokens WHERE session_id = $1 AND expires_at <= $2 RETURNING token_hash`;

/** Issues the next token of a login, and forgets those that expired; the caller holds the transaction. */
export async function issueRefreshToken(
  { random, clock }: Identity,
  sql: Sql,
  sessionId: string,
  generation: number,
): Promise<RefreshToken> {
  const now = clock.now();
  const { text, hash } = drawSecret(random, 'skr');
  await sql.all(FORGET_EXPIRED, [sessionId, now]);
  await sql.all(INSERT, [hash, sessionId, generation, now, now + REFRESH_MS]);
  return { text, generation, expiresAt: now + REFRESH_MS };
}

/** What using a refresh token led to. */
export type Use =
  | { readonly kind: 'fresh'; readonly session: LiveSession; readonly next: RefreshToken }
  /** Another process of the same client was faster: its tokens are the ones to use. */
  | { readonly kind: 'raced' }
  /** No token of ours, or one that expired. */
  | { readonly kind: 'invalid' }
  /** The login is over: revoked, or its token was stolen. */
  | { readonly kind: 'ended' };

const SPEND = `
  UPDATE refresh_tokens SET used_at = $2, used_nonce = $3
  WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING session_id, generation`;
const READ = `
  SELECT session_id, used_at, used_nonce FROM refresh_tokens WHERE token_hash = $1`;

/**
 * Uses a refresh token: once. A second use ends the whole login, because one of the two is a thief, unless it comes
 * within 10 s with the nonce of the first.
 * @param nonce what the client names itself, the same for all its processes; null when it says nothing.
 */
export async function spendRefreshToken(
  identity: Identity,
  text: string,
  nonce: string | null,
): Promise<Use> {
  const hash = hashOfSecret(text, 'skr');
  if (hash === null) return { kind: 'invalid' };
  const now = identity.clock.now();
  const nonceHash = nonce === null ? null : sha256Hex(nonce);
  return identity.store.driver.tx(async (sql) => {
    type Spent = { readonly session_id: string; readonly generation: number };
    const [spent] = await sql.all<Spent>(SPEND, [hash, now, nonceHash]);
    if (spent === undefined) return judgeUnspent(sql, { hash, nonceHash, now });
    const session = await liveSession(sql, spent.session_id, now);
    if (session === null) return { kind: 'ended' };
    const next = await issueRefreshToken(identity, sql, session.id, spent.generation + 1);
    return { kind: 'fresh', session, next };
  });
}

interface Unspent {
  readonly hash: string;
  readonly nonceHash: string | null;
  readonly now: Millis;
}

async function judgeUnspent(sql: Sql, { hash, nonceHash, now }: Unspent): Promise<Use> {
  type Row = {
    readonly session_id: string;
    readonly used_at: number | null;
    readonly used_nonce: string | null;
  };
  const [row] = await sql.all<Row>(READ, [hash]);
  if (row === undefined || row.used_at === null) return { kind: 'invalid' };
  const session = await liveSession(sql, row.session_id, now);
  if (session === null) return { kind: 'ended' };
  if (now - row.used_at <= GRACE_MS && row.used_nonce === nonceHash) return { kind: 'raced' };
  await endSession(sql, session.id, { now, ending: 'reuse' });
  await remember(sql, {
    at: now,
    teamId: session.teamId,
    actor: session.email,
    action: 'refresh.reused',
    subject: session.id,
  });
  return { kind: 'ended' };
}

/** The login of a refresh token, used or not; null for what is none. */
export async function sessionOfRefreshToken(sql: Sql, text: string): Promise<string | null> {
  const hash = hashOfSecret(text, 'skr');
  if (hash === null) return null;
  const [row] = await sql.all<{ readonly session_id: string }>(READ, [hash]);
  return row?.session_id ?? null;
}

const LAST_EXPIRY = `
  SELECT expires_at FROM refresh_tokens WHERE session_id = $1 ORDER BY generation DESC LIMIT 1`;

/** When a login's present refresh token expires; null for a login without. */
export async function refreshExpiry(sql: Sql, sessionId: string): Promise<Millis | null> {
  const [row] = await sql.all<{ readonly expires_at: number }>(LAST_EXPIRY, [sessionId]);
  return row?.expires_at ?? null;
}
