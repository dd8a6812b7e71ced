import { describe, expect, it } from 'vitest';
import { LOCAL_TYPE, ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { noFaults } from '../base/index.ts';
import { moveCounts, readCounts, recount } from './counts.ts';
import { readRouteFacts, type RouteFacts } from './facts.ts';
import { open } from './generations.ts';
import type { Route } from './routes.ts';
import { eventsStream as stream } from './stream.ts';

function factsOf(trial: LedgerTrial, route: Route): RouteFacts {
  const facts = readRouteFacts(trial.db, route.id, stream, { now: trial.clock.now() });
  if (facts === null) throw new Error('there are no facts');
  return facts;
}

function openAt(trial: LedgerTrial, route: Route): void {
  while (open(trial.db, { routeId: route.id, stream, faults: noFaults }) > 0);
}

/** Moves one delivery by hand, with its counts. */
function move(
  trial: LedgerTrial,
  seq: number,
  state: 'parked' | 'delivered',
  reason: string | null,
): void {
  const code = state === 'parked' ? 3 : 2;
  trial.db.run('UPDATE event_deliveries SET state = :code, reason = :reason WHERE seq = :seq', {
    seq,
    code,
    reason,
  });
  moveCounts(trial.db, 1, { queued: -1, [state]: 1 });
}

describe('readRouteFacts', () => {
  it('says nothing of a route that was never granted', () => {
    const trial = ledgerTrial();
    expect(readRouteFacts(trial.db, 1, stream, { now: 0 })).toBeNull();
  });

  it('is all zero for an empty journal', () => {
    const trial = ledgerTrial();
    expect(factsOf(trial, trial.grant('a'))).toMatchObject({
      stream: 'events',
      counts: { queued: 0, delivered: 0, parked: 0, superseded: 0, withheld: 0 },
      ineligibleAhead: 0,
      lastSeq: 0,
      aside: [],
      oldestWaitingAt: null,
      pacing: { failures: 0 },
    });
  });

  it('counts what is behind the cursor and what was put aside, by reason', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(4);
    trial.capture(2, { checkout: trial.otherCheckout });
    openAt(trial, route);
    move(trial, 1, 'parked', 'erased');
    move(trial, 2, 'parked', 'bad_request');
    move(trial, 3, 'parked', 'erased');
    trial.capture(3, { type: LOCAL_TYPE });
    expect(factsOf(trial, route)).toMatchObject({
      ineligibleAhead: 3,
      lastSeq: 9,
      counts: { queued: 1, parked: 3, withheld: 2 },
      aside: [
        { state: 'parked', reason: 'bad_request', n: 1 },
        { state: 'parked', reason: 'erased', n: 2 },
        { state: 'withheld', reason: 'unknown_checkout', n: 2 },
      ],
    });
  });

  it('knows since when the oldest waits: a queued one, else one that is not opened yet', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    const start = trial.clock.now();
    trial.capture(1);
    trial.clock.move(10);
    trial.capture(1, { type: LOCAL_TYPE });
    trial.clock.move(10);
    trial.capture(1);
    expect(factsOf(trial, route).oldestWaitingAt).toBe(start);
    openAt(trial, route);
    expect(factsOf(trial, route).oldestWaitingAt).toBe(start);
    move(trial, 1, 'delivered', null);
    expect(factsOf(trial, route).oldestWaitingAt).toBe(start + 20);
    move(trial, 3, 'parked', 'erased');
    expect(factsOf(trial, route).oldestWaitingAt).toBeNull();
    trial.clock.move(10);
    trial.capture(1, { type: LOCAL_TYPE });
    expect(factsOf(trial, route).oldestWaitingAt).toBeNull();
    trial.clock.move(10);
    trial.capture(1);
    expect(factsOf(trial, route).oldestWaitingAt).toBe(start + 40);
  });
});

describe('the counters', () => {
  it('are those of the rows, and a tampered one shows', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(3);
    openAt(trial, route);
    const genId = trial.generation(route).id;
    expect(readCounts(trial.db, genId)).toEqual(recount(trial.db, genId, stream.deliveries));
    moveCounts(trial.db, genId, { queued: 2 });
    expect(readCounts(trial.db, genId)).not.toEqual(recount(trial.db, genId, stream.deliveries));
    moveCounts(trial.db, genId, {});
    expect(readCounts(trial.db, genId).queued).toBe(5);
  });

  it('never go below zero', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    expect(() => {
      moveCounts(trial.db, trial.generation(route).id, { queued: -1 });
    }).toThrow('CHECK');
  });
});
