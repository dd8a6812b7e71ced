import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createMachine } from '../../../test/support/command-line.ts';
import { openStoreOf, projectIdOf } from '../../../test/support/store-view.ts';
import { EVENT_TYPES } from '../../wire/index.ts';

const CHANGED =
  '{"wp_id":"WP07","from_lane":"planned","to_lane":"claimed","actor":"me","mission_slug":"001-x"}';

it('records one event with what the repository knows of itself', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const ended = await machine.run(['emit', 'WPStatusChanged', '--payload', CHANGED], { cwd: root });
  expect(ended).toMatchObject({ exit: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^Recorded WPStatusChanged [0-9A-Z]{26}\n$/);
  const stored = openStoreOf(machine, root).get<{ payload: Buffer }>(
    'SELECT payload FROM event_payloads',
  );
  const envelope = JSON.parse(stored?.payload.toString() ?? '') as Record<string, unknown>;
  expect(envelope).toMatchObject({
    event_type: 'WPStatusChanged',
    aggregate_type: 'WorkPackage',
    aggregate_id: 'WP07',
    project_uuid: projectIdOf(root),
    project_slug: 'repo',
    git_branch: 'main',
    lamport_clock: 1,
    team_slug: null,
  });
  expect(stored?.payload.toString()).toContain(`"payload":${CHANGED}`);
});

it('takes the payload from an argument, a file or standard input, and keeps its bytes', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const payload = '{ "build_id" : "ci-\\u0037", "n": 1.50 }';
  writeFileSync(path.join(root, 'payload.json'), payload);
  const ways = [[payload], ['@payload.json'], ['-']];
  for (const way of ways) {
    const argv = ['emit', 'BuildHeartbeat', '--json', '--payload', ...way];
    const { json } = await machine.run(argv, { cwd: root, input: payload });
    expect(json).toMatchObject({
      event_type: 'BuildHeartbeat',
      status: 'captured',
      eligible: true,
    });
  }
  const rows = openStoreOf(machine, root).all<{ payload: Buffer }>(
    'SELECT payload FROM event_payloads',
  );
  expect(rows.map((row) => row.payload.toString().includes(`"payload":${payload}`))).toEqual([
    ...[true, true, true],
  ]);
});

it('says which event it was, what caused it and what it is about when asked', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const first = await machine.run(
    ['emit', 'ErrorLogged', '--json', '--payload', '{"error_type":"auth","error_message":"x"}'],
    { cwd: root },
  );
  const more = ['--aggregate-id', 'B-1', '--aggregate-type', 'Build'];
  const cause = ['--causation-id', String(first.json['event_id'])];
  const argv = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}', ...more, ...cause];
  expect((await machine.run(argv, { cwd: root })).exit).toBe(0);
  const rows = openStoreOf(machine, root).all('SELECT aggregate_type, aggregate_id FROM events');
  expect(rows).toEqual([
    { aggregate_type: 'Mission', aggregate_id: 'error' },
    { aggregate_type: 'Build', aggregate_id: 'B-1' },
  ]);
});

it('names the aggregate as each kind of event does', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const events: readonly (readonly [string, string, string, string])[] = [
    ['BuildHeartbeat', '{"build_id":"b-1"}', 'Build', 'b-1'],
    [
      'HistoryAdded',
      '{"wp_id":"WP02","entry_type":"note","entry_content":"x"}',
      'WorkPackage',
      'WP02',
    ],
    [
      'MissionClosed',
      '{"mission_slug":"001-x","mission_number":1,"mission_type":"y"}',
      'Mission',
      '001-x',
    ],
  ];
  for (const [type, payload, aggregate, id] of events) {
    const ended = await machine.run(['emit', type, '--payload', payload], { cwd: root });
    expect(ended.stderr).toBe('');
    const row = openStoreOf(machine, root).get(
      'SELECT aggregate_type AS type, aggregate_id AS id FROM events ORDER BY seq DESC LIMIT 1',
    );
    expect(row).toEqual({ type: aggregate, id });
  }
});

