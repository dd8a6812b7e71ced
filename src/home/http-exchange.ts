import type http from 'node:http';
import type https from 'node:https';
import type { Socket } from 'node:net';
import { messageOf, printable, type Millis } from '../base/index.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** `http` or `https`; the path is sent as it stands. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** For everything: lookup, connection, sending, the whole answer, and a retry. */
  readonly deadlineMs: Millis;
  /** Bytes of body; headers have a limit of their own. */
  readonly maxResponseBytes: number;
  readonly signal?: AbortSignal;
}

export type FailureReason =
  | 'refused'
  | 'dns'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'aborted'
  | 'too_large'
  | 'malformed';

export type HttpReply =
  | {
      readonly kind: 'response';
      readonly status: number;
      /** Names in lower case; repeated ones joined by a comma and a space. */
      readonly headers: Readonly<Record<string, string>>;
      /** As sent: no content coding is undone. */
      readonly body: Buffer;
    }
  | {
      readonly kind: 'failure';
      readonly reason: FailureReason;
      readonly detail: string;
      /** Bytes of the request's body that the system took over before it failed. */
      readonly bytesSent: number;
    };

/** How one attempt ended; stale means that a kept-alive connection was dead before a byte of answer came. */
export interface Exchanged {
  readonly reply: HttpReply;
  readonly isStale: boolean;
}

export interface Attempt {
  readonly request: HttpRequest;
  readonly url: URL;
  /** Aborted with the reason `timeout`, or with any other for `aborted`. */
  readonly ending: AbortSignal;
  readonly open: typeof http.request | typeof https.request;
  /** False for a connection of its own. */
  readonly agent: http.Agent | false;
}

/** Sends one request over one connection and collects the answer, whatever it is. */
export function exchange(attempt: Attempt): Promise<Exchanged> {
  return new Promise((resolve) => {
    new Exchange(attempt, resolve).start();
  });
}

const MAX_HEADER_BYTES = 16_384;
const MAX_DETAIL_BYTES = 300;
/** Small enough to know how far a request came, large enough to cost nothing. */
const CHUNK_BYTES = 65_536;

