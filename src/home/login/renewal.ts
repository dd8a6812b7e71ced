import type { Millis } from '../../base/index.ts';
import { FORM_MEDIA_TYPE, JSON_MEDIA_TYPE, PATHS } from '../../wire/index.ts';
import type { Home } from '../home.ts';
import type { HttpReply } from '../http-exchange.ts';
import { parseGrant, parseRefusal, parseTokenPair, type Issued } from './answers.ts';
import { readLogin, replaceLogin, type Login } from './keeping.ts';
import { releaseTurn, takeTurn } from './refresh-turn.ts';
import type { Session } from './sessions.ts';

/** The public name of command lines at an OAuth server (wire contract 7.2). */
export const CLIENT_ID = 'cli_native';

/** What a request may be signed with. */
export type Token =
  | { readonly kind: 'token'; readonly token: string }
  /** Whoever the request is for is not logged in any more. */
  | { readonly kind: 'none' }
  /** It is worn, and could not be renewed just now. */
  | { readonly kind: 'failed'; readonly reply: HttpReply };

/** A token that ends within this time is renewed before it is used (wire contract 7.2). */
const EARLY_MS = 5_000;
const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;
const MAX_TRIES = 4;
const MAX_RETRY_AFTER_MS = 5_000;
const NONE: Token = { kind: 'none' };

/**
 * The token of a login, renewed where it is about to end or where it is `refused`, one that the server did not take.
 * Of all processes that need a new one, one asks for it. A login that the server ended is written down as ended; a
 * failure of the network ends nothing.
 * @throws UserError `session_unreadable`.
 */
export async function currentToken(
  home: Home,
  whose: Session,
  refused: string | null,
): Promise<Token> {
  const seen: { login: Login | null } = { login: null };
  const isNeeded = async (): Promise<boolean> => {
    seen.login = await readOwn(home, whose);
    return seen.login !== null && isWorn(seen.login, refused, home.system.clock.now());
  };
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const turn = await takeTurn(home, whose.origin, isNeeded);
    if (turn === 'unneeded') return usable(seen.login, refused);
    if (turn === 'busy') break;
    let pauseMs: Millis = 0;
    try {
      // Somebody may have been at it between the look and the turn.
      const isStillNeeded = await isNeeded();
      const { login } = seen;
      if (!isStillNeeded || login === null) return usable(login, refused);
      const answer = await askForTokens(home, login);
      if (answer.kind === 'failed') return answer;
      if (answer.kind === 'replayed') pauseMs = answer.retryAfterMs;
      else await write(home, login, answer);
    } finally {
      releaseTurn(home.machine(), turn);
    }
    if (pauseMs > 0) await home.system.clock.sleep(pauseMs);
  }
  return { kind: 'failed', reply: BUSY };
}

const BUSY: HttpReply = {
  kind: 'failure',
  reason: 'timeout',
  detail: 'the login is being renewed by another process',
  bytesSent: 0,
};

/** The login, unless somebody else has logged in at the origin meanwhile. */
async function readOwn(home: Home, whose: Session): Promise<Login | null> {
  const login = await readLogin(home, whose.origin);
  const isSame = login?.session.user === whose.user && login.session.team === whose.team;
  return isSame ? login : null;
}

function isWorn({ session, secrets }: Login, refused: string | null, now: Millis): boolean {
  if (secrets.refresh === null) return false;
  const { accessExpiresAt } = session;
  return (
    secrets.token === refused || (accessExpiresAt !== null && accessExpiresAt - now <= EARLY_MS)
  );
}

function usable(login: Login | null, refused: string | null): Token {
  if (login === null || login.secrets.token === refused) return NONE;
  return { kind: 'token', token: login.secrets.token };
}

type Answer =
  | { readonly kind: 'issued'; readonly issued: Issued }
  | { readonly kind: 'ended'; readonly reason: string }
  | { readonly kind: 'replayed'; readonly retryAfterMs: Millis }
  | { readonly kind: 'failed'; readonly reply: HttpReply };

async function write(
  home: Home,
  { session }: Login,
  answer: Extract<Answer, { kind: 'issued' | 'ended' }>,
): Promise<void> {
  const renewals = session.renewals + 1;
  if (answer.kind === 'ended') {
    home.log.info('login.ended', { origin: session.origin, reason: answer.reason });
    await replaceLogin(home, session, { renewals, ended: answer.reason }, null);
    return;
  }
  const { secrets, accessExpiresAt, refreshExpiresAt, sessionId } = answer.issued;
  home.log.info('login.renewed', { origin: session.origin, renewals });
  await replaceLogin(
    home,
    session,
    {
      renewals,
      accessExpiresAt,
      refreshExpiresAt,
      sessionId: sessionId ?? session.sessionId,
    },
    secrets,
  );
}

async function askForTokens(home: Home, { session, secrets }: Login): Promise<Answer> {
  const refresh = secrets.refresh ?? '';
  const isGrant = session.kind === 'device';
  const nonce = session.client === null ? {} : { client_nonce: session.client };
  const body = isGrant
    ? String(
        new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refresh,
          client_id: CLIENT_ID,
          ...nonce,
        }),
      )
    : JSON.stringify({ refresh, ...nonce });
  const reply = await home.http.send({
    method: 'POST',
    url: `${session.server}${isGrant ? PATHS.oauthToken : PATHS.tokenRefresh}`,
    headers: { 'content-type': isGrant ? FORM_MEDIA_TYPE : JSON_MEDIA_TYPE },
    body: Buffer.from(body),
    deadlineMs: DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
  if (reply.kind === 'failure') return { kind: 'failed', reply };
  if (reply.status !== 200) return readRefusal(reply, isGrant);
  const now = home.system.clock.now();
  const { refreshExpiresAt } = session;
  const issued = isGrant
    ? parseGrant(reply.body, now, { refresh, refreshExpiresAt })
    : parseTokenPair(reply.body, now);
  if (issued !== null) return { kind: 'issued', issued };
  const detail = 'the answer to the renewal of the login holds no tokens';
  return { kind: 'failed', reply: { kind: 'failure', reason: 'malformed', detail, bytesSent: 0 } };
}

/** The words that end a login, as a person reads them. */
const ENDINGS: Readonly<Record<string, string>> = {
  invalid_grant: 'the server does not renew it any more (invalid_grant)',
  session_invalid: 'the server invalidated it (session_invalid)',
};

function readRefusal(
  reply: Extract<HttpReply, { kind: 'response' }>,
  isGrant: boolean,
): Exclude<Answer, { kind: 'issued' }> {
  const { error, retryAfterMs } = parseRefusal(reply);
  if (reply.status === 409 && error === 'refresh_replay_benign_retry') {
    return { kind: 'replayed', retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) };
  }
  const isRefused = reply.status === 401 || (isGrant && reply.status === 400);
  const ending = isGrant ? ENDINGS[error] : 'the server does not renew it any more';
  if (isRefused && ending !== undefined) return { kind: 'ended', reason: ending };
  return { kind: 'failed', reply };
}
