import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import { ACCESS_MS, signAccessToken } from './access-tokens.ts';
import { countAttempt, forgiveAttempt } from './attempts.ts';
import { remember, rememberSeldom } from '../identity/audit.ts';
import { pollDeviceGrant, type Poll } from './device-grants.ts';
import type { Identity } from '../identity/identity.ts';
import { isPassword } from './passwords.ts';
import {
  issueRefreshToken,
  type RefreshToken,
  sessionOfRefreshToken,
  spendRefreshToken,
  type Use,
} from './refresh-tokens.ts';
import { drawSecret } from './secrets.ts';
import {
  endOwnSessions,
  endSession,
  insertSession,
  type LiveSession,
  type SessionKind,
} from './sessions.ts';
import { teamsOfUser } from '../identity/teams.ts';
import { accountWithEmail, parseEmail, type User } from '../identity/users.ts';

/** What a login gets to work with. */
export interface Pair {
  readonly access: string;
  readonly accessMs: Millis;
  readonly refresh: RefreshToken;
  readonly sessionId: string;
  readonly teamId: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly address: string;
}

/** Who proved to be who they say, or why nobody did. */
export type Proof =
  | { readonly kind: 'proven'; readonly user: User }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'limited'; readonly waitMs: Millis };

/** Checks a password. Unknown accounts cost the same time and get the same answer as wrong passwords. */
export async function provePassword(identity: Identity, credentials: Credentials): Promise<Proof> {
  const { store, clock } = identity;
  const { address } = credentials;
  const email = parseEmail(credentials.username);
  const attempt = { account: email ?? '', address };
  const about = { teamId: null, actor: address, subject: email ?? 'no address' };
  const waitMs = await countAttempt(store.driver, attempt, clock.now());
  if (waitMs !== null) {
    const act = { ...about, at: clock.now(), action: 'login.limited' } as const;
    await rememberSeldom(store.driver, act, waitMs);
    return { kind: 'limited', waitMs };
  }
  const account = email === null ? null : await accountWithEmail(store.driver, email);
  const isRight = await isPassword(credentials.password, account?.password ?? null);
  const at = clock.now();
  if (account === null || !isRight || account.user.disabledAt !== null) {
    await remember(store.driver, { ...about, at, action: 'login.failed' });
    return { kind: 'wrong' };
  }
  await forgiveAttempt(store.driver, attempt);
  await remember(store.driver, { ...about, at, action: 'login.succeeded' });
  return { kind: 'proven', user: account.user };
}

/**
 * Begins a login of a user.
 * @param wanted id or name of the team it speaks for; the private teamspace when null.
 * @returns null for a team that the user is not in.
 */
export async function startLogin(
  identity: Identity,
  user: { readonly id: string },
  { kind, wanted }: { readonly kind: SessionKind; readonly wanted: string | null },
): Promise<Pair | null> {
  return identity.store.driver.tx(async (sql) => {
    const teamId = await teamFor(sql, user.id, wanted);
    return teamId === null ? null : addLogin(identity, sql, { userId: user.id, teamId, kind });
  });
}

/** The same for a browser. @returns the secret of its cookie. */
export async function startBrowserLogin(
  { store, clock, ids, random }: Identity,
  user: { readonly id: string },
): Promise<string | null> {
  const { text, hash } = drawSecret(random, 'skb');
  return store.driver.tx(async (sql) => {
    const teamId = await teamFor(sql, user.id, null);
    if (teamId === null) return null;
    const session = { id: ids.ulid(), teamId, userId: user.id, kind: 'browser' as const };
    await insertSession(sql, { ...session, secretHash: hash }, clock.now());
    return text;
  });
}

/** A team of the user: the one that is named, otherwise the private one, which comes first. */
export async function teamFor(
  sql: Sql,
  userId: string,
  wanted: string | null,
): Promise<string | null> {
  const teams = await teamsOfUser(sql, userId);
  const found = teams.find(({ team }) =>
    wanted === null ? team.isPrivate : team.id === wanted || team.name === wanted,
  );
  return found?.team.id ?? null;
}

interface NewLogin {
  readonly userId: string;
  readonly teamId: string;
  readonly kind: SessionKind;
}

async function addLogin(identity: Identity, sql: Sql, login: NewLogin): Promise<Pair> {
  const id = identity.ids.ulid();
  await insertSession(sql, { ...login, id, secretHash: null }, identity.clock.now());
  const refresh = await issueRefreshToken(identity, sql, id, 1);
  return pairOf(identity, sql, { ...login, id }, refresh);
}

async function pairOf(
  identity: Identity,
  sql: Sql,
  session: { readonly id: string; readonly userId: string; readonly teamId: string },
  refresh: RefreshToken,
): Promise<Pair> {
  const access = await signAccessToken(identity, sql, session);
  const { id: sessionId, teamId } = session;
  return { access, accessMs: ACCESS_MS, refresh, sessionId, teamId };
}

/** What a refresh leads to, with the new pair where there is one. */
export type Refreshed =
  | { readonly kind: 'fresh'; readonly pair: Pair }
  | Exclude<Use, { readonly kind: 'fresh' }>;

/** Exchanges a refresh token for the next pair. */
export async function refreshLogin(
  identity: Identity,
  text: string,
  nonce: string | null,
): Promise<Refreshed> {
  const use = await spendRefreshToken(identity, text, nonce);
  if (use.kind !== 'fresh') return use;
  const { driver } = identity.store;
  return {
    kind: 'fresh',
    pair: await driver.tx((sql) => pairOf(identity, sql, use.session, use.next)),
  };
}

/** Answers a device that waits for its approval; with it begins its login. */
export async function pollDevice(
  identity: Identity,
  deviceCode: string,
): Promise<Pair | Exclude<Poll, { readonly kind: 'approved' }>> {
  return identity.store.driver.tx(async (sql) => {
    const poll = await pollDeviceGrant(sql, deviceCode, identity.clock.now());
    if (poll.kind !== 'approved') return poll;
    return addLogin(identity, sql, { ...poll.approval, kind: 'device' });
  });
}

/** Ends the login of a refresh token; what is no token ends nothing. */
export async function endLogin({ store, clock }: Identity, refreshToken: string): Promise<void> {
  const now = clock.now();
  await store.driver.tx(async (sql) => {
    const id = await sessionOfRefreshToken(sql, refreshToken);
    if (id === null || !(await endSession(sql, id, { now, ending: 'logout' }))) return;
    const about = { at: now, teamId: null, actor: id, subject: id };
    await remember(sql, { ...about, action: 'session.ended' });
  });
}

/**
 * A person ends one of their own logins, or all but the one they speak with (`others`).
 * @returns how many were in force: none for an id that is not theirs.
 */
export async function endOwnLogins(
  { store, clock }: Identity,
  { id: own, userId, email }: LiveSession,
  which: string,
): Promise<number> {
  const now = clock.now();
  const isKept = which === 'others';
  return store.driver.tx(async (sql) => {
    const wanted = { userId, id: isKept ? own : which, isKept };
    const count = await endOwnSessions(sql, wanted, { now, ending: 'logout' });
    const subject = isKept ? `${count} others of ${email}` : which;
    const about = { at: now, teamId: null, actor: email, subject };
    if (count > 0) await remember(sql, { ...about, action: 'session.ended' });
    return count;
  });
}
