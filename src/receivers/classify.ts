import { printable, type Millis } from '../base/index.ts';
import {
  asArray,
  asObject,
  BATCH_WRAPPER_BYTES,
  member,
  type JsonObject,
  type Verdict,
} from '../wire/index.ts';
import {
  bodyOf,
  countOf,
  DETAIL_BYTES,
  instanceOf,
  listOf,
  spoken,
  textOf,
} from './answer-body.ts';
import { judgeDetail, judgeResult, missing, readEntries, verdictOf } from './item-results.ts';
import type { OutboundItem } from './receiver.ts';

/** One answer to a batch, before anything is concluded from it. */
export interface BatchAnswer {
  readonly status: number;
  /** Value of the Retry-After header, or null. */
  readonly retryAfter: string | null;
  /** Value of the Location header, or null. */
  readonly location: string | null;
  readonly body: Uint8Array;
}

/** What an answer means for the items of its batch. */
export type Meaning =
  /** Each item has its own word, or null where nothing was said of it and it may be sent again at once. */
  | { readonly kind: 'items'; readonly verdicts: readonly (Verdict | null)[] }
  /** Too large as a whole; the limits that the answer names, or null. */
  | { readonly kind: 'halve'; readonly maxEvents: number | null; readonly maxBytes: number | null }
  /** Refused as a whole, without saying which item is to blame. */
  | { readonly kind: 'bisect'; readonly detail: string }
  /** Nothing is known about the items: the route waits. */
  | {
      readonly kind: 'backoff';
      readonly code: string;
      readonly detail: string;
      readonly retryAfterMs: Millis | null;
    }
  /** The receiver wants something of the operator first. */
  | {
      readonly kind: 'halt';
      readonly code: string;
      readonly detail: string;
      /** Where a redirect leads, as it was given. */
      readonly movedTo?: string;
    };

export interface Reading {
  readonly meaning: Meaning;
  /** The instance that answered, when it says so. */
  readonly instanceId: string | null;
  /** Results that spoke of no item of the batch, or were no results. */
  readonly strays: number;
}

export interface ReadContext {
  readonly items: readonly OutboundItem[];
  /** The receiver's advertised limit in bytes before compression, or null. */
  readonly maxBytes: number | null;
  /** For a Retry-After that is a date: now, in milliseconds. */
  readonly now: Millis;
}

const HALTING: ReadonlySet<number> = new Set([
  401, 403, 404, 405, 406, 410, 411, 412, 415, 421, 426, 431, 451,
]);

/**
 * Reads any answer to an events batch: the response table, pure and total. Only a structured code decides that
 * an item is parked; free text is kept to be shown.
 */
export function classify(answer: BatchAnswer, context: ReadContext): Reading {
  const body = bodyOf(answer.body);
  const { meaning, strays = 0 } = readStatus(answer, body, context);
  return { meaning, instanceId: instanceOf(body), strays };
}

interface Read {
  readonly meaning: Meaning;
  readonly strays?: number;
}

function readStatus(answer: BatchAnswer, body: JsonObject | null, context: ReadContext): Read {
  const { status } = answer;
  if (status >= 200 && status < 300) return readSuccess(answer, body, context);
  if (status >= 300 && status < 400) return { meaning: readRedirect(answer.location) };
  if (status === 400) return readBadRequest(body, context.items);
  if (status === 413) return { meaning: readTooLarge(body, context) };
  const detail = `HTTP ${status}${spoken(body)}`;
  if (HALTING.has(status)) return { meaning: { kind: 'halt', code: haltCode(status), detail } };
  const code = status === 429 ? 'throttled' : 'server_error';
  return { meaning: backoff(code, detail, answer, context) };
}

function backoff(code: string, detail: string, answer: BatchAnswer, context: ReadContext): Meaning {
  const retryAfterMs = parseRetryAfter(answer.retryAfter, context.now);
  return { kind: 'backoff', code, detail, retryAfterMs };
}

function readSuccess(answer: BatchAnswer, body: JsonObject | null, context: ReadContext): Read {
  const { status } = answer;
  const results = body === null ? null : asArray(member(body, 'results'));
  if (results === null) {
    const detail = `HTTP ${status} without a list of results`;
    return { meaning: backoff('no_results', detail, answer, context) };
  }
  const { verdicts, strays } = readEntries(results, context.items, judgeResult(status));
  const all = verdicts.map((verdict) => verdict ?? missing(status));
  return { meaning: { kind: 'items', verdicts: all }, strays };
}

function readRedirect(location: string | null): Meaning {
  const where = printable(location ?? 'elsewhere', DETAIL_BYTES);
  const detail = `the receiver says it moved to ${where}; nothing was sent there`;
  return {
    kind: 'halt',
    code: 'moved',
    detail,
    ...(location === null ? {} : { movedTo: location }),
  };
}

function readBadRequest(body: JsonObject | null, items: readonly OutboundItem[]): Read {
  const details = body === null ? [] : listOf(member(body, 'details'));
  const { verdicts } = readEntries(details, items, judgeDetail(textOf(body, ['error'])));
  if (verdicts.some((verdict) => verdict !== null)) return { meaning: { kind: 'items', verdicts } };
  return { meaning: { kind: 'bisect', detail: `HTTP 400${spoken(body)}` } };
}

function readTooLarge(body: JsonObject | null, context: ReadContext): Meaning {
  const limits = body === null ? null : asObject(member(body, 'limits'));
  const maxBytes = countOf(limits, 'max_decompressed_bytes_per_batch');
  const [only, another] = context.items;
  if (only === undefined || another !== undefined) {
    return { kind: 'halve', maxEvents: countOf(limits, 'max_events_per_batch'), maxBytes };
  }
  return { kind: 'items', verdicts: [judgeLarge(only, maxBytes ?? context.maxBytes)] };
}

/** One event that was refused as too large although it came alone: final only above a limit the receiver stated. */
function judgeLarge(item: OutboundItem, limit: number | null): Verdict {
  const size = item.bytes.length + BATCH_WRAPPER_BYTES;
  if (limit !== null && size > limit) {
    const detail = `a request with it alone has ${size} bytes, the receiver takes ${limit}`;
    return verdictOf('terminal_failed', 413, 'payload_too_large', detail);
  }
  const why = limit === null ? 'without naming a limit' : `below the limit it advertises, ${limit}`;
  const detail = `refused as too large alone, with ${size} bytes, ${why}`;
  return verdictOf('transient', 413, 'limit_contradicted', detail);
}

function haltCode(status: number): string {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  return status === 412 || status === 426 ? 'protocol_mismatch' : `http_${status}`;
}

const SECONDS = /^\d+$/;
const LONGEST_MS = 86_400_000;
/** The three spellings of RFC 9110 section 5.6.7 begin with a day; the date parser would take far more. */
const HTTP_DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d\d:\d\d:\d\d/i;

/**
 * Milliseconds until the time that a Retry-After header names (RFC 9110 section 10.2.3), between 0 and a day;
 * null when it names none.
 */
export function parseRetryAfter(value: string | null, now: Millis): Millis | null {
  const text = value?.trim() ?? '';
  if (SECONDS.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS);
  if (!HTTP_DATE.test(text)) return null;
  const at = Date.parse(/ gmt$/i.test(text) ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : Math.min(Math.max(at - now, 0), LONGEST_MS);
}
