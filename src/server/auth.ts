import type { Millis } from '../base/index.ts';
import { HttpError } from './http/errors.ts';
import { type Access, accessOf } from './login/access-tokens.ts';
import { machineTokenOf } from './login/machine-tokens.ts';
import { type Right, RIGHTS, RIGHTS_OF } from './identity/rights.ts';
import { hashOfSecret } from './login/secrets.ts';
import { type LiveSession, sessionWithSecret } from './login/sessions.ts';
import { hasUsers } from './identity/users.ts';
import { LOCAL_TEAM, type Store } from './store/store.ts';
import type { TeamScope } from './store/team-scope.ts';
import { hasLiveToken, type StoredToken } from './store/tokens.ts';

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

/** How somebody is known: as this machine of a receiver that knows nobody yet, by a token, or as a person. */
export type Actor =
  | { readonly kind: 'machine' }
  | { readonly kind: 'token'; readonly token: StoredToken }
  | { readonly kind: 'person'; readonly access: Access };

/** Who a request speaks for, and what it may do to what that team owns. */
export interface Visitor {
  readonly team: TeamScope;
  readonly actor: Actor;
  readonly rights: readonly Right[];
  /** What it is limited to. */
  readonly projects: 'all' | readonly string[];
}

/** The actor's name in audit and projects. */
export function nameOf({ actor }: Visitor): string {
  if (actor.kind === 'machine') return 'local';
  return actor.kind === 'token' ? `token:${actor.token.id}` : actor.access.session.email;
}

/**
 * Who is calling; null for a caller without a token where somebody is known, who may ask for health only.
 * @throws HttpError 401 `authentication_required` for a token that is not in force, whatever is asked for, and
 * for a caller from elsewhere while nobody is known.
 */
export async function identify(store: Store, caller: Caller, now: Millis): Promise<Visitor | null> {
  if (caller.authorization !== null) return bearerOf(store, caller.authorization, now);
  if (await isClaimed(store)) return null;
  if (caller.isLocal) {
    return {
      team: scopeOf(LOCAL_TEAM),
      actor: { kind: 'machine' },
      rights: RIGHTS,
      projects: 'all',
    };
  }
  throw authenticationRequired('this receiver has no tokens yet and serves its own machine only');
}

/** Whether a receiver knows somebody: from then on nobody is let in for where they are. */
export async function isClaimed({ driver }: Store): Promise<boolean> {
  return (await hasLiveToken(driver)) || (await hasUsers(driver));
}

async function bearerOf(store: Store, authorization: string, now: Millis): Promise<Visitor> {
  const text = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  const token = await machineTokenOf(store.driver, text, now);
  if (token !== null) {
    return {
      team: scopeOf(token.teamId),
      actor: { kind: 'token', token },
      rights: [token.scope],
      projects: token.projects,
    };
  }
  const access = await accessOf(store, text, now);
  if (access !== null) return visitorOf(access);
  // One answer for every reason: a caller learns nothing about which tokens exist or existed.
  throw authenticationRequired('the token is not valid here');
}

function visitorOf(access: Access): Visitor {
  const { teamId, role } = access.session;
  const actor = { kind: 'person', access } as const;
  return { team: scopeOf(teamId), actor, rights: RIGHTS_OF[role], projects: 'all' };
}

/** Who a browser's cookie speaks for; null for a cookie that is none of ours, or of a login that has ended. */
export async function identifyBrowser(
  store: Store,
  cookie: string | null,
  now: Millis,
): Promise<Visitor | null> {
  const hash = hashOfSecret(cookie, 'skb');
  const session = hash === null ? null : await sessionWithSecret(store.driver, hash, now);
  return session === null ? null : visitorOf({ session, expiresAt: now });
}

/**
 * Who looks at a page: whom the cookie speaks for, and this machine as long as nobody is known.
 * @throws HttpError 401 for a caller from elsewhere while nobody is known.
 */
export async function identifyReader(
  store: Store,
  { cookie, isLocal: isHere }: { readonly cookie: string | null; readonly isLocal: boolean },
  now: Millis,
): Promise<Visitor | null> {
  const visitor = await identifyBrowser(store, cookie, now);
  return visitor ?? identify(store, { authorization: null, isLocal: isHere }, now);
}

/** The visitor, who must be known. @throws HttpError 401. */
export function requireVisitor(visitor: Visitor | null): Visitor {
  if (visitor === null) throw authenticationRequired('a token is needed');
  return visitor;
}

/**
 * The visitor, who must be known and have the right.
 * @throws HttpError 401 for nobody, 403 `scope_refused` for who may do other things only.
 */
export function requireRight(caller: Visitor | null, right: Right): Visitor {
  const visitor = requireVisitor(caller);
  if (visitor.rights.includes(right)) return visitor;
  const what = visitor.actor.kind === 'token' ? 'this token' : 'this role';
  throw new HttpError(403, 'scope_refused', `${what} is not for: ${right}`);
}

/** The login of a person. @throws HttpError 401 for nobody, 403 `person_required` for a machine. */
export function requirePerson(caller: Visitor | null): LiveSession {
  const { actor } = requireVisitor(caller);
  if (actor.kind === 'person') return actor.access.session;
  throw new HttpError(403, 'person_required', 'machines have no account: ask with a login');
}

/** Whether the visitor may speak about a project. */
export function coversProject({ projects }: Visitor, projectId: string): boolean {
  return projects === 'all' || projects.includes(projectId);
}

/** The one answer to whoever is not known. */
export function authenticationRequired(detail: string): HttpError {
  return new HttpError(401, 'authentication_required', 'authentication_required', {
    members: { detail },
    headers: { 'www-authenticate': 'Bearer' },
  });
}
