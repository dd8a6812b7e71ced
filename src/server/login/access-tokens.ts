import { errors, jwtVerify, SignJWT } from 'jose';
import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { Store } from '../store/store.ts';
import type { Identity } from '../identity/identity.ts';
import { type LiveSession, liveSession } from './sessions.ts';
import { ALGORITHM, currentKey, publicKey } from './signing-keys.ts';

/** How long an access token is worth something by itself; its session is asked each time anyway. */
export const ACCESS_MS = 900_000;

const SKEW_S = 30;
/** RFC 9068: an access token is no other kind of token. */
const TYPE = 'at+jwt';
const AUDIENCE = 'spec-kitty-receiver';
const MAX_CHARS = 2_048;
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const KEY_ID = /^[0-9A-Z]{26}$/;

/** Signs a token for a login; the caller holds the transaction. */
export async function signAccessToken(
  identity: Identity,
  sql: Sql,
  session: { readonly id: string; readonly userId: string },
): Promise<string> {
  const { clock, ids, store } = identity;
  const { id: kid, privateKey } = await currentKey(identity, sql);
  const now = Math.floor(clock.now() / 1000);
  return new SignJWT({ sid: session.id })
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: TYPE })
    .setSubject(session.userId)
    .setIssuer(issuerOf(store))
    .setAudience(AUDIENCE)
    .setJti(ids.ulid())
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + ACCESS_MS / 1000)
    .sign(privateKey);
}

/** A login that an access token speaks for, and when the token ends. */
export interface Access {
  readonly session: LiveSession;
  readonly expiresAt: Millis;
}

/**
 * The login that a token speaks for; null for a token that is not ours, not of now, or of a login that has ended.
 * Algorithm and keys are ours: the token's head only says which of our keys it means.
 */
export async function accessOf(store: Store, token: string, now: Millis): Promise<Access | null> {
  if (token.length > MAX_CHARS || !SHAPE.test(token)) return null;
  const claims = await claimsOf(store, token, now);
  if (claims === null) return null;
  const session = await liveSession(store.driver, claims.sid, now);
  if (session === null || session.userId !== claims.sub) return null;
  return { session, expiresAt: claims.exp * 1000 };
}

interface Claims {
  readonly sid: string;
  readonly sub: string;
  readonly exp: number;
}

async function claimsOf(store: Store, token: string, now: Millis): Promise<Claims | null> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const isOurs = typeof kid === 'string' && KEY_ID.test(kid);
        const key = isOurs ? await publicKey(store.driver, kid, now) : null;
        if (key === null) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      {
        algorithms: [ALGORITHM],
        issuer: issuerOf(store),
        audience: AUDIENCE,
        typ: TYPE,
        clockTolerance: SKEW_S,
        maxTokenAge: ACCESS_MS / 1000,
        requiredClaims: ['sub', 'exp', 'nbf', 'iat', 'jti', 'sid'],
        currentDate: new Date(now),
      },
    );
    const { sid, sub, exp } = payload;
    if (typeof sid !== 'string' || sub === undefined || exp === undefined) return null;
    return { sid, sub, exp };
  } catch (error) {
    // Whatever is wrong with a token of somebody else's making; the storage's failures are not that.
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

/** Tokens of one receiver are nothing to another. */
function issuerOf({ instanceId }: Store): string {
  return `urn:uuid:${instanceId}`;
}
