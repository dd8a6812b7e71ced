import { expect, it } from 'vitest';
import { ledgerTrial } from '../../../test/support/ledger-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { noFaults } from '../../base/index.ts';
import { open } from '../generations.ts';
import { eventsStream as events } from '../stream.ts';
import { countKinds } from './kinds.ts';

it('counts what waits by type, opened or not, and reads nothing else', () => {
  const trial = ledgerTrial();
  const route = trial.grant('a');
  trial.capture(3);
  open(trial.db, { routeId: route.id, stream: events, faults: noFaults });
  const delivered = trial.db.get<{ type: string }>('SELECT type FROM events WHERE seq = 1')?.type;
  trial.db.run('UPDATE event_deliveries SET state = 2, outcome = 1 WHERE seq = 1');
  trial.capture(2);
  trial.upload('a text');
  const seen = watchStatements(trial.db);
  const kinds = countKinds(trial.db, events, trial.generation(route, events));
  expect(kinds[0]).toEqual({ type: delivered, n: 4 });
  expect(kinds.map(({ n }) => n).reduce((sum, n) => sum + n, 0)).toBe(5);
  const scans = seen().flatMap((each) => wholeScans(trial.db, each));
  expect(scans.filter((each) => /^(?:events|event_deliveries):/.test(each))).toEqual([]);
});
