import { expect, it } from 'vitest';
import { eventId } from '../../../test/support/envelopes.ts';
import { ledgerTrial, verdict } from '../../../test/support/ledger-trial.ts';
import type { OutboundItem } from '../../receivers/index.ts';
import { DrainTally } from './report.ts';

function items(count: number): readonly OutboundItem[] {
  return Array.from({ length: count }, (_, index) => ({
    seq: index + 1,
    id: eventId(index + 1),
    sha256: '',
    bytes: new Uint8Array(),
  }));
}

it('a drain adds up what was said, item by item and request by request', () => {
  const { target } = ledgerTrial().grant('a');
  const tally = new DrainTally(target);
  const said = { ...verdict('rejected', 'later'), detail: 'not yet' };
  const verdicts = [verdict('success'), said, verdict('pending'), null];
  tally.addBatch('events', items(4), { verdicts, requests: 2, strays: 1 });
  tally.addBatch('events', items(1), { verdicts: [], requests: 1, strays: 0 });
  tally.addDamaged('events', 'an id');
  expect(tally.done).toBe(5);
  expect(tally.report(null)).toMatchObject({
    target,
    selected: 5,
    outcomes: {
      success: 1,
      duplicate: 0,
      pending: 1,
      rejected: 1,
      transient: 0,
      terminal_failed: 0,
    },
    failures: [
      {
        id: eventId(2),
        outcome: 'rejected',
        httpStatus: 200,
        category: 'later',
        detail: 'not yet',
      },
    ],
    damaged: ['an id'],
    requests: 3,
    strays: 1,
    replaying: 0,
    blocked: null,
  });
});

it('a drain names the first thousand failures and counts them all', () => {
  const tally = new DrainTally(ledgerTrial().grant('a').target);
  const many = items(1_500);
  tally.addBatch('events', many, {
    verdicts: many.map(() => verdict('transient')),
    requests: 1,
    strays: 0,
  });
  const blocked = { reason: 'halted', detail: 'enough', remedy: null } as const;
  const report = tally.report(blocked);
  expect(report.failures).toHaveLength(1_000);
  expect(report.outcomes.transient).toBe(1_500);
  expect(report.blocked).toBe(blocked);
});
