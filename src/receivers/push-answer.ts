import { printable, type Millis } from '../base/index.ts';
import {
  asObject,
  member,
  parseBodyAnswer,
  type BodyAnswer,
  type JsonObject,
  type Verdict,
} from '../wire/index.ts';
import { bodyOf, countOf, DETAIL_BYTES, instanceOf, spoken } from './answer-body.ts';
import { parseRetryAfter, type BatchAnswer } from './classify.ts';
import { verdictOf } from './item-results.ts';
import type { OutboundItem, Stop } from './receiver.ts';

/** What the answer to one push means: a word about the body, or a reason to leave everything else for later. */
export type PushReading = {
  /** The instance that answered, when it says so. */
  readonly instanceId: string | null;
} & (
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'stop'; readonly stop: Stop }
);

export interface PushContext {
  readonly item: OutboundItem;
  /** Path within the mission that the answer must echo. */
  readonly artifactPath: string;
  /** Bytes of the request. */
  readonly requestBytes: number;
  /** The receiver's advertised limit for one request, or null. */
  readonly maxBytes: number | null;
  /** For a Retry-After that is a date: now, in milliseconds. */
  readonly now: Millis;
}

/** Answers about the way there, not about the body: the stream waits, and no attempt is counted. */
const WAITING: ReadonlySet<number> = new Set([408, 425, 429]);
const POSITIVE: Readonly<Record<string, Verdict['outcome']>> = {
  stored: 'success',
  already_exists: 'duplicate',
};
export const MOVED = 'the receiver says it moved; nothing was sent there';

/**
 * Reads any answer to the push of one body, pure and total (wire contract 6.2). The status is the body's own verdict;
 * only an exact echo of path and hash delivers it, and nothing but the listed codes parks it.
 */
export function classifyPush(answer: BatchAnswer, context: PushContext): PushReading {
  const document = bodyOf(answer.body);
  const read = readStatus(answer, document, context);
  return { ...read, instanceId: instanceOf(document) };
}

type Read =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'stop'; readonly stop: Stop };

function readStatus(answer: BatchAnswer, document: JsonObject | null, context: PushContext): Read {
  const stop = readStop(answer, document, context.now);
  if (stop !== null) return { kind: 'stop', stop };
  const said = parseBodyAnswer(answer.body);
  return { kind: 'verdict', verdict: judge(answer.status, said, document, context) };
}

/** Why the rest waits, for an answer that speaks of the caller or the way there; null for one about the item. */
export function readStop(
  answer: BatchAnswer,
  document: JsonObject | null,
  now: Millis,
): Stop | null {
  const { status: httpStatus } = answer;
  const detail = `HTTP ${httpStatus}${spoken(document)}`;
  if (httpStatus === 401 || httpStatus === 403) {
    const code = httpStatus === 401 ? 'unauthorized' : 'forbidden';
    return { kind: 'halt', httpStatus, code, detail, retryAfterMs: null };
  }
  if (!WAITING.has(httpStatus) && httpStatus < 500) return null;
  const code = httpStatus === 429 ? 'throttled' : 'server_error';
  return { kind: 'backoff', httpStatus, code, detail, retryAfterMs: wishOf(answer, document, now) };
}

function judge(
  status: number,
  said: BodyAnswer | null,
  document: JsonObject | null,
  context: PushContext,
): Verdict {
  const detail = shown(said);
  switch (status) {
    case 200:
    case 201:
      return judgePositive(status, said, context);
    case 400:
      return verdictOf(
        'terminal_failed',
        status,
        'bad_request',
        fieldErrors(said, context, detail),
      );
    case 404:
      return judgeMissing(said?.code ?? null, detail);
    case 413:
      return judgeLarge(document, context);
    default: {
      const what = status >= 300 && status < 400 ? MOVED : (detail ?? 'without a word');
      return verdictOf('transient', status, 'unexpected_status', `HTTP ${status}: ${what}`);
    }
  }
}

/** Stored only when the answer says so of exactly this path and these bytes. */
function judgePositive(
  status: number,
  said: BodyAnswer | null,
  { item, artifactPath }: PushContext,
): Verdict {
  const outcome = said?.status === null ? undefined : POSITIVE[said?.status ?? ''];
  const isEchoed =
    said?.artifactPath === artifactPath && said.contentHash?.toLowerCase() === item.sha256;
  if (outcome !== undefined && isEchoed) return verdictOf(outcome, status, null, null);
  const what = isEchoed
    ? 'the answer does not say that the body is stored'
    : 'the answer does not speak of this path and these bytes';
  return verdictOf('transient', status, 'uncorrelated_response', what);
}

function judgeMissing(code: string | null, detail: string | null): Verdict {
  if (code === 'namespace_not_found') {
    return verdictOf('terminal_failed', 404, code, detail ?? 'the receiver knows no such mission');
  }
  if (code === 'index_entry_not_found') {
    return verdictOf('transient', 404, code, detail ?? 'the receiver has not indexed it yet');
  }
  const what = `${detail ?? 'unknown'} (error=${code ?? 'missing'})`;
  return verdictOf('transient', 404, 'not_found', what);
}

/** What is wrong with each field. A receiver that echoes says our own path and hash under their names, not an error. */
function fieldErrors(
  said: BodyAnswer | null,
  { item, artifactPath }: PushContext,
  detail: string | null,
): string {
  const { artifactPath: path = null, contentHash: hash = null } = said ?? {};
  const errors = [
    ...(path === null || path === artifactPath ? [] : [`artifact_path: ${path}`]),
    ...(hash === null || hash.toLowerCase() === item.sha256 ? [] : [`content_hash: ${hash}`]),
    ...(detail === null ? [] : [detail]),
  ];
  return errors.length === 0 ? 'unknown' : printable(errors.join(' | '), DETAIL_BYTES);
}

/** Too large for good only above a limit that the receiver states. */
function judgeLarge(document: JsonObject | null, context: PushContext): Verdict {
  const limits = document === null ? null : asObject(member(document, 'limits'));
  const maxBody = countOf(limits, 'max_body_bytes');
  const maxRequest = countOf(limits, 'max_decompressed_bytes_per_batch') ?? context.maxBytes;
  const { requestBytes } = context;
  const size = context.item.bytes.length;
  if (maxBody !== null && size > maxBody) {
    return tooLarge(`the text has ${size} bytes, the receiver takes ${maxBody}`);
  }
  if (maxBody === null && maxRequest !== null && requestBytes > maxRequest) {
    return tooLarge(`its request has ${requestBytes} bytes, the receiver takes ${maxRequest}`);
  }
  const what = `refused as too large with ${size} bytes, without a limit that says so`;
  return verdictOf('transient', 413, 'limit_contradicted', what);
}

function tooLarge(detail: string): Verdict {
  return verdictOf('terminal_failed', 413, 'payload_too_large', detail);
}

/** The header, or the seconds that the body names (wire contract 6.2). */
function wishOf(answer: BatchAnswer, document: JsonObject | null, now: Millis): Millis | null {
  const seconds = countOf(document, 'retry_after');
  return parseRetryAfter(answer.retryAfter ?? (seconds === null ? null : `${seconds}`), now);
}

function shown(said: BodyAnswer | null): string | null {
  const text = said?.detail?.trim() ?? '';
  return text === '' ? null : printable(text, DETAIL_BYTES);
}
