import { sha256Hex } from '../../base/index.ts';
import { BATCH_WRAPPER_BYTES } from '../../wire/index.ts';
import { isRefusedAs, postFacts, wordsAre } from '../batch.ts';
import { type Fact, SPELLINGS } from '../facts.ts';
import type { Rule } from '../rule.ts';
import { every, type Verdict, whether } from '../verdict.ts';
import type { Visit } from '../visit.ts';
import { isSameInstance } from './health.ts';

const SOURCE = 'The answer';
const STORING = ['batch.stored'];
const IN_ORDER = ['answer.order'];

/** What an answer says of each event. */
export const ANSWER_RULES: readonly Rule[] = [
  {
    id: 'answer.complete',
    says: 'There is one result for each event.',
    source: SOURCE,
    needs: STORING,
    probe: async (visit) => {
      const { items, seen } = await postFacts(visit, threeOf(visit));
      return whether(items.length === 3, `${items.length} results for 3 events: ${seen.said}`);
    },
  },
  {
    id: 'answer.id',
    says: 'A result names its event by the id as it was spelled: UUID, ULID or 32 digits.',
    source: SOURCE,
    needs: ['answer.complete'],
    probe: async (visit) => {
      const facts = spelled(visit);
      const { items, seen } = await postFacts(visit, facts);
      const named = items.map(({ id }) => id).sort();
      const due = facts.map(({ id }) => id).sort();
      return whether(due.join() === named.join(), `${due.join(', ')} became ${seen.said}`);
    },
  },
  {
    id: 'answer.order',
    says: 'Results stand in the order of their events.',
    source: SOURCE,
    needs: ['answer.id'],
    probe: async (visit) => {
      const facts = [...threeOf(visit), ...spelled(visit)];
      const { items } = await postFacts(visit, facts);
      const isKept = items.every(({ id }, index) => id === facts[index]?.id);
      return whether(isKept, `${items.map(({ id }) => id).join(', ')} answer another order`);
    },
  },
  {
    id: 'answer.sha256',
    says: "A result has the SHA-256 of the event's own bytes, without white space around them.",
    source: SOURCE,
    needs: STORING,
    probe: async (visit) => {
      const fact = peculiar(visit);
      const padding = [Buffer.from('{"events": [ \n\t'), Buffer.from(' \n ] }')] as const;
      const body = Buffer.concat([padding[0], fact.bytes, padding[1]]);
      const { items, seen } = await postFacts(visit, [fact], { body });
      return whether(items[0]?.sha256 === sha256Hex(fact.bytes), seen.said);
    },
  },
  {
    id: 'answer.instance',
    says: 'An answer to a batch names the instance that health names.',
    source: 'Health',
    needs: ['batch.stored', 'health.instance'],
    probe: async (visit) => {
      const { seen } = await postFacts(visit, [visit.facts.next()]);
      return isSameInstance(visit, seen);
    },
  },
  {
    id: 'answer.duplicate',
    says: 'The same bytes again are a duplicate.',
    source: SOURCE,
    needs: STORING,
    probe: async (visit) => {
      const fact = visit.facts.next();
      const first = await postFacts(visit, [fact]);
      const second = await postFacts(visit, [fact]);
      return every([wordsAre(first, ['stored']), wordsAre(second, ['duplicate'])]);
    },
  },
  {
    id: 'answer.repeat',
    says: 'An event that stands twice in one batch is stored once.',
    source: SOURCE,
    needs: ['answer.order', 'answer.duplicate'],
    probe: async (visit) => {
      const fact = visit.facts.next();
      return wordsAre(await postFacts(visit, [fact, fact]), ['stored', 'duplicate']);
    },
  },
  {
    id: 'answer.conflict',
    says: 'Another event with an id that is taken is a conflict.',
    source: SOURCE,
    needs: STORING,
    probe: async (visit) => {
      const [first, other] = rivals(visit);
      await postFacts(visit, [first]);
      return wordsAre(await postFacts(visit, [other]), ['conflict']);
    },
  },
  {
    id: 'answer.first-kept',
    says: 'After a conflict the first event is the one that is kept.',
    source: SOURCE,
    needs: ['answer.conflict', 'answer.duplicate'],
    probe: async (visit) => {
      const [first, other] = rivals(visit);
      await postFacts(visit, [first]);
      await postFacts(visit, [other]);
      const again = [await postFacts(visit, [first]), await postFacts(visit, [other])] as const;
      return every([wordsAre(again[0], ['duplicate']), wordsAre(again[1], ['conflict'])]);
    },
  },
  {
    id: 'answer.concurrent',
    says: 'Two equal batches at the same time store each event once.',
    source: SOURCE,
    needs: ['answer.order', 'answer.duplicate'],
    probe: async (visit) => {
      const facts = threeOf(visit);
      const both = await Promise.all([postFacts(visit, facts), postFacts(visit, facts)]);
      const isOnce = facts.every((_, index) => {
        const words = both.map(({ items }) => items[index]?.word);
        return words.includes('stored') && words.includes('duplicate');
      });
      return whether(isOnce, both.map(({ seen }) => seen.said).join(' | '));
    },
  },
  {
    id: 'answer.unknown-type',
    says: 'An event of an unknown type is stored.',
    source: SOURCE,
    needs: STORING,
    strict: false,
    probe: async (visit) => {
      const fact = visit.facts.next({ event_type: 'ConformanceProbed' });
      return wordsAre(await postFacts(visit, [fact]), ['stored']);
    },
  },
  {
    id: 'answer.unvalidated',
    says: 'An event whose payload the catalogue would not accept is stored.',
    source: SOURCE,
    needs: STORING,
    strict: false,
    probe: async (visit) => wordsAre(await postFacts(visit, [oddPayload(visit)]), ['stored']),
  },
  {
    id: 'strict.unknown-type',
    says: 'An event of an unknown type is rejected as `unknown_event_type`.',
    source: SOURCE,
    needs: STORING,
    strict: true,
    probe: async (visit) => {
      const fact = visit.facts.next({ event_type: 'ConformanceProbed' });
      return isRefusedAs(await postFacts(visit, [fact]), 0, ['unknown_event_type']);
    },
  },
  {
    id: 'strict.payload',
    says: 'An event whose payload the catalogue does not accept is rejected as `schema_invalid`.',
    source: SOURCE,
    needs: STORING,
    strict: true,
    probe: async (visit) =>
      isRefusedAs(await postFacts(visit, [oddPayload(visit)]), 0, ['schema_invalid']),
  },
  {
    id: 'answer.malformed',
    says: 'A malformed envelope is rejected by itself, and the others of its batch are stored.',
    source: SOURCE,
    needs: IN_ORDER,
    probe: async (visit) => {
      const { facts } = visit;
      const [first, second, third] = threeOf(visit);
      const [blank, negative] = [facts.next({ event_type: '' }), facts.next({ lamport_clock: -1 })];
      const batch = await postFacts(visit, [first, blank, second, negative, third]);
      return wordsAre(batch, ['stored', 'rejected', 'stored', 'rejected', 'stored']);
    },
  },
  {
    id: 'answer.code',
    says: 'A malformed envelope is rejected with the code `schema_invalid`.',
    source: SOURCE,
    needs: ['answer.malformed'],
    probe: async (visit) => {
      const fact = visit.facts.next({ payload: 'no object' });
      return isRefusedAs(await postFacts(visit, [fact]), 0, ['schema_invalid']);
    },
  },
  {
    id: 'answer.no-object',
    says: 'An element that is no object is rejected by itself.',
    source: SOURCE,
    needs: IN_ORDER,
    probe: async (visit) => {
      const odd = ['1', '"event"', 'null', '[]'].map((text) => ({
        id: '',
        bytes: Buffer.from(text),
      }));
      const batch = await postFacts(visit, [visit.facts.next(), ...odd]);
      return wordsAre(batch, ['stored', ...odd.map(() => 'rejected')]);
    },
  },
];

