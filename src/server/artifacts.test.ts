import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  flatIndexed,
  indexed,
  missing,
  NAMESPACE,
  summed,
} from '../../test/support/dossier-events.ts';
import {
  envelope,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../test/support/receiver-trial.ts';
import { openDb, sha256Hex, systemClock } from '../base/index.ts';
import { operatorScope } from './auth.ts';
import { missionAlone, namespaceId } from './dossier.ts';
import { listEvents } from './operator.ts';
import { type ArtifactEntry, pageOfArtifacts, pageOfNamespaces } from './store/artifacts.ts';

const NAMES = {
  missionSlug: '042-demo',
  targetBranch: 'main',
  missionType: 'software-dev',
  manifestVersion: '1',
};
const FIRST = { after: '', limit: 10_000 };

async function artifacts(trial: Trial, names = NAMES): Promise<readonly ArtifactEntry[]> {
  return pageOfArtifacts(
    trial.store.driver,
    [operatorScope('local'), PROJECT, namespaceId(names)],
    FIRST,
  );
}

async function current(trial: Trial): Promise<readonly string[]> {
  return (await artifacts(trial)).map(({ path, sha256 }) => `${path} ${sha256 ?? 'deleted'}`);
}

/** Everything that the index holds. */
async function everything(trial: Trial): Promise<unknown> {
  const { driver } = trial.store;
  return [
    await driver.all('SELECT * FROM namespaces ORDER BY 1, 2, 3'),
    await driver.all('SELECT * FROM artifacts ORDER BY 1, 2, 3, 4'),
    await driver.all('SELECT * FROM artifact_versions ORDER BY 1, 2, 3, 4, 5'),
  ];
}

it('knows what an index event says', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1)]);
  const sha256 = sha256Hex('# Spec\n');
  const at = Date.UTC(2026, 2, 14, 9, 26, 53);
  expect(await artifacts(trial)).toEqual([
    {
      path: 'spec.md',
      artifactClass: 'input',
      artifactKey: 'input.spec.main',
      requiredStatus: 'required',
      sha256,
      sizeBytes: 7,
      occurredAt: at,
      eventId: '01JM0000000000000000000001',
      versions: [{ sha256, sizeBytes: 7, indexedAt: at, storedAt: null }],
    },
  ]);
});

it('keeps every content and shows the last one', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: 'a' }), indexed(2, { text: 'b' })]);
  await send(trial, [indexed(3, { text: 'a' }), indexed(4, { path: 'plan.md', text: 'p' })]);
  expect(await current(trial)).toEqual([`plan.md ${sha256Hex('p')}`, `spec.md ${sha256Hex('a')}`]);
  const [, spec] = await artifacts(trial);
  expect(spec?.versions.map(({ sha256 }) => sha256).sort()).toEqual(
    [sha256Hex('a'), sha256Hex('b')].sort(),
  );
});

it('ends the same in whatever order, batches and repetitions the events arrive', async () => {
  const early = '2026-03-14T08:00:00Z';
  const late = '2026-03-14T11:00:00+02:00';
  const events = [
    indexed(1, { text: 'a', timestamp: early, lamport: 9 }),
    indexed(2, { text: 'b', timestamp: late, lamport: 1 }),
    indexed(3, { text: 'c', timestamp: late, lamport: 2 }),
    indexed(4, { text: 'd', timestamp: late, lamport: 2 }),
    missing(5, 'deleted', { path: 'plan.md', timestamp: late }),
    indexed(6, { path: 'plan.md', timestamp: early }),
    missing(7, 'not_found', { path: 'plan.md', timestamp: '2026-03-14T23:00:00Z' }),
    flatIndexed(8, { text: 'e', timestamp: early }),
    summed(9),
  ];
  const straight = await startTrial();
  await send(straight, events);
  expect(await current(straight)).toEqual(['plan.md deleted', `spec.md ${sha256Hex('d')}`]);
  const expected = await everything(straight);
  const orders = fc.sample(
    fc.tuple(
      fc.shuffledSubarray(events, { minLength: events.length }),
      fc.shuffledSubarray(events),
      fc.integer({ min: 1, max: 9 }),
    ),
    { numRuns: 25, seed: 7 },
  );
  for (const [order, again, size] of orders) {
    const trial = await startTrial();
    for (let at = 0; at < order.length; at += size) await send(trial, order.slice(at, at + size));
    await send(trial, [...again, envelope(99)]);
    expect(await everything(trial)).toEqual(expected);
  }
});

