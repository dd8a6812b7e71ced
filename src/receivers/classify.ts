import {
  asObject,
  asText,
  isTerminalCode,
  member,
  parseJson,
  type JsonObject,
  type JsonValue,
  type Verdict,
} from '../wire/index.ts';
import { printable } from '../base/index.ts';
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
export type Reading =
  /** Each item has its own word, or null where nothing was said of it and it may be sent again at once. */
  | { readonly kind: 'items'; readonly verdicts: readonly (Verdict | null)[] }
  /** Too large as a whole. */
  | { readonly kind: 'halve'; readonly maxEvents: number | null; readonly maxBytes: number | null }
  /** Refused as a whole, without saying which item is to blame. */
  | { readonly kind: 'bisect'; readonly detail: string }
  /** Nothing is known about the items: the route waits. */
  | {
      readonly kind: 'backoff';
      readonly code: string;
      readonly detail: string;
      readonly retryAfterMs: number | null;
    }
  /** The receiver wants something of the operator first. */
  | { readonly kind: 'halt'; readonly code: string; readonly detail: string };

export interface ReadContext {
  readonly items: readonly OutboundItem[];
  /** The receiver's advertised limit in bytes before compression, or null. */
  readonly maxBytes: number | null;
  /** For a Retry-After that is a date: now, in milliseconds. */
  readonly now: number;
}

const HALTING: ReadonlySet<number> = new Set([
  401, 403, 404, 405, 406, 410, 411, 412, 415, 421, 426, 431, 451,
]);
const POSITIVE: ReadonlySet<string> = new Set(['success', 'accepted', 'stored', 'warning']);
const WAITING: ReadonlySet<string> = new Set(['pending', 'queued']);
const DETAIL_BYTES = 500;
/** Answers are larger than envelopes and flatter; the transport has capped their bytes already. */
const ANSWER_LIMITS = { maxBytes: 8_388_608, maxKeys: 200_000 };

/**
 * Reads any answer to an events batch: the response table, pure and total. Only a structured code decides that
 * an item is parked; free text is kept to be shown.
 */
export function classify(answer: BatchAnswer, context: ReadContext): Reading {
  const body = bodyOf(answer.body);
  const { status } = answer;
  if (status >= 200 && status < 300) return readSuccess(answer, body, context);
  if (status >= 300 && status < 400) {
    const where = printable(answer.location ?? 'elsewhere', DETAIL_BYTES);
    return { kind: 'halt', code: 'moved', detail: `the receiver says it moved to ${where}` };
  }
  if (status === 400) return readBadRequest(body, context);
  if (status === 413) return readTooLarge(body, context);
  const detail = `HTTP ${status}${spoken(body)}`;
  if (HALTING.has(status)) return { kind: 'halt', code: haltCode(status), detail };
  return {
    kind: 'backoff',
    code: status === 429 ? 'throttled' : 'server_error',
    detail,
    retryAfterMs: parseRetryAfter(answer.retryAfter, context.now),
  };
}

/** Milliseconds until the time a Retry-After header names (RFC 9110 section 10.2.3); null when it names none. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(at - now, 0);
}

/** The instance that answered, for noticing a receiver that was reset under the same address. */
export function instanceOf(body: Uint8Array): string | null {
  const object = bodyOf(body);
  return object === null ? null : asText(member(object, 'server_instance_id'));
}

function readSuccess(answer: BatchAnswer, body: JsonObject | null, context: ReadContext): Reading {
  const results = body === null ? undefined : member(body, 'results');
  if (!Array.isArray(results)) {
    return {
      kind: 'backoff',
      code: 'no_results',
      detail: `HTTP ${answer.status} without a list of results`,
      retryAfterMs: parseRetryAfter(answer.retryAfter, context.now),
    };
  }
  const said = gatherResults(results);
  const verdicts = context.items.map((item) => judgeItem(said.get(item.id), item, answer.status));
  return { kind: 'items', verdicts };
}

function gatherResults(results: readonly JsonValue[]): Map<string, JsonObject[]> {
  const said = new Map<string, JsonObject[]>();
  for (const result of results) {
    const entry = asObject(result);
    const id = entry === null ? null : asText(member(entry, 'event_id'));
    if (entry === null || id === null) continue;
    const known = said.get(id);
    if (known === undefined) said.set(id, [entry]);
    else known.push(entry);
  }
  return said;
}

function judgeItem(
  entries: readonly JsonObject[] | undefined,
  item: OutboundItem,
  httpStatus: number,
): Verdict {
  const [first, ...others] = (entries ?? []).map((entry) => judgeEntry(entry, item, httpStatus));
  if (first === undefined) {
    return verdict('transient', httpStatus, 'missing_result', 'the receiver said nothing about it');
  }
  if (others.some((other) => other.outcome !== first.outcome)) {
    return verdict('transient', httpStatus, 'conflicting_results', 'the receiver contradicts itself');
  }
  return first;
}