it.each([
  [['WPStatusChanged', '--payload', '{'], 'payload_invalid', ''],
  [['WPStatusChanged', '--payload', '[1]'], 'payload_invalid', ''],
  [['WPStatusChanged', '--payload', '{"wp_id":"WP01"}'], 'payload_invalid', '/from_lane'],
  [['WPStatusChanged', '--payload', CHANGED.replace('"WP07"', '7')], 'payload_invalid', '/wp_id'],
  [
    ['BuildHeartbeat', '--payload', '{"build_id":"a","build_id":"b"}'],
    'payload_invalid',
    '/build_id',
  ],
  [['BuildHeartbeat'], 'payload_invalid', '/build_id'],
])('refuses %j with the place in the payload and stores nothing', async (argv, code, pointer) => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const { json, exit } = await machine.run(['emit', ...argv, '--json'], { cwd: root });
  expect(exit).toBe(2);
  expect(json).toMatchObject({ error: { code, details: { pointer } } });
  const people = await machine.run(['emit', ...argv], { cwd: root });
  expect(people.stderr).toContain('nothing was recorded');
  expect(people.stderr).toContain(pointer === '' ? '(as a whole)' : `payload ${pointer}: `);
  expect(openStoreOf(machine, root).get('SELECT count(*) AS n FROM events')).toEqual({ n: 0 });
});

it.each([
  [[], 'usage'],
  [['NoSuchType', '--payload', '{}'], 'type_unknown'],
  [['BuildHeartbeat', '--payload', '@absent.json'], 'usage'],
  [['BuildHeartbeat', '--payload', '@.'], 'usage'],
  [['BuildHeartbeat', '--payload', '{"build_id":"b"}', '--causation-id', 'x'], 'usage'],
  [['BuildHeartbeat', '--envelope', 'x.ndjson'], 'usage'],
  [['--payload', '{}', '--envelope', 'x.ndjson'], 'usage'],
  [['--envelope', 'absent.ndjson'], 'usage'],
])('refuses %j as wrong usage', async (argv, code) => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const { json, exit } = await machine.run(['emit', ...argv, '--json'], { cwd: root });
  expect(exit).toBe(2);
  expect(json).toMatchObject({ error: { code }, exit_code: 2 });
});

it('names the types it knows when it is given another', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const ended = await machine.run(['emit', 'WpStatusChanged'], { cwd: root });
  for (const type of EVENT_TYPES) expect(ended.stderr).toContain(type);
});

it('refuses a payload that no event could carry', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const chunk = Buffer.alloc(65_536, 0x20);
  const endless = (async function* () {
    for (let n = 0; n < 1_000; n += 1) yield await Promise.resolve(chunk);
  })();
  const argv = ['emit', 'BuildHeartbeat', '--payload', '-', '--json'];
  const { json, exit } = await machine.run(argv, { cwd: root, input: endless });
  expect(exit).toBe(2);
  expect(json).toMatchObject({ error: { code: 'usage' } });
});

it('marks a kind that never leaves this machine', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const envelope = {
    ...{ event_id: '01M1E6PKC46CQ643DZVMXXQK00', event_type: 'MissionReopened', aggregate_id: 'm' },
    ...{ aggregate_type: 'Mission', payload: {}, node_id: '000000000000', lamport_clock: 0 },
    ...{ causation_id: null, timestamp: '2026-09-01T10:00:00Z', team_slug: null },
    ...{ project_uuid: projectIdOf(root), project_slug: null, git_branch: null },
    ...{ head_commit_sha: null, repo_slug: null },
  };
  const argv = ['emit', '--envelope', '-', '--json'];
  const { json } = await machine.run(argv, { cwd: root, input: JSON.stringify(envelope) });
  expect(json).toMatchObject({ captured: 1, refused: 0 });
  const status = await machine.run(['sync', 'status'], { cwd: root });
  expect(status.stdout).toContain('1 captured, oldest');
  expect(status.stdout).toContain('1 of them never leave this machine');
});

it('keeps events beside a store that is no database, and takes them in when it is one again', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const store = path.join(machine.home, 'projects', `${projectIdOf(root)}.db`);
  const argv = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'];
  writeFileSync(store, 'no database at all, but long enough to be looked at as one');
  const spilled = await machine.run(argv, { cwd: root });
  expect(spilled).toMatchObject({ exit: 0, stderr: '' });
  expect(spilled.stdout).toContain('kept beside it and taken in later');
  writeFileSync(store, '');
  const { json } = await machine.run(['sync', 'status', '--json'], { cwd: root });
  expect(json).toMatchObject({ spilled_events: 1 });
  const imported = await machine.run(['sync', 'import'], { cwd: root });
  expect(imported.stdout).toContain('Took in 1 event(s) that were kept beside the store');
  expect(openStoreOf(machine, root).get('SELECT count(*) AS n FROM events')).toEqual({ n: 1 });
});
