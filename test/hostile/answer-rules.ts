import type { BatchAnswer, OutboundItem, ReadContext, Reading } from '../../src/receivers/index.ts';
import { OUTCOMES, TERMINAL_CODES, type Verdict } from '../../src/wire/index.ts';

const POSITIVE = ['success', 'accepted', 'stored', 'warning', 'duplicate'];
const HALTING = [401, 403, 404, 405, 406, 410, 411, 412, 415, 421, 426, 431, 451];
const DAY_MS = 86_400_000;
/** `{"events":[` and `]}`. */
const WRAPPER_BYTES = 13;

type Members = Readonly<Record<string, unknown>>;

/**
 * What must hold of every reading of every answer, judged with the platform's own parser and none of the product's
 * code: nothing is delivered without an exact positive item, nothing is parked without a code of the allow-list, and
 * whatever is foreign is safe to show. Null when all of it holds, otherwise the first thing that does not.
 */
export function brokenRule(
  answer: BatchAnswer,
  context: ReadContext,
  reading: Reading,
): string | null {
  const { meaning } = reading;
  if (!isAllowedKind(answer.status, context.items.length, meaning.kind)) {
    return `${answer.status} must not be read as ${meaning.kind}`;
  }
  if (meaning.kind === 'backoff' && !isWish(meaning.retryAfterMs)) {
    return `a wish of ${meaning.retryAfterMs} ms`;
  }
  if ('detail' in meaning && !isShowable(meaning.detail)) return 'the detail is not safe to show';
  if (meaning.kind !== 'items') return null;
  if (meaning.verdicts.length !== context.items.length) return 'not one verdict for each item';
  const said = entriesOf(answer);
  for (const [index, item] of context.items.entries()) {
    const broken = brokenVerdict({ answer, context, said, item }, meaning.verdicts[index] ?? null);
    if (broken !== null) return `${item.id}: ${broken}`;
  }
  return null;
}

function isAllowedKind(status: number, count: number, kind: Reading['meaning']['kind']): boolean {
  if (status >= 200 && status < 300) return kind === 'items' || kind === 'backoff';
  if (status === 400) return kind === 'items' || kind === 'bisect';
  if (status === 413) return kind === (count === 1 ? 'items' : 'halve');
  const isHalting = (status >= 300 && status < 400) || HALTING.includes(status);
  return kind === (isHalting ? 'halt' : 'backoff');
}

interface Case {
  readonly answer: BatchAnswer;
  readonly context: ReadContext;
  readonly said: readonly Members[];
  readonly item: OutboundItem;
}

function brokenVerdict(given: Case, verdict: Verdict | null): string | null {
  const { status } = given.answer;
  if (verdict === null) return status === 400 ? null : `nothing concluded from ${status}`;
  if (!OUTCOMES.includes(verdict.outcome)) return `an outcome ${verdict.outcome}`;
  if (!isShowable(verdict.detail) || !isShowable(verdict.category)) return 'a text unsafe to show';
  const isDelivered = verdict.outcome === 'success' || verdict.outcome === 'duplicate';
  if (isDelivered && !isPositivelySaid(given)) return 'delivered without an exact positive item';
  if (!isDelivered && isPositivelySaid(given)) return 'an exact positive item was not believed';
  if (isDelivered) return null;
  if (verdict.outcome !== 'terminal_failed') return null;
  return isParkable(given, verdict.category ?? '') ? null : `parked as ${verdict.category}`;
}

function isPositivelySaid({ answer, said, item }: Case): boolean {
  if (answer.status < 200 || answer.status > 299) return false;
  const mine = said.filter((entry) => entry['event_id'] === item.id);
  const isAgreed = new Set(mine.map((entry) => statusOf(entry) === 'duplicate')).size === 1;
  return (
    isAgreed && mine.every((entry) => POSITIVE.includes(statusOf(entry)) && hashFits(entry, item))
  );
}

function isParkable({ answer, context, said, item }: Case, code: string): boolean {
  if (!TERMINAL_CODES.some((each) => each === code)) return false;
  if (answer.status === 413) {
    // A document that the product refuses to read states no limit, although the platform would read it.
    const limits = [statedLimit(answer), context.maxBytes].filter((each) => each !== null);
    const isOver = limits.some((limit) => item.bytes.length + WRAPPER_BYTES > limit);
    return code === 'payload_too_large' && isOver && context.items.length === 1;
  }
  const mine = said.filter((entry) => entry['event_id'] === item.id);
  if (answer.status === 400) return mine.some((entry) => statesCode(entry, code));
  return mine.some((entry) => {
    const status = statusOf(entry);
    if (status === 'rejected') return statesCode(entry, code);
    if (status === 'conflict') return code === 'hash_conflict';
    return POSITIVE.includes(status) && !hashFits(entry, item) && code === 'hash_mismatch';
  });
}

function statesCode(entry: Members, code: string): boolean {
  return ['error_category', 'category', 'code'].some((key) => {
    const value = entry[key];
    return typeof value === 'string' && value.trim().toLowerCase() === code;
  });
}

function statusOf(entry: Members): string {
  const { status } = entry;
  return typeof status === 'string' ? status.trim().toLowerCase() : '';
}

function hashFits(entry: Members, item: OutboundItem): boolean {
  const { sha256 } = entry;
  return typeof sha256 !== 'string' || sha256.toLowerCase() === item.sha256;
}

function statedLimit(answer: BatchAnswer): number | null {
  const limits = parsed(answer.body)?.['limits'];
  const bytes = isMembers(limits) ? limits['max_decompressed_bytes_per_batch'] : null;
  return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}

function entriesOf(answer: BatchAnswer): readonly Members[] {
  const body = parsed(answer.body);
  const list = answer.status === 400 ? unwrapped(body?.['details']) : body?.['results'];
  return Array.isArray(list) ? list.filter(isMembers) : [];
}

function unwrapped(details: unknown): unknown {
  return typeof details === 'string' ? parsedValue(details) : details;
}

function parsed(body: Uint8Array): Members | null {
  const value = parsedValue(Buffer.from(body).toString('utf8'));
  return isMembers(value) ? value : null;
}

function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWish(ms: number | null): boolean {
  return ms === null || (ms >= 0 && ms <= DAY_MS);
}

/** Line breaks, escapes and direction overrides could make a terminal show something else. */
function isShowable(text: string | null): boolean {
  if (text === null) return true;
  return Buffer.byteLength(text) <= 2048 && !/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u.test(text);
}
