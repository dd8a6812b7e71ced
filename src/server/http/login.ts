import { asObject, asText, member, parseJson } from '../../wire/index.ts';
import { requirePerson } from '../auth.ts';
import { DEVICE_GRANT_MS, POLL_EVERY_S, startDeviceGrant } from '../login/device-grants.ts';
import type { Identity } from '../identity/identity.ts';
import { countBeginning } from '../login/attempts.ts';
import {
  endLogin,
  type Pair,
  pollDevice,
  provePassword,
  type Refreshed,
  refreshLogin,
  startLogin,
} from '../login/logins.ts';
import { REFRESH_MS, refreshExpiry } from '../login/refresh-tokens.ts';
import { teamsOfUser } from '../identity/teams.ts';
import { PAGES } from '../routes.ts';
import { HttpError } from './errors.ts';
import { readForm } from './form.ts';
import { addressOf, type Handler, type Here } from './here.ts';

const MAX_BYTES = 8_192;
const MAX_NONCE_CHARS = 128;
const CLIENT = 'cli_native';
const SCOPE = 'offline_access';
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const RACED_RETRY_S = 1;

/** Logging in and out and asking who one is (wire contract 7). */
export function loginHandlers(
  identity: Identity,
): Readonly<
  Record<
    'logIn' | 'refresh' | 'startDevice' | 'exchange' | 'logOut' | 'me' | 'sessionStatus',
    Handler
  >
> {
  return {
    logIn: async (c) => c.json(await logIn(identity, c), 200, PRIVATE),
    refresh: async (c) => c.json(await refreshJson(identity, c), 200, PRIVATE),
    startDevice: async (c) => c.json(await startDevice(identity, c), 200, PRIVATE),
    exchange: async (c) => c.json(await exchange(identity, c), 200, PRIVATE),
    logOut: async (c) => {
      await endLogin(identity, (await readForm(c)).get('token') ?? '');
      return c.json({ revoked: true }, 200, PRIVATE);
    },
    me: async (c) => c.json(await describePerson(identity, c), 200, PRIVATE),
    sessionStatus: (c) => c.json({ session_id: requirePerson(c.var.visitor).id }, 200, PRIVATE),
  };
}

const PRIVATE = { 'cache-control': 'no-store', pragma: 'no-cache' };

type Members = Readonly<Record<string, unknown>>;

async function logIn(identity: Identity, c: Here): Promise<Members> {
  const body = await readJson(c);
  const [username, password] = [body.text('username'), body.text('password')];
  if (username === null || password === null) throw badRequest('username and password are needed');
  const proof = await provePassword(identity, { username, password, address: addressOf(c) });
  if (proof.kind === 'limited') throw limited(proof.waitMs);
  const pair =
    proof.kind === 'proven'
      ? await startLogin(identity, proof.user, { kind: 'password', wanted: body.text('team') })
      : null;
  // A team that one is not in and a wrong password are one answer: neither says what exists.
  if (pair === null) throw new HttpError(401, 'invalid_credentials', 'Invalid credentials');
  return pairToJson(pair);
}

async function refreshJson(identity: Identity, c: Here): Promise<Members> {
  const body = await readJson(c);
  const nonce = nonceOf(body.text('client_nonce'));
  const refreshed = await refreshLogin(identity, body.text('refresh') ?? '', nonce);
  if (refreshed.kind === 'fresh') return pairToJson(refreshed.pair);
  if (refreshed.kind === 'raced') throw raced();
  throw new HttpError(401, 'invalid_refresh_token', 'the refresh token is not valid');
}

function pairToJson({ access, accessMs, refresh, sessionId, teamId }: Pair): Members {
  return {
    access,
    refresh: refresh.text,
    access_lifetime: accessMs / 1000,
    refresh_lifetime: REFRESH_MS / 1000,
    team_slug: teamId,
    session_id: sessionId,
  };
}

