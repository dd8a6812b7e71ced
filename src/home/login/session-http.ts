import { canonicalUrl } from '../../base/index.ts';
import { HEADERS } from '../../wire/index.ts';
import type { Home } from '../home.ts';
import type { Http } from '../http.ts';
import type { HttpReply, HttpRequest } from '../http-exchange.ts';
import { currentToken } from './renewal.ts';
import type { Session } from './sessions.ts';

/**
 * The network as a login sees it: requests to its own origin carry its token, renewed in time and once more when the
 * server refuses it. Every other request, and one that brings its own authorization, goes out as it is.
 */
export function sessionHttp(home: Home, session: Session): Http {
  return {
    send: (request) =>
      isFor(session, request) ? sendSigned(home, session, request) : home.http.send(request),
    close: () => {
      // The connections are the home's.
    },
  };
}

const UNAUTHORIZED = 401;

function isFor(session: Session, request: HttpRequest): boolean {
  const canonical = canonicalUrl(request.url.replace(/[?#].*$/s, ''));
  if (!canonical.ok || canonical.value.origin !== session.origin) return false;
  return !Object.keys(request.headers).some((name) => name.toLowerCase() === HEADERS.authorization);
}

async function sendSigned(home: Home, session: Session, request: HttpRequest): Promise<HttpReply> {
  const first = await currentToken(home, session, null);
  if (first.kind !== 'token') return unsigned(first);
  const reply = await home.http.send(signed(request, first.token));
  if (reply.kind !== 'response' || reply.status !== UNAUTHORIZED) return reply;
  const second = await currentToken(home, session, first.token);
  if (second.kind === 'none') return reply;
  return second.kind === 'failed' ? second.reply : home.http.send(signed(request, second.token));
}

function signed(request: HttpRequest, token: string): HttpRequest {
  return {
    ...request,
    headers: { ...request.headers, [HEADERS.authorization]: `Bearer ${token}` },
  };
}

/** Nothing leaves without the login that it was meant for. */
function unsigned(
  token: Exclude<Awaited<ReturnType<typeof currentToken>>, { kind: 'token' }>,
): HttpReply {
  if (token.kind === 'failed') return token.reply;
  return { kind: 'response', status: UNAUTHORIZED, headers: {}, body: Buffer.alloc(0) };
}
