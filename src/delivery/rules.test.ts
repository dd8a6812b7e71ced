import { describe, expect, it } from 'vitest';
import {
  ledgerTrial,
  STREAMS,
  verdict,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { noFaults } from '../base/index.ts';
import { claimDrain } from './drain/drains.ts';
import { open } from './generations.ts';
import { begin, record } from './ledger.ts';
import { revoke } from './grants.ts';
import { eventsStream as stream } from './stream.ts';

// What the database itself refuses, whoever holds the pen: the ledger's promises do not rest on our code alone.

/** Three deliveries: 1 delivered, 2 parked, 3 queued. */
async function threeDeliveries(): Promise<LedgerTrial> {
  const trial = ledgerTrial();
  const { db, clock } = trial;
  const route = trial.grant('a');
  trial.capture(3);
  open(db, { routeId: route.id, stream, faults: noFaults });
  const drain = await claimDrain(db, trial.system, route.id);
  const genId = trial.generation(route).id;
  const now = clock.now();
  const batch = begin(db, stream, { drain, genId, items: stream.load(db, [1, 2]), now });
  if (batch === null) throw new Error('the batch was not begun');
  const verdicts = [verdict('success'), verdict('terminal_failed', 'erased')];
  const answer = { verdicts, httpStatus: 200, result: 'recorded' };
  record(db, stream, { drain, batch, ...answer, now, faults: noFaults });
  expect(trial.deliveries(route)).toEqual(['1 delivered', '2 parked erased', '3 queued']);
  return trial;
}

const DELIVERY = 'INSERT INTO event_deliveries (gen_id, seq, route_id, state, reason) VALUES';

describe('a delivery in the store', () => {
  it.each([
    ['delivered is final', `UPDATE event_deliveries SET state = 1 WHERE seq = 1`],
    [
      'delivered is final',
      `UPDATE event_deliveries SET state = 3, reason = 'erased' WHERE seq = 1`,
    ],
    [
      'delivered is final',
      `UPDATE event_deliveries SET state = 5, reason = 'revoked' WHERE seq = 1`,
    ],
    ['history of a delivery', `DELETE FROM event_deliveries WHERE seq = 1`],
    ['history of a delivery', `DELETE FROM event_deliveries WHERE seq = 3`],
    ['history of a delivery', `DELETE FROM event_deliveries`],
    ['CHECK', `UPDATE event_deliveries SET state = 6 WHERE seq = 3`],
    ['CHECK', `UPDATE event_deliveries SET state = 3, reason = NULL WHERE seq = 3`],
    ['CHECK', `UPDATE event_deliveries SET state = 4 WHERE seq = 3`],
    ['CHECK', `UPDATE event_deliveries SET state = 5, reason = 'because' WHERE seq = 3`],
    ['CHECK', `UPDATE event_deliveries SET state = 5, reason = NULL WHERE seq = 3`],
    ['CHECK', `UPDATE event_deliveries SET reason = 'no reason' WHERE seq = 3`],
    ['CHECK', `UPDATE event_deliveries SET outcome = 7 WHERE seq = 3`],
    ['history of a delivery', `${DELIVERY} (1, 3, 1, 1, NULL)`],
    ['history of a delivery', `${DELIVERY.replace('INSERT', 'REPLACE')} (1, 1, 1, 5, 'revoked')`],
    ['FOREIGN KEY', `${DELIVERY} (1, 99, 1, 1, NULL)`],
    ['FOREIGN KEY', `${DELIVERY} (99, 3, 1, 1, NULL)`],
    ['cannot store TEXT', `UPDATE event_deliveries SET state = 'queued' WHERE seq = 3`],
  ])('refuses by %s: %s', async (why, sql) => {
    const trial = await threeDeliveries();
    const before = trial.db.all('SELECT * FROM event_deliveries');
    expect(() => trial.db.run(sql)).toThrow(why);
    expect(trial.db.all('SELECT * FROM event_deliveries')).toEqual(before);
    trial.books(trial.route('a'));
  });

  it('cannot be queued without a permission on its route', async () => {
    const trial = await threeDeliveries();
    const { db } = trial;
    const now = trial.clock.now();
    expect(() => db.run('DELETE FROM grants')).toThrow('FOREIGN KEY');
    const route = trial.route('a');
    revoke(db, { routeId: route.id, by: 'test', now, streams: STREAMS });
    expect(() =>
      db.run('UPDATE event_deliveries SET state = 1, reason = NULL WHERE seq = 3'),
    ).toThrow('FOREIGN KEY');
    trial.capture(1);
    expect(() => db.run(`${DELIVERY} (1, 4, 1, 1, NULL)`)).toThrow('FOREIGN KEY');
    expect(trial.books(route)).toMatchObject({ delivered: 1, parked: 1, withheld: 1, unopened: 1 });
  });

  it('cannot borrow the permission of another route', async () => {
    const trial = await threeDeliveries();
    trial.capture(1);
    trial.target('b');
    trial.db.run('INSERT INTO routes (target_id, created_at) VALUES (2, 1)');
    expect(() => trial.db.run(`${DELIVERY} (1, 4, 2, 1, NULL)`)).toThrow('FOREIGN KEY');
  });
});

describe('the rest of the ledger', () => {
  it.each([
    ['CHECK', `UPDATE delivery_counts SET n = -1 WHERE state = 1`],
    ['CHECK', `UPDATE generations SET next_seq = from_seq - 1`],
    ['UNIQUE', `INSERT INTO routes (target_id, created_at) VALUES (1, 1)`],
    ['FOREIGN KEY', `INSERT INTO routes (target_id, created_at) VALUES (9, 1)`],
    ['FOREIGN KEY', `INSERT INTO grants VALUES (9, 1, 'nobody')`],
    ['FOREIGN KEY', `INSERT INTO grant_checkouts VALUES (1, 99, 1)`],
    ['FOREIGN KEY', `DELETE FROM routes`],
    ['FOREIGN KEY', `DELETE FROM generations`],
    [
      'CHECK',
      `INSERT INTO grant_log (route_id, what, detail, logged_at) VALUES (1, 'lost', '', 1)`,
    ],
    [
      'CHECK',
      `INSERT INTO batches (gen_id, fence, min_seq, max_seq, n, bytes, started_at) VALUES (1, 1, 1, 1, 0, 1, 1)`,
    ],
  ])('refuses by %s: %s', async (why, sql) => {
    const trial = await threeDeliveries();
    expect(() => trial.db.run(sql)).toThrow(why);
    trial.books(trial.route('a'));
  });
});
