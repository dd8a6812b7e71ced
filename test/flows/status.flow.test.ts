import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { ProjectId } from '../../src/wire/index.ts';
import { createMachine, EXAMPLE_MISSIONS, type Machine } from '../support/command-line.ts';
import { envelopeBytes } from '../support/envelopes.ts';
import { answerAll, idsOf, recordingServer } from '../support/recording-server.ts';
import { projectIdOf, storeFile } from '../support/store-view.ts';

const EVENTS = 124;

/** The schema as operators read it: the one block of JSON in the page about status. */
function documentedSchema(): object {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/status.md'), 'utf8');
  const block = /```json\n([\s\S]*?)\n```/.exec(page)?.[1];
  return JSON.parse(block ?? 'null') as object;
}

const validate = new Ajv({
  allErrors: true,
  allowUnionTypes: true,
  formats: { 'date-time': (text: string) => new Date(text).toISOString() === text },
}).compile(documentedSchema());

async function statusOf(machine: Machine, cwd: string, ...more: readonly string[]) {
  const ended = await machine.run(['sync', 'status', '--json', ...more], { cwd });
  validate(ended.json);
  expect(validate.errors ?? []).toEqual([]);
  expect(ended.json['exit_code']).toBe(ended.exit);
  return ended.json;
}

/** A project with 124 events, all of them delivered to one target. */
async function deliveredProject() {
  const machine = createMachine();
  const root = await machine.project('repo');
  const projectId = projectIdOf(root) as ProjectId;
  const lines = Array.from({ length: EVENTS }, (_, n) => envelopeBytes(n + 1, { projectId }));
  const input = lines.map((line) => Buffer.from(line).toString()).join('\n');
  const emitted = await machine.run(['emit', '--envelope', '-'], { cwd: root, input });
  expect(emitted).toMatchObject({ exit: 0 });
  const isDown = { value: false };
  const first = await recordingServer((request) =>
    isDown.value ? { status: 503 } : answerAll(request),
  );
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', first.url], { cwd: root });
  expect((await machine.run(['sync', 'now'], { cwd: root })).exit).toBe(0);
  return { machine, root, first, isDown };
}

describe('124 events that only the previous target has', () => {
  it('are counted as retained and as delivered there, and as nothing else', async () => {
    const { machine, root, first } = await deliveredProject();
    const second = await recordingServer((request) => answerAll(request));
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', second.url], {
      cwd: root,
    });
    const json = await statusOf(machine, root);
    expect(json).toMatchObject({
      event_journal: {
        retained_event_count: EVENTS,
        oldest_retained_event_at: expect.stringMatching(/Z$/) as string,
      },
      delivery_targets: {
        current: { canonical_url: second.url },
        previous: [{ canonical_url: first.url, delivered_count: EVENTS }],
      },
      delivery_ledger: {
        delivered_current_target: 0,
        delivered_previous_target: EVENTS,
        waiting: EVENTS,
      },
    });
    const { stdout } = await machine.run(['sync', 'status'], { cwd: root });
    expect(stdout).toMatch(/^ {2}Retained events {11}124$/m);
    expect(stdout).toMatch(/^ {2}Delivered \(cur\/prev\) {6}0\/124$/m);
    expect(stdout).toMatch(/^ {2}Oldest Event {14}\d+ s ago$/m);
  });
});

it('what waits for a target that is not the active one names a command that sends there', async () => {
  const { machine, root, first, isDown } = await deliveredProject();
  const at = { cwd: root };
  isDown.value = true;
  const emit = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-7"}'];
  expect((await machine.run(emit, at)).exit).toBe(0);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(1);
  const second = await recordingServer((request) => answerAll(request));
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', second.url], at);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
  const again = ['sync', 'now', '--target', first.url];
  const { stdout } = await machine.run(again, at);
  const named = /Try again with `spec-kitty sync now --target (\S+)`/.exec(stdout)?.[1];
  isDown.value = false;
  const found = (await statusOf(machine, root, '--check'))['findings'] as readonly {
    readonly code: string;
    readonly detail: string;
    readonly remedy: string;
  }[];
  expect(found.map(({ code }) => code)).toEqual(['route_blocked', 'not_delivered']);
  expect(found.every(({ detail }) => detail.includes(first.url))).toBe(true);
  const other = await machine.project('other');
  const elsewhere = await statusOf(machine, other, '--check');
  expect(elsewhere['findings']).toMatchObject([
    {
      detail: expect.stringContaining('in the project ') as string,
      remedy: expect.stringMatching(/^cd '.+' && spec-kitty /) as string,
    },
    { remedy: expect.stringMatching(/^cd '.+' && spec-kitty /) as string },
  ]);
  expect(found.map(({ remedy }) => remedy.split(' ').at(-1))).toEqual([named, named]);
  for (const { remedy } of found) {
    const words = remedy.split(' ').slice(1);
    expect((await machine.run(words, at)).exit).toBe(0);
  }
  expect(await statusOf(machine, root, '--check')).toMatchObject({ ok: true, findings: [] });
});