/** The life of one request on the wire; whatever ends it first decides, all later events are ignored. */
class Exchange {
  readonly #attempt: Attempt;
  readonly #resolve: (exchanged: Exchanged) => void;
  readonly #onEnding = (): void => {
    const isTimeout = this.#attempt.ending.reason === 'timeout';
    this.#fail(
      isTimeout ? 'timeout' : 'aborted',
      isTimeout ? 'no complete answer in time' : 'given up',
    );
  };
  #outgoing: http.ClientRequest | null = null;
  #socket: Socket | null = null;
  #bytesReadBefore = 0;
  #bytesSent = 0;
  #isSecured = false;
  #isOver = false;

  constructor(attempt: Attempt, resolve: (exchanged: Exchanged) => void) {
    this.#attempt = attempt;
    this.#resolve = resolve;
  }

  start(): void {
    const { ending, request } = this.#attempt;
    if (ending.aborted) {
      this.#onEnding();
      return;
    }
    ending.addEventListener('abort', this.#onEnding);
    try {
      this.#outgoing = this.#open();
    } catch (error) {
      // Node refuses header values and paths that cannot be sent; its message names the header, not the value.
      this.#fail('malformed', messageOf(error));
      return;
    }
    this.#outgoing.on('socket', (socket) => {
      this.#watch(socket);
    });
    this.#outgoing.on('response', (incoming) => {
      this.#collect(incoming);
    });
    this.#outgoing.on('upgrade', () => {
      this.#fail('malformed', 'the answer switches protocols');
    });
    this.#outgoing.on('error', (error) => {
      this.#failWith(error);
    });
    this.#write(this.#outgoing, request.body ?? new Uint8Array(), 0);
  }

  #open(): http.ClientRequest {
    const { request, url, agent, open } = this.#attempt;
    return open({
      agent,
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname.replaceAll(/[[\]]/g, ''),
      port: url.port,
      path: pathOf(request.url),
      headers: headersOf(request),
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    });
  }

  #watch(socket: Socket): void {
    this.#socket = socket;
    this.#bytesReadBefore = socket.bytesRead;
    this.#isSecured = this.#outgoing?.reusedSocket ?? false;
    // A kept-alive connection passes here once a request: it must not gather listeners.
    if (this.#isSecured) return;
    socket.once('secureConnect', () => {
      this.#isSecured = true;
    });
  }

  /** Piece by piece, so that `bytesSent` says how much was taken over when the connection breaks. */
  #write(outgoing: http.ClientRequest, body: Uint8Array, from: number): void {
    if (this.#isOver) return;
    if (from >= body.length) {
      outgoing.end();
      return;
    }
    const piece = body.subarray(from, from + CHUNK_BYTES);
    outgoing.write(piece, (error) => {
      if (error instanceof Error) return;
      this.#bytesSent += piece.length;
      this.#write(outgoing, body, from + piece.length);
    });
  }

  #collect(incoming: http.IncomingMessage): void {
    const { maxResponseBytes } = this.#attempt.request;
    const chunks: Buffer[] = [];
    let total = 0;
    incoming.on('data', (chunk: Buffer) => {
      total += chunk.length;
      chunks.push(chunk);
      if (total > maxResponseBytes)
        this.#fail('too_large', `the answer exceeds ${maxResponseBytes} bytes`);
    });
    incoming.on('error', (error) => {
      this.#failWith(error);
    });
    incoming.on('end', () => {
      if (!incoming.complete) {
        this.#fail('reset', 'the answer ended early');
        return;
      }
      const headers = flatten(incoming.headers);
      const body = Buffer.concat(chunks, total);
      this.#finish({ kind: 'response', status: incoming.statusCode ?? 0, headers, body }, false);
      // Answered early: the rest of the request is not sent, so its connection is of no further use.
      if (this.#outgoing?.writableEnded === false) this.#outgoing.destroy();
    });
  }

  #failWith(error: Error): void {
    const code = codeOf(error);
    const isSecured = this.#isSecured || this.#attempt.url.protocol === 'http:';
    this.#fail(reasonOf(code, isSecured), messageOf(error));
  }

  #fail(reason: FailureReason, detail: string): void {
    const isStale = reason === 'reset' && this.#isUnanswered();
    const shown = printable(detail, MAX_DETAIL_BYTES);
    this.#finish({ kind: 'failure', reason, detail: shown, bytesSent: this.#bytesSent }, isStale);
    this.#outgoing?.destroy();
  }

  #isUnanswered(): boolean {
    return (
      this.#outgoing?.reusedSocket === true && this.#socket?.bytesRead === this.#bytesReadBefore
    );
  }

  #finish(reply: HttpReply, isStale: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#attempt.ending.removeEventListener('abort', this.#onEnding);
    this.#resolve({ reply, isStale });
  }
}

/** The path and query as written; only what HTTP cannot carry is percent-encoded (RFC 9112 section 3.2.1). */
function pathOf(url: string): string {
  const target = /^[^:]*:\/\/[^/?#]*([^#]*)/.exec(url)?.[1] ?? '';
  const wellFormed = target.replaceAll(/\p{Surrogate}/gu, '\u{fffd}');
  const encoded = wellFormed.replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
  return encoded.startsWith('/') ? encoded : `/${encoded}`;
}

function headersOf(request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'spec-kitty-sync' };
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
  // Framing is ours alone: a header of the operator's must not make two requests out of one.
  delete headers['transfer-encoding'];
  delete headers['content-length'];
  if (request.body !== null) headers['content-length'] = String(request.body.length);
  headers['accept-encoding'] = 'identity';
  return headers;
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

const REASONS: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EHOSTDOWN: 'refused',
  ENETDOWN: 'refused',
  EADDRNOTAVAIL: 'refused',
  EACCES: 'refused',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  HPE_HEADER_OVERFLOW: 'too_large',
};

function reasonOf(code: string, isSecured: boolean): FailureReason {
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns';
  if (code.startsWith('HPE_')) return 'malformed';
  // Certificate errors have dozens of codes; before the handshake is done there is nothing else left.
  if (!isSecured || /^(?:EPROTO|ERR_SSL_|ERR_TLS_)/.test(code)) return 'tls';
  return 'malformed';
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
