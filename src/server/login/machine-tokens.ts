import { timingSafeEqual } from 'node:crypto';
import { type Millis, type Random, sha256Hex } from '../../base/index.ts';
import { TOKEN_USE_EVERY_MS } from '../limits.ts';
import type { Driver } from '../store/driver.ts';
import { markUsed, type StoredToken, tokensWithPrefix } from '../store/tokens.ts';

// A token is `skt_`, 8 hex digits that find its row, 48 that are the secret, and 8 that check the others: a
// scanner of sources or logs can tell a real one from noise without asking anybody.
const MARK = 'skt_';
const PREFIX_BYTES = 4;
const SECRET_BYTES = 24;
const CHECK_CHARS = 8;
const SHAPE = /^skt_[0-9a-f]{64}$/;
const PREFIX_CHARS = MARK.length + 2 * PREFIX_BYTES;

export interface NewSecret {
  /** The token itself: shown once, kept nowhere. */
  readonly text: string;
  readonly prefix: string;
  readonly hash: string;
}

/** Draws a new token. */
export function mintSecret(random: Random): NewSecret {
  const body = `${MARK}${Buffer.from(random(PREFIX_BYTES + SECRET_BYTES)).toString('hex')}`;
  const text = `${body}${checkOf(body)}`;
  return { text, prefix: text.slice(0, PREFIX_CHARS), hash: sha256Hex(text) };
}

function checkOf(body: string): string {
  return sha256Hex(body).slice(0, CHECK_CHARS);
}

function isSecret(text: string): boolean {
  return SHAPE.test(text) && checkOf(text.slice(0, -CHECK_CHARS)) === text.slice(-CHECK_CHARS);
}

/** The token that is presented, when it is in force, and its use noted; else null. */
export async function machineTokenOf(
  driver: Driver,
  text: string,
  now: Millis,
): Promise<StoredToken | null> {
  if (!isSecret(text)) return null;
  const candidates = await tokensWithPrefix(driver, text.slice(0, PREFIX_CHARS));
  const hash = Buffer.from(sha256Hex(text));
  const token = candidates.find((each) => timingSafeEqual(hash, Buffer.from(each.hash)));
  if (token === undefined || token.revokedAt !== null) return null;
  if (token.expiresAt !== null && token.expiresAt <= now) return null;
  await noteUse(driver, token, now);
  return token;
}

async function noteUse(driver: Driver, token: StoredToken, now: Millis): Promise<void> {
  if (token.lastUsedAt !== null && now - token.lastUsedAt < TOKEN_USE_EVERY_MS) return;
  await markUsed(driver, token.id, now);
}
