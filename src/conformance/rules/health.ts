import { asArray, asObject, asText, member, parseHealth, PATHS } from '../../wire/index.ts';
import type { Rule } from '../rule.ts';
import { fail, notOffered, PASS, type Verdict, whether } from '../verdict.ts';
import type { Seen, Visit } from '../visit.ts';

const SOURCE = 'Health';
const ASKED_TIMES = 3;

/** What a receiver says of itself. */
export const HEALTH_RULES: readonly Rule[] = [
  {
    id: 'health.answers',
    says: 'Health is a 200 with a JSON object, where it is offered.',
    source: SOURCE,
    probe: readHealth,
  },
  {
    id: 'health.instance',
    says: 'Health names the instance, and the same one each time.',
    source: SOURCE,
    needs: ['health.answers'],
    probe: async (visit) => {
      const ids = new Set([visit.health?.serverInstanceId ?? null]);
      for (let count = 1; count < ASKED_TIMES; count += 1) {
        const { json } = await visit.ask({ path: PATHS.health });
        ids.add(asText(member(json, 'server_instance_id')));
      }
      return whether(ids.size === 1 && !ids.has(null), `instances ${[...ids].join(', ')}`);
    },
  },
  {
    id: 'health.limits',
    says: 'Every limit that health names is a positive whole number.',
    source: SOURCE,
    needs: ['health.answers'],
    probe: async (visit) => {
      const { json } = await visit.ask({ path: PATHS.health });
      const limits = asObject(member(asObject(member(json, 'sync_ingress')) ?? {}, 'limits'));
      if (limits === null) return notOffered('health names no limits');
      const odd = Object.entries(limits).filter(([, value]) => !isPositive(value));
      return whether(odd.length === 0, JSON.stringify(Object.fromEntries(odd)));
    },
  },
  {
    id: 'health.capabilities',
    says: 'Every capability that health names is true or false.',
    source: SOURCE,
    needs: ['health.answers'],
    probe: async (visit) => {
      const { json } = await visit.ask({ path: PATHS.health });
      const stated = member(json, 'capabilities') ?? null;
      if (stated === null) return notOffered('health names no capabilities');
      const named = asArray(stated) === null ? asObject(stated) : null;
      const isKept =
        named !== null && Object.values(named).every((each) => typeof each === 'boolean');
      return whether(isKept, JSON.stringify(stated));
    },
  },
  {
    id: 'health.discreet',
    says: 'Without a token health is still answered, and does not say whom it takes the caller for.',
    source: SOURCE,
    needs: ['health.answers'],
    asks: 'token',
    probe: async (visit) => {
      const seen = await visit.ask({ path: PATHS.health, token: null });
      const isKept = seen.status === 200 && (member(seen.json, 'identity') ?? null) === null;
      return whether(isKept, seen.said);
    },
  },
];

async function readHealth(visit: Visit): Promise<Verdict> {
  const seen = await visit.ask({ path: PATHS.health });
  if (seen.status === 404 || seen.status === 405) return notOffered('there is no health address');
  const health = seen.status === 200 ? parseHealth(seen.body) : null;
  if (health === null || !health.ok) return fail(seen.said);
  visit.health = health.value;
  return PASS;
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** Whether an answer comes from the instance that health named. */
export function isSameInstance(visit: Visit, seen: Seen): Verdict {
  const stated = asText(member(seen.json, 'server_instance_id')) ?? 'none';
  const due = visit.health?.serverInstanceId ?? 'unknown';
  return whether(stated === due, `instance ${stated}, by health ${due}`);
}
