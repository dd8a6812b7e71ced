import { sha256Hex } from '../../base/index.ts';
import { PATHS } from '../../wire/index.ts';
import { nothingIsHeld, postFacts, statusIs } from '../batch.ts';
import type { Rule } from '../rule.ts';
import { every, type Verdict, whether } from '../verdict.ts';
import type { Seen, Visit } from '../visit.ts';

const SOURCE = 'Who asks';
const STORING = ['batch.stored'];

/** Who may post: asked where the caller brought a token. */
export const CALLER_RULES: readonly Rule[] = [
  {
    id: 'caller.no-token',
    says: 'A batch without a token is a 401.',
    source: SOURCE,
    needs: STORING,
    asks: 'token',
    probe: async (visit) =>
      statusIs((await postFacts(visit, [visit.facts.next()], { token: null })).seen, 401),
  },
  {
    id: 'caller.wrong-token',
    says: 'A batch with a token that is not in force is a 401, however it is wrong.',
    source: SOURCE,
    needs: STORING,
    asks: 'token',
    probe: async (visit) => every((await asStrangers(visit)).map((seen) => statusIs(seen, 401))),
  },
  {
    id: 'caller.one-answer',
    says: 'The answer does not tell how a token is wrong.',
    source: SOURCE,
    needs: ['caller.wrong-token'],
    asks: 'token',
    probe: async (visit) => {
      const said = new Set((await asStrangers(visit)).map((seen) => seen.said));
      return whether(said.size === 1, [...said].join(' | '));
    },
  },
  {
    id: 'caller.nothing-stored',
    says: 'Of a batch that is a 401 nothing is stored.',
    source: SOURCE,
    needs: ['answer.order', 'caller.no-token', 'caller.wrong-token'],
    asks: 'token',
    probe: (visit) => nothingIsHeld(visit, 401),
  },
  {
    id: 'caller.bodies',
    says: 'A body without a token is a 401.',
    source: SOURCE,
    needs: STORING,
    asks: 'token',
    probe: (visit) => isClosed(visit, 'bodies'),
  },
  {
    id: 'caller.snapshots',
    says: 'A snapshot without a token is a 401.',
    source: SOURCE,
    needs: STORING,
    asks: 'token',
    probe: (visit) => isClosed(visit, 'snapshots'),
  },
];

/** Tokens that nobody gave out: of the right form, of another's, and of none. */
function strangers({ project, token }: Visit): readonly string[] {
  const hex = sha256Hex(project);
  return [`skt_${hex}`, `${token ?? ''}0`, `eyJhbGciOiJub25lIn0.${hex}.`, 'x'];
}

async function asStrangers(visit: Visit): Promise<readonly Seen[]> {
  const answers: Seen[] = [];
  for (const token of strangers(visit)) {
    answers.push((await postFacts(visit, [visit.facts.next()], { token })).seen);
  }
  return answers;
}

async function isClosed(visit: Visit, what: 'bodies' | 'snapshots'): Promise<Verdict> {
  if (visit.health?.capabilities[what] !== true) {
    return { kind: 'not_offered', detail: `health does not name ${what}` };
  }
  const seen = await visit.ask({ path: PATHS[what], body: Buffer.from('{}'), token: null });
  return statusIs(seen, 401);
}
