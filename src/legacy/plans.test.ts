import { expect, it, onTestFinished } from 'vitest';
import path from 'node:path';
import { noFaults, systemClock, urlHash } from '../base/index.ts';
import { rememberDelivered } from '../delivery/index.ts';
import { openHome } from '../home/index.ts';
import { envelopeBytes, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { asPython, oldQueue } from '../../test/support/old-home.ts';
import { wholeScans, watchStatements } from '../../test/support/statement-watch.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import {
  archiveSources,
  legacyRowsOf,
  migrateSources,
  readLegacy,
  resolveConflicts,
} from './index.ts';

/** As long as there are conflicts or sources, one row, or asked only whether it is empty. */
const SHORT = new Set(['import_conflicts', 'import_sources', 'journal_head', 'active', 'audit']);

it('reads no table of rows or events as a whole', async () => {
  const dir = tempDir();
  const env = { SPEC_KITTY_HOME: path.join(dir, 'home') };
  const home = openHome({ ...testSystem(dir, { env }), clock: systemClock(), faults: noFaults });
  onTestFinished(() => {
    home.close();
  });
  const first = oldQueue(path.join(home.paths.root, 'queue.db'));
  first.addEvents([1, 2, 3]);
  first.addBody({ path: 'spec.md', content: '# Spec\n' });
  first.addFailure('plan.md', 'namespace_not_found');
  first.add('E', 'nothing of ours');
  first.add('F', asPython(envelopeBytes(9)).replace(`"${PROJECT_ID}"`, 'null'));
  first.close();
  const second = oldQueue(path.join(home.paths.root, 'queues', 'queue-0a.db'));
  second.add(eventId(1), asPython(envelopeBytes(1, { payload: '{"n":1.0}' })));
  second.close();
  const watched = [home.store(PROJECT_ID), home.unassigned()].map(
    (db) => [db, watchStatements(db)] as const,
  );
  await migrateSources(home);
  rememberDelivered(home.store(PROJECT_ID), { urlHash: urlHash('u'), team: '', user: '' }, [
    { seq: 1, outcome: 'success', deliveredAt: null },
  ]);
  const view = readLegacy(home);
  expect(legacyRowsOf(home.store(PROJECT_ID), PROJECT_ID, view).conflicts).toHaveLength(1);
  resolveConflicts(home, { keep: 'keep-source', eventIds: null });
  const { sources } = await migrateSources(home);
  expect(archiveSources(home, sources, new Set()).filter(({ to }) => to === null)).toEqual([]);
  const scans = watched.flatMap(([db, seen]) => seen().flatMap((each) => wholeScans(db, each)));
  const long = scans.filter((step) => !SHORT.has(step.split(':')[0] ?? ''));
  // Events that wait for a project are listed from the index of those that do.
  expect(long.filter((step) => !step.includes('unassigned_waiting'))).toEqual([]);
});
