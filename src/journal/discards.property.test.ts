import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { envelope, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { activate } from '../delivery/index.ts';
import type { OptOutPolicy, SyncMode } from '../home/index.ts';
import { capture, type Receipt } from './capture.ts';
import { countDiscards, listAudit } from './discards.ts';

const SEED = 20_261_120;
const TYPES = ['MissionReopened', 'BuildHeartbeat', 'WPStatusChanged', 'FromTomorrow'] as const;
const DROPPABLE: ReadonlySet<string> = new Set(['MissionReopened', 'BuildHeartbeat']);
const IDS = 12;

type Step =
  | { readonly kind: 'mode'; readonly mode: SyncMode; readonly policy: OptOutPolicy }
  | { readonly kind: 'capture'; readonly ids: readonly number[]; readonly dies: boolean };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('mode' as const),
    mode: fc.constantFrom<SyncMode>('TEAMSPACE', 'LOCAL_RETENTION', 'OPT_OUT', 'OPT_OUT'),
    policy: fc.constantFrom<OptOutPolicy>('refuse', 'audit'),
  }),
  fc.record({
    kind: fc.constant('capture' as const),
    ids: fc.array(fc.nat(IDS - 1), { minLength: 1, maxLength: 4 }),
    dies: fc.boolean(),
  }),
);

/** What must have become of each id, told by nothing but the steps. */
class Oracle {
  readonly place = new Map<number, 'sendable' | 'local' | 'audit'>();
  drops = 0;

  take(id: number, mode: SyncMode, policy: OptOutPolicy): void {
    if (this.place.has(id)) return;
    const type = typeOf(id);
    if (mode !== 'OPT_OUT') this.place.set(id, type === 'MissionReopened' ? 'local' : 'sendable');
    else if (DROPPABLE.has(type)) this.drops += 1;
    else this.place.set(id, policy === 'audit' ? 'audit' : 'local');
  }
}

function typeOf(id: number): string {
  return TYPES[id % TYPES.length] ?? '';
}

function found(trial: LedgerTrial): Map<number, string> {
  const rows = trial.db.all<{ event_id: string; eligible: number }>(
    'SELECT event_id, eligible FROM events',
  );
  const number = new Map(Array.from({ length: IDS }, (_, id) => [eventId(id), id] as const));
  const idOf = (text: string): number => number.get(text as never) ?? -1;
  return new Map([
    ...rows.map((row) => [idOf(row.event_id), row.eligible === 1 ? 'sendable' : 'local'] as const),
    ...listAudit(trial.db, 0, IDS).map((each) => [idOf(each.eventId), 'audit'] as const),
  ]);
}

it(`whatever the modes were, each event has one place for ever (seed ${SEED})`, () => {
  const laws = fc.property(fc.array(STEP, { minLength: 1, maxLength: 20 }), (steps) => {
    const trial = ledgerTrial();
    const oracle = new Oracle();
    const route = trial.grant('a');
    let mode: SyncMode = 'TEAMSPACE';
    let policy: OptOutPolicy = 'refuse';
    for (const step of steps) {
      if (step.kind === 'mode') {
        ({ mode, policy } = step);
        activate(trial.db, { mode, routeId: null }, 1);
        continue;
      }
      const receipts = attempt(trial, step, policy);
      if (receipts === null) continue;
      for (const id of step.ids) oracle.take(id, mode, policy);
      expect(receipts).toHaveLength(step.ids.length);
    }
    expect(found(trial)).toEqual(new Map([...oracle.place]));
    expect(countDiscards(trial.db).discarded).toBe(oracle.drops);
    const placed = [...oracle.place.values()];
    expect(trial.books(route)).toMatchObject({
      captured: placed.filter((each) => each !== 'audit').length,
      neverEligible: placed.filter((each) => each === 'local').length,
    });
  });
  fc.assert(laws, { seed: SEED, numRuns: 60 });
});

/** One capture; null when it died before its commit. */
function attempt(
  trial: LedgerTrial,
  { ids, dies }: Extract<Step, { kind: 'capture' }>,
  optOutPolicy: OptOutPolicy,
): readonly Receipt[] | null {
  const { db, system, checkout } = trial;
  const rules = { machineMode: null, optOutPolicy };
  const journal = { db, system, projectId: PROJECT_ID, checkoutId: checkout, rules };
  const facts = ids.map((id) => ({
    event: envelope(id, { type: typeOf(id) }),
    origin: 'envelope' as const,
    source: null,
  }));
  try {
    return capture(journal, facts, () => {
      if (dies) throw new Error('power cut');
    });
  } catch (error) {
    if (dies) return null;
    throw error;
  }
}
