import { timingSafeEqual } from 'node:crypto';
import { type Millis, type Random, sha256Hex } from '../base/index.ts';
import { TOKEN_USE_EVERY_MS } from './limits.ts';
import { HttpError } from './http/errors.ts';
import { LOCAL_TEAM, type Store } from './store/store.ts';
import type { TeamScope } from './store/team-scope.ts';
import {
  hasLiveToken,
  markUsed,
  type StoredToken,
  type TokenScope,
  tokensWithPrefix,
} from './store/tokens.ts';

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

/** Where a request came from and what it presents. */
export interface Caller {
  /** The `Authorization` header, null when there is none. */
  readonly authorization: string | null;
  /** True for a client on this machine that nobody forwarded. */
  readonly isLocal: boolean;
}

/** Whether an address of a socket is this machine's own. */
export function isLoopbackAddress(address: string): boolean {
  return /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address) || address === '::1';
}

/** Whether a name, without a port, can only mean this machine. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || isLoopbackAddress(bare);
}

/** The one place where a text becomes a team that somebody speaks for. */
function scopeOf(teamId: string): TeamScope {
  return teamId as TeamScope;
}

/** Who holds the database itself speaks for every team in it. */
export function operatorScope(teamId: string): TeamScope {
  return scopeOf(teamId);
}

/** Who a request speaks for. `token` is null for a local client of a receiver without tokens. */
export interface Visitor {
  readonly team: TeamScope;
  readonly token: StoredToken | null;
}

/**
 * Who is calling; null for a caller without a token where tokens exist, who may ask for health only.
 * @throws HttpError 401 `authentication_required` for a token that is not in force, whatever is asked for, and
 * for a caller from elsewhere while no token is in force.
 */
export async function identify(store: Store, caller: Caller, now: Millis): Promise<Visitor | null> {
  if (caller.authorization !== null) {
    const token = await tokenInForce(store, caller.authorization);
    await noteUse(store, token, now);
    return { team: scopeOf(token.teamId), token };
  }
  if (await hasLiveToken(store.driver)) return null;
  if (caller.isLocal) return { team: scopeOf(LOCAL_TEAM), token: null };
  throw authenticationRequired('this receiver has no tokens yet and serves its own machine only');
}

async function tokenInForce(store: Store, authorization: string): Promise<StoredToken> {
  const text = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  const candidates = isSecret(text)
    ? await tokensWithPrefix(store.driver, text.slice(0, PREFIX_CHARS))
    : [];
  const hash = Buffer.from(sha256Hex(text));
  const token = candidates.find((each) => timingSafeEqual(hash, Buffer.from(each.hash)));
  // One answer for every reason: a caller learns nothing about which tokens exist or existed.
  if (token === undefined || token.revokedAt !== null) {
    throw authenticationRequired('the token is not valid here');
  }
  return token;
}

async function noteUse(store: Store, token: StoredToken, now: Millis): Promise<void> {
  if (token.lastUsedAt !== null && now - token.lastUsedAt < TOKEN_USE_EVERY_MS) return;
  await markUsed(store.driver, token.id, now);
}

/** The visitor, who must be known. @throws HttpError 401. */
export function requireVisitor(visitor: Visitor | null): Visitor {
  if (visitor === null) throw authenticationRequired('a token is needed');
  return visitor;
}

/**
 * The visitor, who must be known and have the scope.
 * @throws HttpError 401 without a token, 403 `scope_refused` with a token of another scope.
 */
export function requireScope(caller: Visitor | null, scope: TokenScope): Visitor {
  const visitor = requireVisitor(caller);
  if (visitor.token !== null && visitor.token.scope !== scope) {
    throw new HttpError(403, 'scope_refused', `this token is not for: ${scope}`);
  }
  return visitor;
}

/** Whether the visitor may speak about a project. */
export function coversProject(visitor: Visitor, projectId: string): boolean {
  const projects = visitor.token?.projects ?? 'all';
  return projects === 'all' || projects.includes(projectId);
}

function authenticationRequired(detail: string): HttpError {
  return new HttpError(401, 'authentication_required', 'authentication_required', {
    members: { detail },
    headers: { 'www-authenticate': 'Bearer' },
  });
}
