import { sha256Hex } from '../base/index.ts';
import { asArray, asObject, asText, encodeBatch, member, PATHS } from '../wire/index.ts';
import type { Fact } from './facts.ts';
import { fail, type Verdict, whether } from './verdict.ts';
import type { Question, Seen, Visit } from './visit.ts';

/** What an answer says of one element; empty for what it does not say. */
export interface Item {
  readonly id: string;
  /** `stored` for every word that means it, else the word in lower case. */
  readonly word: string;
  /** The first of `error_category`, `category`, `code`. */
  readonly code: string;
  readonly sha256: string;
}

export interface BatchSeen {
  readonly seen: Seen;
  /** None where the answer is no 2xx with a list of results. */
  readonly items: readonly Item[];
}

const STORED: ReadonlySet<string> = new Set(['success', 'accepted', 'stored', 'warning']);

/** How a batch is posted where it is not as usual. */
export type Posting = Omit<Question, 'path'>;

/** Posts events, uncompressed unless `more` brings another body of theirs, and notes what became of them. */
export async function postFacts(
  visit: Visit,
  facts: readonly Fact[],
  more: Posting = {},
): Promise<BatchSeen> {
  const body = encodeBatch(facts.map(({ bytes }) => bytes));
  const batch = await postBatch(visit, body, more);
  const { status } = batch.seen;
  const ends = [...facts.slice(0, 1), ...facts.slice(-1)];
  if (status === 401 || status === 413) {
    for (const fact of ends) visit.refused.set(fact.id, { status, fact });
  }
  for (const [index, fact] of facts.entries()) note(visit, batch, index, fact);
  return batch;
}

function note(visit: Visit, { seen, items }: BatchSeen, index: number, { id, bytes }: Fact): void {
  const word = items[index]?.word ?? '';
  const isHeld = word === 'stored' || word === 'duplicate';
  if (isHeld && !visit.stored.has(id)) visit.stored.set(id, sha256Hex(bytes));
  const isUnsaid = word === '' && (seen.status < 400 || seen.status >= 500);
  if (isUnsaid) visit.unsaid.add(id);
}

/** Posts a body that holds no event. */
export async function postBatch(
  visit: Visit,
  body: Uint8Array,
  more: Posting = {},
): Promise<BatchSeen> {
  const seen = await visit.ask({ body, ...more, path: PATHS.events });
  const results = asArray(member(seen.json, 'results')) ?? [];
  const isGood = seen.status >= 200 && seen.status < 300;
  return { seen, items: isGood ? results.map((each) => itemOf(asObject(each) ?? {})) : [] };
}

function itemOf(result: NonNullable<ReturnType<typeof asObject>>): Item {
  const text = (key: string): string => asText(member(result, key)) ?? '';
  const status = text('status').trim().toLowerCase();
  const codes = ['error_category', 'category', 'code'].map((key) => text(key).toLowerCase());
  return {
    id: text('event_id'),
    word: STORED.has(status) ? 'stored' : status,
    code: codes.find((code) => code !== '') ?? '',
    sha256: text('sha256').toLowerCase(),
  };
}

/** Whether every element was answered with its word, in their order. */
export function wordsAre({ seen, items }: BatchSeen, words: readonly string[]): Verdict {
  const said = items.map(({ word }) => word);
  const isKept = said.length === words.length && said.every((word, index) => word === words[index]);
  return whether(
    isKept,
    `${said.join(', ') || 'no results'} where ${words.join(', ')} was due: ${seen.said}`,
  );
}

/** Whether one element was refused with one of these codes. */
export function isRefusedAs(
  { seen, items }: BatchSeen,
  index: number,
  codes: readonly string[],
): Verdict {
  const item = items[index];
  if (item?.word !== 'rejected') return fail(`${item?.word ?? 'no result'}: ${seen.said}`);
  return whether(codes.includes(item.code), `rejected with the code "${item.code}": ${seen.said}`);
}

/** Whether an answer has this status. */
export function statusIs(seen: Seen, status: number): Verdict {
  return whether(seen.status === status, seen.said);
}

/** Whether nothing is held of the batches that were refused as a whole with this status: all is stored only now. */
export async function nothingIsHeld(visit: Visit, status: 401 | 413): Promise<Verdict> {
  const refused = [...visit.refused.values()];
  const facts = refused.flatMap((each) => (each.status === status ? [each.fact] : []));
  const batch = await postFacts(visit, facts);
  return wordsAre(
    batch,
    facts.map(() => 'stored'),
  );
}