describe('the JSON is what the documentation says', () => {
  it('on a machine that knows nothing, and in a project that has no target', async () => {
    const machine = createMachine();
    expect(await statusOf(machine, machine.dir)).toMatchObject({ ok: true, projects: [] });
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    expect(await statusOf(machine, root, '--check')).toMatchObject({
      ...{ ok: false, exit_code: 1 },
      findings: [{ code: 'new_lines', severity: 'waiting', remedy: 'spec-kitty sync import' }],
    });
  });

  it('when everything is delivered, and when a receiver refuses some', async () => {
    const { machine, root } = await deliveredProject();
    expect(await statusOf(machine, root, '--check')).toMatchObject({ ok: true, findings: [] });
    const refusal = {
      status: 'rejected',
      error: 'no such thing',
      error_category: 'schema_invalid',
    };
    const refusing = await recordingServer((request) => {
      if (request.method !== 'POST') return { status: 404 };
      const results = idsOf(request.body).map((id) => ({ event_id: id, ...refusal }));
      return { status: 200, body: JSON.stringify({ results }) };
    });
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', refusing.url], {
      cwd: root,
    });
    await machine.run(['sync', 'now'], { cwd: root });
    const json = await statusOf(machine, root, '--check');
    const events = (json['terminal_failures'] as { events: readonly unknown[] }).events;
    expect(json).toMatchObject({ ok: false, exit_code: 1, terminal_failures: { count: EVENTS } });
    expect(events).toHaveLength(20);
    expect(events[0]).toMatchObject({ code: 'schema_invalid', last_error: 'no such thing' });
  });

  it('when a store is damaged, a record is an orphan, or a store is empty', async () => {
    const { machine, root } = await deliveredProject();
    const record = path.join(machine.home, 'sync', 'daemon', 'owner.json');
    mkdirSync(path.dirname(record), { recursive: true });
    const owner = {
      ...{ pid: 4_194_305, port: 9400, token: 'f00d', package_version: '3.2.5' },
      ...{ executable_path: '/usr/bin/python3', source_checkout_path: '/srv/kitty' },
      ...{ server_url: 'https://kitty.example', queue_db_path: '/h/queue.db' },
      started_at: '2026-06-29T10:00:00+00:00',
    };
    writeFileSync(record, JSON.stringify(owner));
    const json = await statusOf(machine, root, '--check');
    expect(json).toMatchObject({
      ...{ ok: false, exit_code: 2, mismatches: [] },
      orphan_records: [{ pid: 4_194_305, started_at: owner.started_at }],
    });
    expect(JSON.stringify(json)).not.toContain('f00d');
    rmSync(record);
    for (const suffix of ['', '-wal', '-shm']) {
      writeFileSync(`${storeFile(machine, root)}${suffix}`, 'no database at all, not even close');
    }
    expect(await statusOf(machine, root)).toMatchObject({
      ...{ ok: false, exit_code: 3 },
      event_journal: { retained_event_count: null },
      unknown: [{ damaged: true }],
    });
  });
});

it('is asked in one project and speaks of all, unless told otherwise', async () => {
  const { machine, root } = await deliveredProject();
  const other = await machine.project('other', EXAMPLE_MISSIONS);
  await machine.run(['sync', 'import'], { cwd: other });
  const all = await statusOf(machine, root);
  expect(all['projects']).toMatchObject([{ here: true }, { here: false }]);
  expect(all).toMatchObject({ event_journal: { retained_event_count: EVENTS + 21 } });
  const alone = await statusOf(machine, root, '--here');
  expect(alone).toMatchObject({ event_journal: { retained_event_count: EVENTS } });
  expect(alone['projects']).toHaveLength(1);
});

it('shows a replay that waits until it has arrived', async () => {
  const { machine, root, first, isDown } = await deliveredProject();
  const at = { cwd: root };
  isDown.value = true;
  const replay = ['sync', 'replay', '--target', first.url, '--type', 'WPStatusChanged'];
  expect((await machine.run(replay, at)).exit).toBe(1);
  const waiting = await statusOf(machine, root, '--check');
  expect(waiting).toMatchObject({ ok: false, exit_code: 1 });
  expect(waiting['findings']).toContainEqual(
    expect.objectContaining({ code: 'replay_waits', remedy: 'spec-kitty sync now' }),
  );
  expect((await machine.run(['sync', 'status'], at)).stdout).toMatch(
    /^ {6}\d+ of a replay wait to be sent again$/m,
  );
  isDown.value = false;
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
  expect(await statusOf(machine, root, '--check')).toMatchObject({ ok: true, findings: [] });
});
