import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import { listArtifacts, type ArtifactEntry } from '../../src/server/index.ts';
import { encodeBatch, encodeBodyPush, parseProjectId } from '../../src/wire/index.ts';
import { createMachine } from '../support/command-line.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { missionTrial, type MissionTrial } from '../support/mission-trial.ts';
import { type RealReceiver, realReceiver } from '../support/real-receiver.ts';

const NAMESPACE = {
  missionSlug: 'm',
  targetBranch: 'main',
  missionType: 'software-dev',
  manifestVersion: '1',
};
const TEXTS = {
  'spec.md': '# Spec\r\n',
  'plan.md': '\ufeffplan\0',
  'tasks/WP01-über.md': '😀'.repeat(100),
  'research/a.csv': 'a,b\n',
  'contracts/x.bin.json': '{}',
} as const;

async function post(url: string, body: Uint8Array): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
  await response.arrayBuffer();
  return response.status;
}

async function sendEvents(trial: MissionTrial, receiver: RealReceiver): Promise<void> {
  const rows = trial.db.all<{ payload: Uint8Array }>(
    'SELECT payload FROM event_payloads ORDER BY seq DESC',
  );
  const batch = encodeBatch(rows.map(({ payload }) => payload));
  expect(await post(`${receiver.url}/api/v1/events/batch/`, batch)).toBe(200);
}

async function pushText(receiver: RealReceiver, artifactPath: string, text: string) {
  const projectUuid = parseProjectId(PROJECT_ID);
  if (projectUuid === null) throw new Error('the project of these tests is a UUID');
  const push = {
    ...NAMESPACE,
    projectUuid,
    artifactPath,
    contentHash: sha256Hex(text),
    content: Buffer.from(text),
  };
  return post(`${receiver.url}/api/dossier/push-content/`, encodeBodyPush(push));
}

async function present(receiver: RealReceiver): Promise<ReadonlyMap<string, ArtifactEntry>> {
  const options = { project: PROJECT_ID, namespace: NAMESPACE };
  const { items } = await listArtifacts(receiver.store, options);
  return new Map(items.map((item) => [item.path, item]));
}

function remove(trial: MissionTrial, below: string): void {
  fs.rmSync(path.join(trial.root, 'kitty-specs', 'm', below));
}

it('a mission that is indexed here is known there, edits and deletions too', async () => {
  const trial = missionTrial();
  for (const [below, text] of Object.entries(TEXTS)) trial.put(below, text);
  trial.sync();
  const receiver = await realReceiver();
  await sendEvents(trial, receiver);
  const first = await present(receiver);
  expect([...first.keys()].sort()).toEqual(Object.keys(TEXTS).sort());
  for (const [below, text] of Object.entries(TEXTS)) {
    expect(first.get(below)).toMatchObject({ sha256: sha256Hex(text) });
    expect([below, await pushText(receiver, below, text)]).toEqual([below, 201]);
  }
  trial.put('spec.md', 'two');
  trial.sync();
  trial.put('spec.md', TEXTS['spec.md']);
  trial.sync();
  remove(trial, 'plan.md');
  trial.sync();
  // The newest event first: what is present does not follow from the order of arrival.
  await sendEvents(trial, receiver);
  const second = await present(receiver);
  expect(second.get('spec.md')).toMatchObject({ sha256: sha256Hex(TEXTS['spec.md']) });
  expect(second.get('plan.md')).toMatchObject({ sha256: null });
  expect(await pushText(receiver, 'spec.md', 'two')).toBe(201);
  expect(second.get('spec.md')?.versions).toHaveLength(2);
});

it('spec-kitty receiver artifacts lists what is stored, waited for, announced alone and deleted', async () => {
  const trial = missionTrial();
  for (const each of ['spec.md', 'plan.md', 'research/a.csv', 'notes.md', 'research/a.png'])
    trial.put(each, each);
  trial.put('research/empty.md', '');
  trial.sync();
  remove(trial, 'plan.md');
  trial.sync();
  const machine = createMachine();
  const receiver = await realReceiver({ file: `${machine.dir}/receiver.db` });
  await sendEvents(trial, receiver);
  expect(await pushText(receiver, 'spec.md', 'spec.md')).toBe(201);
  await receiver.stop();
  const shown = await machine.run(['receiver', 'artifacts', PROJECT_ID]);
  expect(shown).toMatchObject({ exit: 0, stderr: '' });
  expect(shown.stdout).toBe(
    [
      'm  main  software-dev  1',
      `  announced  ${sha256Hex('notes.md').slice(0, 12)}  notes.md`,
      '  deleted                  plan.md',
      `  waiting    ${sha256Hex('research/a.csv').slice(0, 12)}  research/a.csv`,
      `  announced  ${sha256Hex('research/a.png').slice(0, 12)}  research/a.png`,
      `  announced  ${sha256Hex('').slice(0, 12)}  research/empty.md`,
      `  stored     ${sha256Hex('spec.md').slice(0, 12)}  spec.md`,
      '',
    ].join('\n'),
  );
  const { json } = await machine.run(['receiver', 'artifacts', PROJECT_ID, '--json']);
  expect(json['namespaces']).toMatchObject([
    {
      mission_slug: 'm',
      artifacts: [{}, {}, {}, {}, {}, { path: 'spec.md', body: 'stored', versions: 1 }],
    },
  ]);
  const other = ['receiver', 'artifacts', PROJECT_ID, '--mission', 'x'];
  expect((await machine.run(other)).stdout).toBe('Nothing here.\n');
  expect((await machine.run(['receiver', 'artifacts', 'none'])).exit).toBe(2);
});