function judgeEntry(entry: JsonObject, item: OutboundItem, httpStatus: number): Verdict {
  const status = asText(member(entry, 'status'))?.trim().toLowerCase() ?? '';
  const detail = textOf(entry, ['error_message', 'error', 'detail']);
  if (POSITIVE.has(status) || status === 'duplicate') {
    const echoed = asText(member(entry, 'sha256'));
    if (echoed !== null && echoed.toLowerCase() !== item.sha256) {
      return verdict('terminal_failed', httpStatus, 'hash_mismatch', 'the receiver holds other bytes');
    }
    const receipt = asText(member(entry, 'receipt'));
    const outcome = status === 'duplicate' ? 'duplicate' : 'success';
    return { ...verdict(outcome, httpStatus, codeOf(entry), detail), receipt };
  }
  if (status === 'conflict') {
    return verdict('terminal_failed', httpStatus, 'hash_conflict', detail ?? 'another event has this id');
  }
  if (WAITING.has(status)) return verdict('pending', httpStatus, codeOf(entry), detail);
  if (status === 'rejected') return refuse(codeOf(entry), detail, httpStatus);
  return verdict('transient', httpStatus, 'unknown_status', `unknown status ${printable(status, 60)}`);
}

/** A refusal parks for a code of the allow-list and is tried again for anything else. */
function refuse(code: string | null, detail: string | null, httpStatus: number): Verdict {
  const final = code !== null && isTerminalCode(code);
  return verdict(final ? 'terminal_failed' : 'rejected', httpStatus, code, detail);
}

function readBadRequest(body: JsonObject | null, context: ReadContext): Reading {
  const reasons = detailsOf(body);
  const verdicts = context.items.map((item) => {
    const entry = reasons.get(item.id);
    if (entry === undefined) return null;
    const detail = textOf(entry, ['detail', 'error', 'reason']) ?? topError(body);
    return refuse(codeOf(entry), detail, 400);
  });
  if (verdicts.some((each) => each !== null)) return { kind: 'items', verdicts };
  return { kind: 'bisect', detail: `HTTP 400${spoken(body)}` };
}

function readTooLarge(body: JsonObject | null, context: ReadContext): Reading {
  const limits = body === null ? null : asObject(member(body, 'limits'));
  const maxEvents = positive(limits, 'max_events_per_batch');
  const maxBytes = positive(limits, 'max_decompressed_bytes_per_batch');
  const [only] = context.items;
  if (context.items.length !== 1 || only === undefined) return { kind: 'halve', maxEvents, maxBytes };
  const limit = maxBytes ?? context.maxBytes;
  const size = only.bytes.length;
  if (limit !== null && size > limit) {
    const detail = `${size} bytes, the receiver takes ${limit}`;
    return { kind: 'items', verdicts: [verdict('terminal_failed', 413, 'payload_too_large', detail)] };
  }
  const detail = `refused as too large at ${size} bytes, which is within the advertised limit`;
  return { kind: 'items', verdicts: [verdict('transient', 413, 'limit_contradicted', detail)] };
}

function detailsOf(body: JsonObject | null): Map<string, JsonObject> {
  const found = new Map<string, JsonObject>();
  const details = body === null ? undefined : member(body, 'details');
  for (const each of listOf(details)) {
    const entry = asObject(each);
    const id = entry === null ? null : asText(member(entry, 'event_id'));
    if (entry !== null && id !== null) found.set(id, entry);
  }
  return found;
}

/** `details` may be a list, or a text that holds one (wire contract 1.5). */
function listOf(details: JsonValue | undefined): readonly JsonValue[] {
  if (Array.isArray(details)) return details;
  const text = asText(details);
  if (text === null) return [];
  const inner = parseJson(Buffer.from(text), ANSWER_LIMITS);
  return inner.ok && Array.isArray(inner.value) ? inner.value : [];
}

function bodyOf(bytes: Uint8Array): JsonObject | null {
  const parsed = parseJson(bytes, ANSWER_LIMITS);
  return parsed.ok ? asObject(parsed.value) : null;
}

function codeOf(entry: JsonObject): string | null {
  return textOf(entry, ['error_category', 'category', 'code'])?.toLowerCase() ?? null;
}

function textOf(entry: JsonObject, keys: readonly string[]): string | null {
  for (const key of keys) {
    const text = asText(member(entry, key))?.trim();
    if (text !== undefined && text !== '') return printable(text, DETAIL_BYTES);
  }
  return null;
}

function topError(body: JsonObject | null): string | null {
  return body === null ? null : textOf(body, ['error', 'message', 'detail']);
}

function spoken(body: JsonObject | null): string {
  const sync = body === null ? null : asObject(member(body, 'sync_protocol'));
  const guidance = sync === null ? null : textOf(sync, ['upgrade_guidance']);
  const text = guidance ?? (body === null ? null : textOf(body, ['error_description'])) ?? topError(body);
  return text === null ? '' : `: ${text}`;
}

function positive(limits: JsonObject | null, key: string): number | null {
  const value = limits === null ? undefined : member(limits, key);
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}

function haltCode(status: number): string {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  return status === 412 || status === 426 ? 'protocol_mismatch' : `http_${status}`;
}

function verdict(
  outcome: Verdict['outcome'],
  httpStatus: number,
  category: string | null,
  detail: string | null,
): Verdict {
  return { outcome, httpStatus, category, detail, retryAfterMs: null, receipt: null };
}
