import type http from 'node:http';
import { UserError, type Env } from '../base/index.ts';
import { exchange, type HttpReply, type HttpRequest } from './http-exchange.ts';

/** The only door to the network. */
export interface Http {
  /**
   * One request, one answer. Nothing that the network does is thrown; a redirect is an answer like any other.
   * @throws UserError `insecure_tls` when the environment asks to accept any certificate.
   */
  send(request: HttpRequest): Promise<HttpReply>;
  /** Ends requests in flight as `aborted` and closes idle connections. */
  close(): void;
}

/**
 * The network by `node:http(s)`: verified certificates, no redirects, no content coding, kept-alive connections.
 * A request whose kept-alive connection turns out dead before any byte came back is sent once more on a new one
 * (RFC 9112 section 9.3.1 leaves that to us: every request of ours may be repeated).
 */
export function createHttp(env: Env): Http {
  const agents = new Map<string, http.Agent>();
  const closing = new AbortController();
  return {
    send: async (request) => {
      const url = parseUrl(request.url);
      if (url === null) return malformed('the URL is not an http or https URL');
      if (url.protocol === 'https:') requireVerification(env);
      const secure = url.protocol === 'https:';
      const client = secure ? await import('node:https') : await import('node:http');
      const agent = agents.get(url.protocol) ?? new client.Agent(AGENT_OPTIONS);
      agents.set(url.protocol, agent);
      return withDeadline(request, closing.signal, async (ending) => {
        const attempt = { request, url, ending, open: client.request };
        const first = await exchange({ ...attempt, agent });
        return (first.isStale ? await exchange({ ...attempt, agent: false }) : first).reply;
      });
    },
    close: () => {
      closing.abort();
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

const AGENT_OPTIONS = { keepAlive: true, maxSockets: 16, maxFreeSockets: 4 } as const;

function parseUrl(text: string): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
}

function malformed(detail: string): HttpReply {
  return { kind: 'failure', reason: 'malformed', detail, bytesSent: 0 };
}

/** Certificates are verified whatever the environment says; that it says so is a mistake worth stopping for. */
function requireVerification(env: Env): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return;
  throw new UserError(
    'insecure_tls',
    'NODE_TLS_REJECT_UNAUTHORIZED=0 would accept any certificate',
    {
      remedy: 'unset NODE_TLS_REJECT_UNAUTHORIZED',
    },
  );
}

/** Runs `work` with a signal that aborts at the deadline, when the caller gives up, or when the door closes. */
async function withDeadline(
  request: HttpRequest,
  closing: AbortSignal,
  work: (ending: AbortSignal) => Promise<HttpReply>,
): Promise<HttpReply> {
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort('timeout');
  }, request.deadlineMs);
  const signals = [
    timeout.signal,
    closing,
    ...(request.signal === undefined ? [] : [request.signal]),
  ];
  try {
    return await work(AbortSignal.any(signals));
  } finally {
    clearTimeout(timer);
  }
}
