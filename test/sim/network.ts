import { createHash } from 'node:crypto';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Http, HttpReply, HttpRequest } from '../../src/home/index.ts';
import { requireAlive, type Life } from './life.ts';
import type { Timeline } from './timeline.ts';

/** One event as it stands in a request. */
export interface Element {
  readonly id: string;
  readonly bytes: Buffer;
}

/** One body as it stands in a request. */
export interface Push {
  readonly path: string;
  readonly hash: string;
  readonly text: string;
}

/** One request between its sending and the end of interest in it. */
export interface Exchange {
  readonly life: Life;
  readonly request: HttpRequest;
  /** Empty for anything but a batch. */
  readonly elements: readonly Element[];
  /** Null for anything but a body. */
  readonly push: Push | null;
  readonly sentAt: number;
  /** Set when the receiver has made its answer and the sender has not got it yet. */
  reply: HttpReply | null;
  /** The receiver has read it, or never will. */
  hasArrived: boolean;
  /** The sender has an answer, gave up, or is dead. */
  isOver: boolean;
  finish(reply: HttpReply): void;
}

export interface Network {
  httpOf(life: Life): Http;
  /** Requests whose sender still waits. */
  open(): readonly Exchange[];
  /** Requests that may still reach a receiver although nobody waits for the answer. */
  strayed(): readonly Exchange[];
  /** Ends requests whose time is over. */
  expire(): void;
  /** A request that nobody waits for any more has arrived. */
  forget(exchange: Exchange): void;
  /** Lets the requests of a dead process go: half of them are still under way. */
  orphan(life: Life, isLost: () => boolean): void;
}

/** @param onSend sees every request at the moment it leaves. */
export function layNetwork(timeline: Timeline, onSend: (exchange: Exchange) => void): Network {
  const all = new Set<Exchange>();
  const send = (life: Life, request: HttpRequest): Promise<HttpReply> => {
    requireAlive(life);
    if (request.signal?.aborted === true) return Promise.resolve(failure('aborted', request));
    return new Promise((resolve) => {
      const exchange: Exchange = {
        life,
        request,
        elements: request.method === 'POST' && !isPush(request) ? elementsOf(request) : [],
        push: isPush(request) ? pushOf(request) : null,
        sentAt: timeline.elapsed(),
        reply: null,
        hasArrived: false,
        isOver: false,
        finish: (reply) => {
          if (exchange.isOver) return;
          exchange.isOver = true;
          if (exchange.hasArrived) all.delete(exchange);
          request.signal?.removeEventListener('abort', giveUp);
          resolve(reply);
        },
      };
      const giveUp = (): void => {
        if (life.state === 'running') exchange.finish(failure('aborted', request));
      };
      all.add(exchange);
      request.signal?.addEventListener('abort', giveUp);
      onSend(exchange);
    });
  };
  return {
    httpOf: (life) => ({ send: (request) => send(life, request), close: () => {} }),
    open: () => [...all].filter((each) => !each.isOver),
    strayed: () => [...all].filter((each) => each.isOver && !each.hasArrived),
    expire: () => {
      for (const each of all) {
        const isLate = timeline.elapsed() - each.sentAt >= each.request.deadlineMs;
        if (isLate && each.life.state === 'running') each.finish(failure('timeout', each.request));
      }
    },
    forget: (exchange) => {
      exchange.hasArrived = true;
      all.delete(exchange);
    },
    orphan: (life, isLost) => {
      for (const each of all) {
        if (each.life !== life) continue;
        each.isOver = true;
        if (each.hasArrived || isLost()) all.delete(each);
      }
    },
  };
}

/** What the network says when no answer comes. */
export function failure(
  reason: Extract<HttpReply, { kind: 'failure' }>['reason'],
  request: HttpRequest,
): HttpReply {
  const bytesSent = reason === 'refused' ? 0 : (request.body?.length ?? 0);
  return { kind: 'failure', reason, detail: `simulated: ${reason}`, bytesSent };
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},]/g;
/** Within the batch's object and its array. */
const ELEMENT_DEPTH = 2;

/** The elements of a batch, cut out of its bytes by nothing but brackets and quotes. */
function elementsOf(request: HttpRequest): readonly Element[] {
  const text = inflated(request).toString('latin1');
  const elements: Element[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const isEnd = depth === ELEMENT_DEPTH && (token === ',' || token === ']');
    if (isEnd && index > from) elements.push(elementOf(text.slice(from, index)));
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    if (isEnd || (token === '[' && depth === ELEMENT_DEPTH)) from = index + 1;
  }
  return elements;
}

function elementOf(text: string): Element {
  const bytes = Buffer.from(text, 'latin1');
  const parsed = JSON.parse(bytes.toString('utf8')) as { readonly event_id?: unknown };
  return { id: String(parsed.event_id), bytes };
}

function isPush({ url }: HttpRequest): boolean {
  return url.endsWith('/api/dossier/push-content/');
}

function pushOf({ body }: HttpRequest): Push {
  const said = JSON.parse(Buffer.from(body ?? []).toString('utf8')) as Record<string, string>;
  return {
    path: said['artifact_path'] ?? '',
    hash: said['content_hash'] ?? '',
    text: said['content_body'] ?? '',
  };
}

function inflated({ body, headers }: HttpRequest): Buffer {
  const bytes = Buffer.from(body ?? new Uint8Array());
  const encoding = headers['content-encoding'];
  if (encoding === 'gzip') return gunzipSync(bytes);
  return encoding === 'br' ? brotliDecompressSync(bytes) : bytes;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
