import { printable } from '../base/index.ts';
import {
  asObject,
  asText,
  isTerminalCode,
  member,
  type JsonObject,
  type JsonValue,
  type Verdict,
} from '../wire/index.ts';
import { codeOf, textOf } from './answer-body.ts';
import type { OutboundItem } from './receiver.ts';

/** What a list of results says of a batch. */
export interface ItemReading {
  /** In the batch's order; null where the list is silent. */
  readonly verdicts: readonly (Verdict | null)[];
  /** Entries that are no results or speak of no item of the batch: they decide nothing. */
  readonly strays: number;
}

/** What one entry says of the item whose id it states. */
export type JudgeEntry = (entry: JsonObject, item: OutboundItem) => Verdict;

const POSITIVE: ReadonlySet<string> = new Set(['success', 'accepted', 'stored', 'warning']);
const WAITING: ReadonlySet<string> = new Set(['pending', 'queued']);
const SHOWN_STATUS_BYTES = 60;

/** Matches entries to items by exact id. An item that is spoken of twice with different outcomes waits. */
export function readEntries(
  entries: readonly JsonValue[],
  items: readonly OutboundItem[],
  judge: JudgeEntry,
): ItemReading {
  const said = new Map<string, JsonObject[]>(items.map((item) => [item.id, []]));
  let strays = 0;
  for (const each of entries) {
    const entry = asObject(each);
    const known = said.get((entry === null ? null : asText(member(entry, 'event_id'))) ?? '');
    if (entry === null || known === undefined) strays += 1;
    else known.push(entry);
  }
  const verdicts = items.map((item) => {
    const [first, ...others] = (said.get(item.id) ?? []).map((entry) => judge(entry, item));
    if (first === undefined) return null;
    const isAgreed = others.every((other) => other.outcome === first.outcome);
    return isAgreed ? first : conflicting(first.httpStatus);
  });
  return { verdicts, strays };
}

/** One entry of `results` (wire contract 1.4): delivered only by a known positive word, and by our hash if it states one. */
export function judgeResult(httpStatus: number): JudgeEntry {
  return (entry, item) => {
    const status = asText(member(entry, 'status'))?.trim().toLowerCase() ?? '';
    const detail = textOf(entry, ['error_message', 'error', 'detail']);
    if (POSITIVE.has(status) || status === 'duplicate') {
      if (!isOurHash(entry, item)) {
        const what = 'the receiver holds other bytes';
        return verdictOf('terminal_failed', httpStatus, 'hash_mismatch', what);
      }
      const outcome = status === 'duplicate' ? 'duplicate' : 'success';
      const receipt = asText(member(entry, 'receipt'));
      return { ...verdictOf(outcome, httpStatus, codeOf(entry), detail), receipt };
    }
    if (status === 'conflict') {
      const what = detail ?? 'another event has this id';
      return verdictOf('terminal_failed', httpStatus, 'hash_conflict', what);
    }
    if (WAITING.has(status)) return verdictOf('pending', httpStatus, codeOf(entry), detail);
    if (status === 'rejected') return refusal(codeOf(entry), httpStatus, detail);
    const unknown = `unknown status ${printable(status, SHOWN_STATUS_BYTES)}`;
    return verdictOf('transient', httpStatus, 'unknown_status', unknown);
  };
}

/** One entry of the `details` of a 400 (wire contract 1.5): a refusal, whatever else it says. */
export function judgeDetail(topError: string | null): JudgeEntry {
  return (entry) =>
    refusal(codeOf(entry), 400, textOf(entry, ['detail', 'error', 'reason']) ?? topError);
}

/** Nothing was said about an item that others of its batch were spoken of. */
export function missing(httpStatus: number): Verdict {
  const what = 'the receiver said nothing about it';
  return verdictOf('transient', httpStatus, 'missing_result', what);
}

/** A verdict without receipt and wish. */
export function verdictOf(
  outcome: Verdict['outcome'],
  httpStatus: number | null,
  category: string | null,
  detail: string | null,
): Verdict {
  return { outcome, httpStatus, category, detail, retryAfterMs: null, receipt: null };
}

/** A refusal parks for a code of the allow-list and is tried again for anything else. */
function refusal(code: string | null, httpStatus: number, detail: string | null): Verdict {
  const isFinal = code !== null && isTerminalCode(code);
  return verdictOf(isFinal ? 'terminal_failed' : 'rejected', httpStatus, code, detail);
}

function conflicting(httpStatus: number | null): Verdict {
  const what = 'the receiver contradicts itself';
  return verdictOf('transient', httpStatus, 'conflicting_results', what);
}

/** Receivers need not echo a hash; one that is echoed counts. */
function isOurHash(entry: JsonObject, item: OutboundItem): boolean {
  const echoed = asText(member(entry, 'sha256'));
  return echoed === null || echoed.toLowerCase() === item.sha256;
}