async function startDevice(identity: Identity, c: Here): Promise<Members> {
  const form = await readForm(c);
  requireClient(form);
  const { store, clock } = identity;
  const beginning = { what: 'device', address: addressOf(c) };
  const waitMs = await countBeginning(store.driver, beginning, clock.now());
  if (waitMs !== null) throw limited(waitMs);
  const grant = await startDeviceGrant(identity);
  if (grant === null) throw oauthError(503, 'temporarily_unavailable', 'too many devices wait');
  const page = `${c.var.base}${PAGES.device}`;
  return {
    device_code: grant.deviceCode,
    user_code: grant.userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${grant.userCode}`,
    expires_in: DEVICE_GRANT_MS / 1000,
    interval: POLL_EVERY_S,
  };
}

async function exchange(identity: Identity, c: Here): Promise<Members> {
  const form = await readForm(c);
  requireClient(form);
  const kind = form.get('grant_type');
  if (kind === DEVICE_GRANT) {
    const pair = await pollDevice(identity, form.get('device_code') ?? '');
    if ('kind' in pair) throw oauthError(400, pair.kind, POLL_TEXTS[pair.kind]);
    return pairToOauth(pair);
  }
  if (kind === 'refresh_token') {
    const nonce = nonceOf(form.get('client_nonce'));
    return refreshedToOauth(await refreshLogin(identity, form.get('refresh_token') ?? '', nonce));
  }
  throw oauthError(400, 'unsupported_grant_type', 'device_code and refresh_token are understood');
}

const POLL_TEXTS = {
  authorization_pending: 'nobody has decided yet',
  slow_down: 'ask less often',
  access_denied: 'it was turned down',
  expired_token: 'the code has expired',
  invalid_grant: 'no such code waits',
};

function refreshedToOauth(refreshed: Refreshed): Members {
  if (refreshed.kind === 'fresh') return pairToOauth(refreshed.pair);
  if (refreshed.kind === 'raced') throw raced();
  if (refreshed.kind === 'ended') {
    throw oauthError(400, 'session_invalid', 'the login has ended');
  }
  throw oauthError(400, 'invalid_grant', 'the refresh token is not valid');
}

function pairToOauth({ access, accessMs, refresh, sessionId, teamId }: Pair): Members {
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in: accessMs / 1000,
    refresh_token: refresh.text,
    refresh_token_expires_in: REFRESH_MS / 1000,
    refresh_token_expires_at: new Date(refresh.expiresAt).toISOString(),
    scope: SCOPE,
    session_id: sessionId,
    generation: refresh.generation,
    team_id: teamId,
  };
}

async function describePerson({ store }: Identity, c: Here): Promise<Members> {
  const session = requirePerson(c.var.visitor);
  const actor = c.var.visitor?.actor;
  const teams = await teamsOfUser(store.driver, session.userId);
  const refreshAt = await refreshExpiry(store.driver, session.id);
  const accessAt = actor?.kind === 'person' ? actor.access.expiresAt : null;
  return {
    user_id: session.userId,
    email: session.email,
    name: session.name,
    teams: teams.map(({ team, role }) => ({
      id: team.id,
      name: team.name,
      role,
      is_private_teamspace: team.isPrivate,
    })),
    team_id: session.teamId,
    session_id: session.id,
    authenticated_at: new Date(session.createdAt).toISOString(),
    access_token_expires_at: isoOf(accessAt),
    refresh_token_expires_at: isoOf(refreshAt),
    auth_flow: session.kind === 'device' ? 'device_code' : session.kind,
  };
}

function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

interface JsonBody {
  /** A member that is a text, else null. Whatever else the body says is not looked at. */
  text(key: string): string | null;
}

async function readJson(c: Here): Promise<JsonBody> {
  const bytes = await c.var.inlet.read(MAX_BYTES);
  const parsed = bytes === null ? null : parseJson(bytes, { maxBytes: MAX_BYTES });
  const object = parsed?.ok === true ? asObject(parsed.value) : null;
  if (object === null) throw badRequest('a JSON object is needed');
  return { text: (key) => asText(member(object, key)) };
}

function nonceOf(text: string | null | undefined): string | null {
  if (text == null || text === '') return null;
  if (text.length <= MAX_NONCE_CHARS) return text;
  throw badRequest(`client_nonce has at most ${MAX_NONCE_CHARS} characters`);
}

function requireClient(form: ReadonlyMap<string, string>): void {
  if (form.get('client_id') === CLIENT) return;
  throw oauthError(400, 'invalid_client', `client_id is ${CLIENT}`);
}

function badRequest(message: string): HttpError {
  return new HttpError(400, 'bad_request', message);
}

/** One answer for every account, known or not. */
export function limited(waitMs: number): HttpError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new HttpError(429, 'rate_limited', 'too many tries: wait', {
    members: { retry_after: seconds },
    headers: { 'retry-after': String(seconds) },
  });
}

/** Another process of the client has the new tokens already (wire contract 7.2). */
function raced(): HttpError {
  return oauthError(409, 'refresh_replay_benign_retry', 'another process was faster', {
    retry_after: RACED_RETRY_S,
  });
}

/** A refusal in the words of RFC 6749 section 5.2, where `error` is the code. */
function oauthError(status: number, code: string, text: string, more: Members = {}): HttpError {
  return new HttpError(status, code, text, {
    members: { error: code, error_description: text, ...more },
    headers: PRIVATE,
  });
}
