import { printable, type Millis } from '../base/index.ts';
import { asObject, asText, member, type JsonObject, type Verdict } from '../wire/index.ts';
import { bodyOf, codeOf, countOf, DETAIL_BYTES, instanceOf, spoken } from './answer-body.ts';
import type { BatchAnswer } from './classify.ts';
import { verdictOf } from './item-results.ts';
import { MOVED, readStop, type PushReading } from './push-answer.ts';
import type { OutboundItem } from './receiver.ts';

export interface SnapshotContext {
  readonly item: OutboundItem;
  /** For a Retry-After that is a date: now, in milliseconds. */
  readonly now: Millis;
}

const KNOWN: ReadonlySet<string> = new Set(['already_exists', 'duplicate']);

/**
 * Reads any answer to the push of one snapshot, pure and total. The contract asks for no particular body, so every
 * 2xx stores it, unless it says that other bytes arrived; the status is the snapshot's own verdict, and nothing but
 * the listed codes parks it.
 */
export function classifySnapshot(answer: BatchAnswer, context: SnapshotContext): PushReading {
  const document = bodyOf(answer.body);
  const instanceId = instanceOf(document);
  const stop = readStop(answer, document, context.now);
  if (stop !== null) return { kind: 'stop', stop, instanceId };
  const receipt = document === null ? null : receiptOf(document);
  const verdict = { ...judge(answer, document, context), receipt };
  return { kind: 'verdict', verdict, instanceId };
}

function judge(
  { status }: BatchAnswer,
  document: JsonObject | null,
  { item }: SnapshotContext,
): Verdict {
  if (status >= 200 && status < 300) return judgePositive(status, document, item);
  const code = document === null ? null : codeIn(document);
  const detail = printable(`HTTP ${status}${spoken(document)}`, DETAIL_BYTES);
  switch (status) {
    case 400:
      return verdictOf('terminal_failed', status, 'bad_request', detail);
    case 404:
      return code === 'namespace_not_found'
        ? verdictOf('terminal_failed', status, code, detail)
        : verdictOf('transient', status, 'not_found', detail);
    case 413:
      return judgeLarge(document, item);
    default: {
      const what = status >= 300 && status < 400 ? MOVED : detail;
      return verdictOf('transient', status, 'unexpected_status', what);
    }
  }
}

function judgePositive(status: number, document: JsonObject | null, item: OutboundItem): Verdict {
  const word = document === null ? null : asText(member(document, 'status'));
  const hash = document === null ? null : asText(member(document, 'content_hash'));
  if (hash !== null && hash.toLowerCase() !== item.sha256) {
    const what = 'the receiver says that other bytes arrived';
    return verdictOf('terminal_failed', status, 'hash_mismatch', what);
  }
  return verdictOf(KNOWN.has(word ?? '') ? 'duplicate' : 'success', status, null, null);
}

/** Too large for good only above a limit that the receiver states. */
function judgeLarge(document: JsonObject | null, { bytes }: OutboundItem): Verdict {
  const limits = document === null ? null : asObject(member(document, 'limits'));
  const limit = countOf(limits, 'max_snapshot_bytes') ?? countOf(limits, 'max_body_bytes');
  if (limit !== null && bytes.length > limit) {
    const what = `it has ${bytes.length} bytes, the receiver takes ${limit}`;
    return verdictOf('terminal_failed', 413, 'payload_too_large', what);
  }
  const what = `refused as too large with ${bytes.length} bytes, without a limit that says so`;
  return verdictOf('transient', 413, 'limit_contradicted', what);
}

/** A refusal's code stands under several names. */
function codeIn(document: JsonObject): string | null {
  return asText(member(document, 'error_code')) ?? codeOf(document);
}

const MAX_RECEIPT_CHARS = 4096;

/** The receiver's own words, where they are few. */
function receiptOf(document: JsonObject): string | null {
  const text = JSON.stringify(document);
  return text.length <= MAX_RECEIPT_CHARS ? text : null;
}