it('comes back from a deletion when it is indexed again', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1), missing(2, 'deleted')]);
  expect(await current(trial)).toEqual(['spec.md deleted']);
  expect((await artifacts(trial))[0]?.versions).toHaveLength(1);
  await send(trial, [indexed(3)]);
  expect(await current(trial)).toEqual([`spec.md ${sha256Hex('# Spec\n')}`]);
});

it('keeps missions, branches, types, versions and projects apart', async () => {
  const trial = await startTrial();
  const others = [
    { mission_slug: '043-other' },
    { target_branch: 'next' },
    { mission_type: 'research' },
    { manifest_version: '2' },
  ];
  await send(trial, [
    indexed(1),
    ...others.map((namespace, index) => indexed(index + 2, { namespace, text: `${index}` })),
    indexed(9, { project: OTHER_PROJECT, text: 'other' }),
  ]);
  expect(await current(trial)).toEqual([`spec.md ${sha256Hex('# Spec\n')}`]);
  expect(
    await pageOfNamespaces(trial.store.driver, operatorScope('local'), PROJECT, FIRST),
  ).toHaveLength(5);
  expect(
    await pageOfNamespaces(trial.store.driver, operatorScope('other'), PROJECT, FIRST),
  ).toHaveLength(0);
});

describe('the first generation', () => {
  it('is kept under the mission alone', async () => {
    const trial = await startTrial();
    await send(trial, [
      flatIndexed(1),
      flatIndexed(2, { path: 'a.md', members: { mission_slug: 'x' } }),
    ]);
    expect(await artifacts(trial, missionAlone('042-demo'))).toMatchObject([
      { path: 'a.md' },
      { path: 'spec.md', artifactClass: 'runtime', requiredStatus: 'required', sizeBytes: 7 },
    ]);
  });

  it('is kept under its namespace where a producer added one', async () => {
    const trial = await startTrial();
    await send(trial, [flatIndexed(1, { members: { namespace: NAMESPACE } })]);
    expect(await current(trial)).toEqual([`spec.md ${sha256Hex('# Spec\n')}`]);
    await send(trial, [
      envelope(2, {
        event_type: 'MissionDossierArtifactMissing',
        payload: {
          namespace: NAMESPACE,
          feature_slug: '042-demo',
          artifact_key: 'input.spec.main',
          artifact_class: 'input',
          expected_path_pattern: 'spec.md',
          reason_code: 'deleted',
        },
      }),
    ]);
    expect(await current(trial)).toEqual(['spec.md deleted']);
  });
});

it.each([
  ['another project', { namespace: { project_uuid: OTHER_PROJECT } }],
  ['no project', { namespace: { project_uuid: 'x' } }],
  ['a blank branch', { namespace: { target_branch: ' ' } }],
  ['a mission with a control character', { namespace: { mission_slug: 'a\0b' } }],
  ['a path that leaves the mission', { path: '../spec.md' }],
  ['an absolute path', { path: '/etc/passwd' }],
  ['a path with backslashes', { path: 'a\\b' }],
  ['another algorithm', { content: { algorithm: 'md5' } }],
  ['a short hash', { content: { hash: 'abc' } }],
  ['a member that the schema does not know', { members: { extra: 1 } }],
])('stores an event that is odd, and indexes nothing: %s', async (_name, options) => {
  const trial = await startTrial();
  const [result] = await send(trial, [indexed(1, options)]);
  expect(result?.status).toBe('success');
  expect((await listEvents(trial.store)).items).toHaveLength(1);
  expect(await everything(trial)).toEqual([[], [], []]);
});

it('learns nothing from an event that conflicts', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: 'a' })]);
  const [result] = await send(trial, [indexed(1, { text: 'b', lamport: 99 })]);
  expect(result?.status).toBe('conflict');
  expect(await current(trial)).toEqual([`spec.md ${sha256Hex('a')}`]);
});

it('is mended by sending the events again', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1)]);
  const db = openDb(trial.file, { clock: systemClock() });
  db.exec('DELETE FROM artifacts; DELETE FROM artifact_versions; DELETE FROM namespaces');
  db.close();
  expect(await send(trial, [indexed(1)])).toMatchObject([{ status: 'duplicate' }]);
  expect(await current(trial)).toHaveLength(1);
});

it('stores events and index together or not at all', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  db.exec('DROP TABLE artifact_versions');
  db.close();
  await expect(send(trial, [indexed(1)])).rejects.toThrow('500');
  expect((await listEvents(trial.store)).items).toEqual([]);
  expect(await trial.store.driver.all('SELECT path FROM artifacts')).toEqual([]);
});
