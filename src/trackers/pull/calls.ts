import { printable, type Clock, type Millis } from '../../base/index.ts';
import type { Http, HttpReply } from '../../home/index.ts';
import {
  CALL_DEADLINE_MS,
  FIRST_DELAY_MS,
  LONGEST_WAIT_MS,
  MAX_PAGE_BYTES,
  MAX_TRIES,
} from '../limits.ts';
import type { PullStop } from './source.ts';

/** One request to a tracker. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

export type Called =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Headers;
      readonly body: Buffer;
    }
  | { readonly kind: 'stopped'; readonly stop: PullStop };

type Headers = Readonly<Record<string, string>>;
type Answer = Extract<HttpReply, { kind: 'response' }>;

/** What calls work with. */
export interface CallOptions {
  readonly http: Http;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether an answer says that too much was asked, beside the status 429. */
  readonly isLimited: (answer: {
    readonly status: number;
    readonly headers: Headers;
    readonly body: Buffer;
  }) => boolean;
}

export type Caller = (call: Call) => Promise<Called>;

/**
 * Calls a tracker through the one door to the network: tries again what fails on the way or on the far side, waits as
 * long as the tracker asks, up to a minute, and asks nothing while it says that nothing is left.
 */
export function createCaller(options: CallOptions): Caller {
  const { clock, signal } = options;
  let freeAt: Millis = 0;
  return async (call) => {
    for (let tries = 1; ; tries += 1) {
      const now = clock.now();
      if (freeAt - now > LONGEST_WAIT_MS) return limited(freeAt);
      if (freeAt > now) await clock.sleep(freeAt - now, signal);
      if (signal.aborted) return stopped('aborted', 'it was interrupted');
      const reply = await send(options, call);
      const retry = retryOf(reply, options);
      if (reply.kind === 'response') freeAt = exhaustedUntil(reply.headers, clock.now());
      if (retry === null && reply.kind === 'response') return { ...reply, kind: 'answer' };
      const wait = retry?.waitMs ?? FIRST_DELAY_MS * 2 ** (tries - 1);
      const last = tries >= MAX_TRIES || wait > LONGEST_WAIT_MS;
      if (last && retry?.isLimit === true) return limited(clock.now() + wait);
      if (last) return stopped('unreachable', wordsOf(reply));
      freeAt = Math.max(freeAt, clock.now() + wait);
    }
  };
}

function send({ http, signal }: CallOptions, call: Call): Promise<HttpReply> {
  const limits = { deadlineMs: CALL_DEADLINE_MS, maxResponseBytes: MAX_PAGE_BYTES, signal };
  return http.send({ ...call, ...limits });
}

interface Retry {
  /** The tracker's own wish, or null. */
  readonly waitMs: Millis | null;
  readonly isLimit: boolean;
}

function retryOf(reply: HttpReply, { clock, isLimited }: CallOptions): Retry | null {
  if (reply.kind === 'failure') return { waitMs: null, isLimit: false };
  const isLimit = reply.status === 429 || isLimited(reply);
  if (!isLimit && reply.status < 500) return null;
  return { waitMs: waitOf(reply.headers, clock.now()), isLimit };
}

const RESETS = ['x-ratelimit-reset', 'x-ratelimit-requests-reset', 'x-ratelimit-complexity-reset'];
const REMAINING = ['x-ratelimit-remaining', 'x-ratelimit-requests-remaining'];
/** A reset is a time in seconds, or in milliseconds where it is as large as that. */
const AS_MILLIS = 1e11;

/** Milliseconds that an answer asks to wait: `Retry-After` in seconds or as a date, or when its limit is reset. */
function waitOf(headers: Headers, now: Millis): Millis | null {
  const after = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}$/.test(after)) return Number(after) * 1000;
  const date = after === '' ? Number.NaN : Date.parse(after);
  if (!Number.isNaN(date)) return Math.max(date - now, 0);
  const resets = RESETS.flatMap((name) => resetOf(headers[name]) ?? []);
  return resets.length === 0 ? null : Math.max(Math.max(...resets) - now, 0);
}

function resetOf(text: string | undefined): Millis | null {
  const value = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Date.parse(text ?? '');
  if (Number.isNaN(value)) return null;
  return value < AS_MILLIS ? value * 1000 : value;
}

/** Until when nothing is left of what may be asked; 0 while something is. */
function exhaustedUntil(headers: Headers, now: Millis): Millis {
  if (!REMAINING.some((name) => headers[name]?.trim() === '0')) return 0;
  const wait = waitOf(headers, now);
  return wait === null ? 0 : now + wait;
}

function limited(until: Millis): Called {
  return stopped('limited', `the tracker asks to wait until ${new Date(until).toISOString()}`);
}

function wordsOf(reply: HttpReply): string {
  return reply.kind === 'failure' ? reply.detail : `HTTP ${reply.status}`;
}

function stopped(reason: PullStop['reason'], detail: string): Called {
  return { kind: 'stopped', stop: { reason, detail: printable(detail, 300) } };
}

/** What an answer other than a page means; the words of the tracker are not repeated, for they may quote the request. */
export function refusalOf({ status }: Pick<Answer, 'status'>): PullStop {
  const reason = status === 401 || status === 403 ? 'refused' : 'malformed';
  const hint = reason === 'refused' ? ': the credentials are not accepted' : '';
  return { reason, detail: `HTTP ${status}${hint}` };
}
