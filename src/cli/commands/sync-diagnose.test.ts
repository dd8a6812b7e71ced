import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createMachine, type Machine } from '../../../test/support/command-line.ts';
import { envelopeBytes, eventId } from '../../../test/support/envelopes.ts';
import { answerAll, recordingServer } from '../../../test/support/recording-server.ts';
import { openStoreOf, projectIdOf } from '../../../test/support/store-view.ts';
import type { ProjectId } from '../../wire/index.ts';

/** A project that recorded a sound event, one outside its schema, and one of an unknown kind. */
async function recorded(): Promise<{ machine: Machine; at: { cwd: string } }> {
  const machine = createMachine();
  const root = await machine.project('repo');
  const projectId = projectIdOf(root) as ProjectId;
  const events = [
    envelopeBytes(1, { projectId, type: 'BuildHeartbeat', payload: '{"build_id":"b"}' }),
    envelopeBytes(2, { projectId, type: 'BuildHeartbeat', payload: '{}' }),
    envelopeBytes(3, { projectId, type: 'FromTomorrow' }),
  ];
  const input = events.map((each) => Buffer.from(each).toString()).join('\n');
  const ended = await machine.run(['emit', '--envelope', '-'], { cwd: root, input });
  expect(ended.exit).toBe(0);
  return { machine, at: { cwd: root } };
}

it('says that nothing waits', async () => {
  const machine = createMachine();
  const cwd = await machine.project('repo');
  const people = await machine.run(['sync', 'diagnose'], { cwd });
  expect(people).toMatchObject({ exit: 0, stdout: 'No pending events.\n', stderr: '' });
  const { json } = await machine.run(['sync', 'diagnose', '--json'], { cwd });
  expect(json).toMatchObject({ total: 0, valid: 0, invalid: 0, results: [] });
});

it('judges what waits, each with its reasons, without the network', async () => {
  const { machine, at } = await recorded();
  const { exit, json } = await machine.run(['sync', 'diagnose', '--json'], at);
  expect(exit).toBe(0);
  expect(json).toMatchObject({
    total: 3,
    valid: 2,
    invalid: 1,
    unknown_types: 1,
    categories: { schema_mismatch: 1, damaged: 0 },
    results: [
      { event_id: eventId(1), valid: true, errors: [], error_category: '' },
      { event_id: eventId(2), valid: false, error_category: 'schema_mismatch' },
      { event_id: eventId(3), event_type: 'FromTomorrow', valid: true },
    ],
  });
  const people = await machine.run(['sync', 'diagnose'], at);
  expect(people).toMatchObject({ exit: 0, stderr: '' });
  expect(people.stdout).toContain('Validated 3 event(s): 2 valid, 1 invalid\n');
  expect(people.stdout).toContain(`  VALID   ${eventId(1)} (BuildHeartbeat)\n`);
  expect(people.stdout).toContain(
    `  INVALID ${eventId(2)} (BuildHeartbeat) [schema_mismatch]\n    - `,
  );
  expect(people.stdout).toContain(`  NOTE    ${eventId(3)} `);
  expect(people.stdout).toContain('`spec-kitty sync parked list`');
});

it('leaves out what arrived and keeps what was parked', async () => {
  const { machine, at } = await recorded();
  const server = await recordingServer((request) => {
    if (request.method === 'GET') return { status: 404 };
    const odd = { event_id: eventId(2), status: 'rejected', error_category: 'schema_invalid' };
    const fine = [1, 3].map((n) => ({ event_id: eventId(n), status: 'success' }));
    return { status: 200, body: JSON.stringify({ results: [...fine, odd] }) };
  });
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
  await machine.run(['sync', 'now'], at);
  const { json } = await machine.run(['sync', 'diagnose', '--json'], at);
  expect(json).toMatchObject({ total: 1, invalid: 1, results: [{ event_id: eventId(2) }] });
});

it('ends with 3 when stored bytes are not those that were captured', async () => {
  const { machine, at } = await recorded();
  const store = openStoreOf(machine, at.cwd);
  store.exec('DROP TRIGGER payloads_no_update');
  store.exec(
    `UPDATE event_payloads SET payload = CAST(replace(payload, 'tester', 'nobody') AS BLOB) WHERE seq = 3`,
  );
  const ended = await machine.run(['sync', 'diagnose'], at);
  expect(ended.exit).toBe(3);
  expect(ended.stdout).toContain('[damaged]\n    - bytes: not those that were captured');
  expect(ended.stdout).toContain('`spec-kitty sync status --check`');
  const server = await recordingServer((request) => answerAll(request));
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
  await machine.run(['sync', 'now'], at);
  expect(server.batches().flat()).not.toContain(eventId(3));
});

it('judges the bodies that wait as well', async () => {
  const { machine, at } = await recorded();
  const store = openStoreOf(machine, at.cwd);
  const good = 'a39a5ff7e64a1a7ee9a0e0e4e2a4ffc60a3b9e5f6a5d6c7b8a9f0e1d2c3b4a59';
  const sound = createHash('sha256').update('sound').digest('hex');
  for (const [sha256, path] of [
    [sound, 'spec.md'],
    [good, 'plan.md'],
  ] as const) {
    store.run('INSERT INTO blobs (sha256, bytes, content) VALUES (:sha256, 5, :content)', {
      sha256,
      content: Buffer.from('sound'),
    });
    store.run(
      `INSERT INTO uploads (project_id, eligible, origin, mission_slug, target_branch, mission_type,
         manifest_version, artifact_path, sha256, bytes, created_at)
       SELECT project_id, 1, 'prepare', 'm', 'main', 't', '1', :path, :sha256, 5, 0 FROM store`,
      { path, sha256 },
    );
  }
  const ended = await machine.run(['sync', 'diagnose'], at);
  expect(ended.exit).toBe(3);
  expect(ended.stdout).toContain('Validated 2 bodies: 1 valid, 1 invalid\n  INVALID m/plan.md@');
  const { json } = await machine.run(['sync', 'diagnose', '--json'], at);
  expect(json['bodies']).toMatchObject({ total: 2, invalid: 1 });
});