function threeOf({ facts }: Visit): readonly [Fact, Fact, Fact] {
  return [facts.next(), facts.next(), facts.next()];
}

/** One event for each spelling of an id. */
function spelled({ facts }: Visit): readonly Fact[] {
  return Object.values(SPELLINGS).map((spell) => facts.next({ event_id: spell(facts.next().id) }));
}

/** Two events that claim one id. */
function rivals({ facts }: Visit): readonly [Fact, Fact] {
  const first = facts.next();
  return [first, facts.next({ event_id: first.id, aggregate_id: 'WP02' })];
}

function oddPayload({ facts }: Visit): Fact {
  return facts.next({ payload: { wp_id: 'no work package' } });
}

/** An event that no reader writes again as it was: white space, escapes, numbers, members of its own. */
export function peculiar({ facts }: Visit): Fact {
  const { id, bytes } = facts.next();
  const text = bytes
    .toString()
    .replace('"agent_id":"conformance"', '"agent_id" : "conf\\u006frmance \u{1f408}"')
    .replace(/\}$/, ' , "further" : { "number" : 1.50e+2 , "slash" : "\\/" } }');
  return { id, bytes: Buffer.from(text) };
}

/** Bytes of a batch around one event. */
export const FRAME_BYTES = BATCH_WRAPPER_BYTES;

/** Whether one batch was refused, in whole or for its only event, without a failure of the receiver's. */
export async function isRefused(visit: Visit, fact: Fact): Promise<Verdict> {
  const { seen, items } = await postFacts(visit, [fact]);
  const isWhole = seen.status === 400 || seen.status === 413;
  return whether(isWhole || items[0]?.word === 'rejected', seen.said);
}
