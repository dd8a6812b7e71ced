import { FORM_MEDIA_TYPE, HEADERS, PATHS } from '../../wire/index.ts';
import type { Home } from '../home.ts';
import type { HttpReply } from '../http-exchange.ts';
import { parseGrant, parseRefusal, type Issued } from './answers.ts';
import { CLIENT_ID } from './renewal.ts';

/** What a person needs to confirm a login in a browser. */
export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | null;
}

export type DeviceOutcome =
  | { readonly kind: 'given'; readonly value: Issued }
  /** The server does not offer this way to log in. */
  | { readonly kind: 'not_offered' }
  /** `access_denied`, `expired_token`, or what else ended it. */
  | { readonly kind: 'ended'; readonly reason: string };

const SCOPE = 'offline_access';
const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;
const NOT_OFFERED: ReadonlySet<number> = new Set([404, 405, 501]);
/** The library never learns where the server is: every byte goes where we say. */
const ELSEWHERE = 'https://login.invalid';
/** A server that cannot be reached for a moment is asked again after this long. */
const RETRY_AFTER_SECONDS = '2';

/**
 * Logs in by the device authorization grant (RFC 8628): shows a code, and asks until somebody confirmed it elsewhere,
 * it expired, or `signal` aborts.
 */
export async function logInByDevice(
  home: Home,
  server: string,
  options: { readonly show: (code: DeviceCode) => void; readonly signal: AbortSignal },
): Promise<DeviceOutcome> {
  const client = await import('openid-client');
  const last: { reply: HttpReply | null } = { reply: null };
  const config = new client.Configuration(
    {
      issuer: ELSEWHERE,
      device_authorization_endpoint: `${ELSEWHERE}${PATHS.oauthDevice}`,
      token_endpoint: `${ELSEWHERE}${PATHS.oauthToken}`,
    },
    CLIENT_ID,
    undefined,
    client.None(),
  );
  config[client.customFetch] = async (url, request) => {
    last.reply = await sendForm(home, url.replace(ELSEWHERE, server), request.body);
    return toResponse(last.reply);
  };
  try {
    const code = await client.initiateDeviceAuthorization(config, { scope: SCOPE });
    options.show({
      userCode: code.user_code,
      verificationUri: code.verification_uri,
      verificationUriComplete: code.verification_uri_complete ?? null,
    });
    const expiry = AbortSignal.timeout(Math.min(code.expires_in, MAX_WAIT_SECONDS) * 1_000);
    await client.pollDeviceAuthorizationGrant(config, code, undefined, {
      signal: AbortSignal.any([options.signal, expiry]),
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return endingOf(last.reply, options.signal);
  }
  const body = last.reply?.kind === 'response' ? last.reply.body : Buffer.alloc(0);
  const issued = parseGrant(body, home.system.clock.now());
  return issued === null
    ? { kind: 'ended', reason: 'the server confirmed it without a token' }
    : { kind: 'given', value: issued };
}

const MAX_WAIT_SECONDS = 3_600;

/** The library speaks through our own door: no redirects, bounded answers, one deadline. */
function sendForm(home: Home, url: string, body: unknown): Promise<HttpReply> {
  return home.http.send({
    method: 'POST',
    url,
    headers: { [HEADERS.contentType]: FORM_MEDIA_TYPE, accept: 'application/json' },
    body: Buffer.from(body instanceof URLSearchParams ? String(body) : ''),
    deadlineMs: DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
}

function toResponse(reply: HttpReply): Response {
  if (reply.kind === 'failure') {
    return new Response(null, { status: 503, headers: { 'retry-after': RETRY_AFTER_SECONDS } });
  }
  const { status, headers, body } = reply;
  const bytes = status === 200 ? withTokenType(body) : new Uint8Array(body);
  return new Response(bytes, { status, headers });
}

/** The contract of the earlier servers leaves out the type of a token, which is always the same. */
function withTokenType(body: Buffer): Uint8Array<ArrayBuffer> {
  const text = body.toString('utf8');
  const isToken = /"access_token"/.test(text) && !/"token_type"/.test(text);
  return Buffer.from(isToken ? text.replace('{', '{"token_type":"bearer",') : text);
}

/** Why it came to nothing, as the server's last answer says it: the library's own words may quote what was sent. */
function endingOf(
  reply: HttpReply | null,
  signal: AbortSignal,
): Exclude<DeviceOutcome, { kind: 'given' }> {
  if (signal.aborted) return { kind: 'ended', reason: 'it was interrupted' };
  if (reply === null) return { kind: 'ended', reason: 'the server was not asked' };
  if (reply.kind === 'failure')
    return { kind: 'ended', reason: `${reply.reason}: ${reply.detail}` };
  if (NOT_OFFERED.has(reply.status)) return { kind: 'not_offered' };
  const { error } = parseRefusal(reply);
  if (error === 'authorization_pending' || error === 'slow_down') {
    return { kind: 'ended', reason: 'the code expired before anybody confirmed it' };
  }
  return { kind: 'ended', reason: error === '' ? `HTTP ${reply.status}` : error };
}
