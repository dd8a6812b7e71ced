import { expect, it } from 'vitest';
import { resolveSyncTarget } from '../../src/home/index.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface ScopeCase {
  readonly server_url: string;
  readonly user: string | null;
  readonly team: string | null;
  readonly queue_scope: { readonly scope?: string; readonly db_file?: string };
  readonly derived_scope: { readonly scope: string; readonly db_file: string };
  readonly both_derivations_agree?: boolean;
}

interface Derived {
  readonly scope: string | null;
  readonly file: string | null;
}

const FOLD = 'Scopes fold case before they escape';
const BLANK = { because: 'No default server', ours: { scope: null, file: null } };

function folded(scope: string, digest: string): Difference {
  return { because: FOLD, ours: { scope, file: `queues/queue-${digest}.db` } };
}

const ZOE = folded('https://team.example.test|zo_u00eb_@example.test|acme', '82f4c8c168a1781a');
const ZOE_AT_BUECHER = folded(
  'https://b_u00fc_cher.example|zo_u00eb_@example.test|acme',
  '8aba759b00caff68',
);

/** By server, user and team. */
const DIFFERENCES: Readonly<Record<string, Difference>> = {
  '["   ","alice@example.test","acme"]': BLANK,
  '["https://team.example.test","\u01c5@x.test","acme"]': folded(
    'https://team.example.test|_u01c6_@x.test|acme',
    'bc4f0a046ebe2045',
  ),
  '["https://team.example.test","\u00a0alice\u00a0","acme"]': folded(
    'https://team.example.test|alice|acme',
    '26f5dc2239460103',
  ),
  '["https://team.example.test","ZO\u00cb@example.test","ACME"]': ZOE,
  '["https://team.example.test/","ZO\u00cb@example.test","ACME"]': ZOE,
  '["https://team.example.test///","ZO\u00cb@example.test","ACME"]': ZOE,
  '["https://B\u00dcCHER.example/","Alice@Example.TEST","ACME"]': folded(
    'https://b_u00fc_cher.example|alice@example.test|acme',
    'e5c174be8d5caf80',
  ),
  '["https://B\u00dcCHER.example/","zo\u00eb@example.test","ACME"]': ZOE_AT_BUECHER,
  '["https://B\u00dcCHER.example/","ZO\u00cb@example.test","ACME"]': ZOE_AT_BUECHER,
  '["https://B\u00dcCHER.example/",null,"ACME"]': folded(
    'https://b_u00fc_cher.example||acme',
    '6bde9249f4e204e4',
  ),
};

function derive(recorded: ScopeCase): Derived {
  const target = resolveSyncTarget({
    configuredServerUrl: recorded.server_url,
    envServerUrl: null,
    userId: recorded.user,
    teamSlug: recorded.team,
    cachedScope: null,
    processWideOverride: true,
    root: '',
  });
  return { scope: target.derivedQueueScope, file: target.queueDbPath };
}

function keyOf(recorded: ScopeCase): string {
  return JSON.stringify([recorded.server_url, recorded.user, recorded.team]);
}

describeVectors<{ readonly cases: readonly ScopeCase[] }>('queue_scope.json', ({ cases }) => {
  it.each(cases.map((each) => [keyOf(each), each] as const))('%s', (key, recorded) => {
    const { scope, db_file: file } = recorded.derived_scope;
    expectSame(derive(recorded), { scope, file }, DIFFERENCES[key]);
    if (recorded.both_derivations_agree === true) {
      const queue = { scope: recorded.queue_scope.scope, file: recorded.queue_scope.db_file };
      expectSame(derive(recorded), queue, DIFFERENCES[key]);
    }
  });

  it('gives spellings of one identity one scope', () => {
    const byFolded = new Map<string, Set<string | null>>();
    for (const recorded of cases) {
      const identity = keyOf(recorded).toLowerCase();
      const scopes = byFolded.get(identity) ?? new Set();
      byFolded.set(identity, scopes.add(derive(recorded).scope));
    }
    for (const scopes of byFolded.values()) expect(scopes.size).toBe(1);
  });

  it('lists no difference that was never recorded', () => {
    const recorded = new Set(cases.map(keyOf));
    expect(Object.keys(DIFFERENCES).filter((key) => !recorded.has(key))).toEqual([]);
  });
});
