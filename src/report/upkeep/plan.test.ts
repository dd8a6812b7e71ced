import { expect, it } from 'vitest';
import { ledgerTrial } from '../../../test/support/ledger-trial.ts';
import { eventsStream, readRouteFacts } from '../../delivery/index.ts';
import { dropPlanned } from './gc.ts';
import { planRetention, readRetention } from './plan.ts';

const LARGE = JSON.stringify({ wp_id: 'WP01', note: 'many words '.repeat(40_000) });
const OVER_50_MIB = 125;

it('suggests gc for a large store whose every target has everything, and for nothing less', () => {
  const trial = ledgerTrial();
  const { db, clock } = trial;
  const suggests = (...names: string[]): boolean => {
    const facts = names.map((name) =>
      readRouteFacts(db, trial.route(name).id, eventsStream, { now: clock.now() }),
    );
    return readRetention(db, facts).suggestsGc;
  };
  const deliverAll = (name: string): void => {
    const route = trial.route(name);
    const { id, nextSeq } = trial.generation(route);
    db.run(
      `INSERT INTO event_deliveries (gen_id, seq, route_id, state, outcome)
       SELECT :id, seq, :routeId, 2, 1 FROM events WHERE seq >= :nextSeq`,
      { id, nextSeq, routeId: route.id },
    );
    db.run(
      'UPDATE generations SET next_seq = (SELECT max(seq) + 1 FROM events) WHERE gen_id = :id',
      {
        id,
      },
    );
    db.run('DELETE FROM delivery_counts WHERE gen_id = :id', { id });
    db.run(
      'INSERT INTO delivery_counts SELECT gen_id, 2, count(*) FROM event_deliveries WHERE gen_id = :id',
      { id },
    );
  };
  trial.grant('a');
  trial.capture(3);
  deliverAll('a');
  expect(suggests('a')).toBe(false);
  trial.capture(OVER_50_MIB, { payload: LARGE });
  expect(suggests('a')).toBe(false);
  deliverAll('a');
  expect(suggests('a')).toBe(true);
  expect(suggests()).toBe(false);
  trial.grant('b');
  expect(suggests('a', 'b')).toBe(false);
  deliverAll('b');
  expect(suggests('a', 'b')).toBe(true);

  const plan = planRetention(db, trial.system.files, 'delivered');
  expect(plan.unneeded).toHaveLength(OVER_50_MIB + 3);
  const dropped = dropPlanned(trial.home, db, { plan, rule: 'delivered', archiveId: null });
  expect(dropped.storeBefore - dropped.storeAfter).toBeGreaterThan(0.8 * dropped.bytes);
  expect(suggests('a', 'b')).toBe(false);
  expect(readRetention(db, []).away).toMatchObject({ events: OVER_50_MIB + 3, archived: 0 });
});
