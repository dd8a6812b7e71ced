import { asArray, asObject, asText, member, PATHS } from '../../wire/index.ts';
import { postFacts, statusIs } from '../batch.ts';
import type { Rule } from '../rule.ts';
import { fail, notOffered, skipped, type Verdict, whether } from '../verdict.ts';
import type { Seen, Visit } from '../visit.ts';
import { peculiar } from './answers.ts';

const SOURCE = 'Reading what arrived';
const NEEDS = ['batch.stored', 'read.pages'];
const PAGES = 50;
const ORDERED = 5;

/** What a receiver shows of what it was given, where it lets it be read. */
export const READING_RULES: readonly Rule[] = [
  {
    id: 'read.pages',
    says: 'A page of events has `items` and `next_cursor`, where events are listed.',
    source: SOURCE,
    needs: ['batch.stored'],
    probe: async (visit) => {
      const seen = await page(visit, '');
      if (seen.status === 401 || seen.status === 403) {
        return skipped('the token may not read (--read-token-env)');
      }
      if (seen.status === 404 || seen.status === 405) return notOffered('events are not listed');
      const isPage = asArray(member(seen.json, 'items')) !== null && 'next_cursor' in seen.json;
      return whether(seen.status === 200 && isPage, seen.said);
    },
  },
  {
    id: 'read.closed',
    says: 'Nothing is read without a token.',
    source: SOURCE,
    needs: NEEDS,
    asks: 'token',
    probe: async (visit) => statusIs(await page({ ...visit, readToken: null }, ''), 401),
  },
  {
    id: 'read.order',
    says: 'Events of one aggregate are listed in the order in which they came.',
    source: SOURCE,
    needs: NEEDS,
    probe: async (visit) => {
      const aggregate = { aggregate_id: visit.facts.name() };
      const facts = Array.from({ length: ORDERED }, () => visit.facts.next(aggregate));
      await postFacts(visit, facts.slice(0, 3));
      await postFacts(visit, facts.slice(3));
      const due = facts.map(({ id }) => id);
      const found = (await readList(visit)).map(({ id }) => id).filter((id) => due.includes(id));
      return whether(isSameOrder(found, due), `${found.join(', ')} instead of ${due.join(', ')}`);
    },
  },
  {
    id: 'read.verbatim',
    says: 'An event is shown with its bytes as they came.',
    source: SOURCE,
    needs: NEEDS,
    probe: async (visit) => {
      const fact = peculiar(visit);
      await postFacts(visit, [fact]);
      const seen = await visit.ask({
        path: `${PATHS.eventList}${fact.id}`,
        token: visit.readToken,
      });
      return whether(seen.status === 200 && seen.body.includes(fact.bytes), seen.said);
    },
  },
  {
    id: 'read.books',
    says: 'What was answered as stored is listed, once and with its hash; what was refused is not.',
    source: SOURCE,
    needs: NEEDS,
    probe: async (visit) => booksOf(visit, await readList(visit)),
  },
];

interface Listed {
  readonly id: string;
  readonly sha256: string;
}

function page(visit: Visit, after: string): Promise<Seen> {
  const more = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
  const path = `${PATHS.eventList}?project=${visit.project}&limit=100${more}`;
  return visit.ask({ path, token: visit.readToken });
}

/** Every event of the run that is listed, in the list's order. */
async function readList(visit: Visit): Promise<readonly Listed[]> {
  const found: Listed[] = [];
  let after: string | null = '';
  for (let count = 0; count < PAGES && after !== null; count += 1) {
    const { json } = await page(visit, after);
    for (const each of asArray(member(json, 'items')) ?? []) {
      const item = asObject(each) ?? {};
      const text = (key: string): string => asText(member(item, key)) ?? '';
      found.push({ id: text('event_id'), sha256: text('sha256') });
    }
    const next = member(json, 'next_cursor') ?? null;
    after = typeof next === 'string' || typeof next === 'number' ? String(next) : null;
  }
  return found;
}

function isSameOrder(found: readonly string[], due: readonly string[]): boolean {
  return found.length === due.length && found.every((id, index) => id === due[index]);
}

function booksOf({ stored, unsaid }: Visit, listed: readonly Listed[]): Verdict {
  const found = new Map(listed.map(({ id, sha256 }) => [id, sha256]));
  const missing = [...stored].find(([id, sha256]) => found.get(id) !== sha256);
  if (missing !== undefined) return fail(`${missing[0]} was stored and is not listed so`);
  const extra = [...found.keys()].find((id) => !stored.has(id) && !unsaid.has(id));
  if (extra !== undefined) return fail(`${extra} is listed and was refused`);
  return whether(listed.length === found.size, 'an event is listed twice');
}
