import { expect, it } from 'vitest';
import { PROJECT, startTrial } from '../../../test/support/receiver-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { openDb, sha256Hex, systemClock } from '../../base/index.ts';
import { parseProjectId, type SnapshotHead } from '../../wire/index.ts';
import { operatorScope } from '../auth.ts';
import {
  pageOfSnapshots,
  resolveResource,
  setResourceMapping,
  snapshotWith,
  storeSnapshot,
} from './snapshots.ts';
import { sqliteDriver } from './sqlite.ts';

const SNAPSHOTS = 12_000;
const TEAM = operatorScope('local');

function headOf(number: number): SnapshotHead {
  return {
    provider: 'jira',
    workspace: 'acme.atlassian.net',
    resource: { type: 'jira_project', id: `P${number % 50}` },
    projectUuid: parseProjectId(PROJECT),
    projectSlug: 'demo',
    doctrineMode: null,
    issues: 0,
    mappings: 0,
    cursor: null,
  };
}

it('stores, resolves and pages many snapshots through keys', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  const driver = sqliteDriver(db);
  const watched = watchStatements(db);
  const outcome = await driver.tx(async (sql) => {
    let last = '';
    for (let number = 0; number < SNAPSHOTS; number += 1) {
      const bytes = Buffer.from(`{"n":${number}}`);
      const sha256 = sha256Hex(bytes);
      const snapshot = { head: headOf(number), idempotencyKey: sha256, sha256, bytes };
      last = await storeSnapshot(sql, TEAM, number, snapshot);
    }
    return last;
  });
  expect(outcome).toBe('stored');
  const { provider, workspace, resource } = headOf(7);
  const key = { provider, workspace, resource };
  await setResourceMapping(driver, TEAM, { ...key, projectId: PROJECT, setAt: 1 });
  expect(await resolveResource(driver, TEAM, key)).toEqual({ by: 'resource', projectId: PROJECT });
  const page = { team: TEAM, projectId: null, after: 5_000, limit: 100 };
  expect(await pageOfSnapshots(driver, page)).toHaveLength(100);
  expect(await snapshotWith(driver, TEAM, 8)).toMatchObject({ id: 8, by: 'resource' });
  expect(watched().flatMap((each) => wholeScans(db, each))).toEqual([]);
  await driver.close();
});
