import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../../../test/support/command-line.ts';
import { answerAll, recordingServer } from '../../../test/support/recording-server.ts';
import { openStoreOf, projectIdOf, storeFile } from '../../../test/support/store-view.ts';
import { systemClock } from '../../base/index.ts';
import { age } from '../render/status-text.ts';

describe('on a machine that knows nothing', () => {
  it('says so and how to begin', async () => {
    const machine = createMachine();
    const ended = await machine.run(['sync', 'status']);
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
    expect(ended.stdout).toContain('No project has recorded anything here yet');
    expect(ended.stdout).toContain('`spec-kitty init`');
    const repository = await machine.run(['sync', 'status'], { cwd: machine.repository('repo') });
    expect(repository).toEqual({ ...ended, json: repository.json });
    const { json } = await machine.run(['sync', 'status', '--json']);
    expect(json).toMatchObject({
      ...{
        event_journal: { retained_event_count: 0 },
        conservation: [],
        unknown: [],
        exit_code: 0,
      },
    });
  });

  it('refuses a project without an identity, with the command that gives it one', async () => {
    const machine = createMachine();
    const root = machine.repository('repo', { '.kittify/metadata.yaml': 'spec_kitty: {}\n' });
    const ended = await machine.run(['sync', 'status'], { cwd: root });
    expect(ended).toMatchObject({ exit: 1, stdout: '' });
    expect(ended.stderr).toContain('Run `spec-kitty init`.');
    expect((await machine.run(['init'], { cwd: root })).exit).toBe(0);
    expect((await machine.run(['sync', 'status'], { cwd: root })).exit).toBe(0);
  });
});

describe('in a project', () => {
  it('keeps the labels that scripts read', async () => {
    const { machine, root } = await delivered();
    const { stdout, exit } = await machine.run(['sync', 'status', '--check'], { cwd: root });
    expect(exit).toBe(0);
    const rows = new Map(
      stdout
        .split('\n')
        .reverse()
        .flatMap((line) => {
          const found = /^\s*(?<key>\S.*?)\s{2,}(?<value>.+?)\s*$/.exec(line)?.groups;
          return found === undefined ? [] : [[found['key'], found['value']] as const];
        }),
    );
    expect(Object.fromEntries(rows)).toMatchObject({
      ...{ 'SaaS Sync': 'Disabled (SPEC_KITTY_ENABLE_SAAS_SYNC=1)', 'Server URL': '<unset>' },
      ...{ 'Config File': path.join(machine.home, 'config.toml'), Mode: 'EXTERNAL_RECEIVER' },
      ...{ 'Retained events': String(EXAMPLE_FACTS), 'Terminal failures': '0' },
      'Delivered (cur/prev)': `${EXAMPLE_FACTS}/0`,
    });
    expect(stdout).toMatch(/\nSpec Kitty Sync Status\n/);
    expect(stdout).toMatch(/\nEvent Sync\n/);
    expect(stdout).toMatch(/\nCheck passed\.\n$/);
  });

  it('shows where each event is, and adds it up', async () => {
    const { machine, root, url } = await delivered();
    const { stdout } = await machine.run(['sync', 'status'], { cwd: root });
    expect(stdout).toContain(`  Target ${url} (active)\n`);
    expect(stdout).toMatch(/ {4}events: 21 delivered, nothing waits; last success: \d+ s ago\n/);
    expect(stdout).toContain(
      '21 captured = 0 before the start + 0 never eligible + 0 dropped + 0 unopened + 21 opened\n',
    );
    expect(stdout).toContain(
      '21 opened = 0 queued + 21 delivered + 0 parked + 0 superseded + 0 withheld\n',
    );
  });

  it('tells the targets apart: what the active one has, and what others got', async () => {
    const { machine, root } = await delivered();
    const second = await recordingServer((request) => answerAll(request));
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', second.url], {
      cwd: root,
    });
    const ended = await machine.run(['sync', 'status', '--check'], { cwd: root });
    expect(ended.exit).toBe(1);
    expect(ended.stdout).toMatch(/Delivered \(cur\/prev\) +0\/21\n/);
    expect(ended.stdout).toMatch(
      /events: 0 delivered, 21 waiting, the oldest for \d+ s; last success: never/,
    );
    expect(ended.stdout).toMatch(
      /\nCheck failed:\n {2}! 21 of the events wait for \S+: run `spec-kitty sync now`\n$/,
    );
    const { json } = await machine.run(['sync', 'status', '--json'], { cwd: root });
    expect(json).toMatchObject({
      delivery_targets: {
        current: { canonical_url: second.url, team_slug: '', user_email: '' },
        previous: [{ delivered_count: 21 }],
      },
      delivery_ledger: { delivered_current_target: 0, delivered_previous_target: 21, waiting: 21 },
      ...{ terminal_failures: { count: 0 }, new_lines: 0, conflicts: 0, exit_code: 0 },
    });
  });

  it('says what it takes to be sent from here', async () => {
    const { machine, root } = await delivered();
    await machine.run(['sync', 'opt-out'], { cwd: root });
    const { stdout } = await machine.run(['sync', 'status'], { cwd: root });
    expect(stdout).toContain('(active, not permitted)');
    expect(stdout).toContain('Nothing is sent from here before `spec-kitty sync opt-in`.');
  });

  it('counts what waits to be recorded, and what cannot be', async () => {
    const machine = createMachine();
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const ended = await machine.run(['sync', 'status', '--check'], { cwd: root });
    expect(ended.exit).toBe(1);
    expect(ended.stdout).toContain('21 new line(s) wait: run `spec-kitty sync import`');
    expect(ended.stdout).toContain('No target: nothing is sent anywhere.');
    const outside = await machine.run(['sync', 'status', '--json']);
    expect(outside.json).toMatchObject({ new_lines: null });
  });
});

describe('what has waited for more than a day', () => {
  it('is said by every command after two days of silence, on standard error alone', async () => {
    const machine = createMachine();
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    await machine.run(['sync', 'import'], at);
    await machine.run(
      ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'http://127.0.0.1:9'],
      at,
    );
    const young = await machine.run(['sync', 'status', '--json'], at);
    expect(young.stderr).toBe('');
    const today = systemClock();
    const clock = { ...today, now: () => today.now() + 2 * 86_400_000 + 1 };
    const later = { ...at, system: { clock } };
    for (const argv of [
      ['sync', 'status', '--json'],
      ['sync', 'import'],
      ['sync', 'targets'],
      ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'],
      ['daemon', 'status'],
      ['daemon', 'stop'],
      ['auth', 'status', '--json'],
      ['doctor', 'orphan-daemons'],
      ['doctor', 'restart-daemon', '--json'],
      ['sync', 'server'],
      ['sync', 'show', 'no-such-event'],
    ]) {
      const old = await machine.run(argv, later);
      expect(old.stderr).toContain(
        'Note: something has waited for 2 day(s) to be delivered; `spec-kitty sync status` says where and why.\n',
      );
      // Wherever one is on this machine.
      expect((await machine.run(argv, { ...later, cwd: machine.dir })).stderr).toContain(
        '2 day(s)',
      );
    }
    await machine.run(['sync', 'opt-out'], later);
    expect((await machine.run(['sync', 'import'], later)).stderr).toBe('');
  });
});

describe('what cannot be read is unknown and never green', () => {
  it.each(['in the project', 'outside of it'])(
    'a store that is no database, asked %s',
    async (where) => {
      const { machine, root } = await delivered();
      const sound = await machine.project('sound');
      await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'], {
        cwd: sound,
      });
      for (const suffix of ['', '-wal', '-shm']) {
        writeFileSync(
          `${storeFile(machine, root)}${suffix}`,
          'this is no database, nor was it ever one',
        );
      }
      const cwd = where === 'in the project' ? root : machine.dir;
      for (const more of [[], ['--check']]) {
        const ended = await machine.run(['sync', 'status', ...more], { cwd });
        expect(ended.exit).toBe(3);
        expect(ended.stdout).toContain(`${projectIdOf(root)}: unknown`);
        expect(ended.stdout).toContain('not every store could be read');
      }
      const { json } = await machine.run(['sync', 'status', '--json'], { cwd });
      expect(json).toMatchObject({
        event_journal: { retained_event_count: null },
        ...{ terminal_failures: { count: null }, exit_code: 3 },
        unknown: [
          {
            project_uuid: projectIdOf(root),
            error: expect.stringContaining(machine.home) as string,
          },
        ],
      });
      const now = await machine.run(['sync', 'now'], { cwd: root });
      expect(now).toMatchObject({ exit: 3, stdout: '' });
      expect(now.stderr).toContain('file is not a database');
    },
  );

  it('a directory, or a database of something else, in the place of a store', async () => {
    const machine = createMachine();
    const [folder, alien] = [await machine.project('folder'), await machine.project('alien')];
    for (const root of [folder, alien]) rmSync(storeFile(machine, root));
    mkdirSync(storeFile(machine, folder));
    openStoreOf(machine, alien).exec('CREATE TABLE store (a); INSERT INTO store VALUES (1)');
    for (const root of [folder, alien]) {
      const ended = await machine.run(['sync', 'status'], { cwd: root });
      expect(ended.exit).not.toBe(0);
      expect(ended.exit).not.toBe(70);
    }
  });

  it('the store of another project', async () => {
    const { machine, root } = await delivered();
    const id = '11111111-2222-4333-8444-555555555555';
    openStoreOf(machine, root).exec(
      `PRAGMA foreign_keys = OFF; UPDATE store SET project_id = '${id}'`,
    );
    const ended = await machine.run(['sync', 'status'], { cwd: root });
    expect(ended.exit).toBe(3);
    expect(ended.stdout).toContain(`: unknown`);
    expect(ended.stdout).toContain(id);
  });

  it('a configuration that is no TOML, or an impossible value in it', async () => {
    const { machine, root } = await delivered();
    for (const text of ['x = = 1\n', '[event_sync]\nopt_out_policy = "sideways"\n', 'sync = 3\n']) {
      writeFileSync(path.join(machine.home, 'config.toml'), text);
      const ended = await machine.run(['sync', 'status'], { cwd: root });
      expect(ended).toMatchObject({ exit: 1, stdout: '' });
      expect(ended.stderr).toContain('config.toml');
    }
  });
});

describe('a home that cannot be written', () => {
  it('is read from a copy', async () => {
    const { machine, root } = await delivered();
    const env = readOnly(machine);
    const ended = await machine.run(['sync', 'status', '--json'], { cwd: root, env });
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
    expect(ended.json).toMatchObject({ event_journal: { retained_event_count: 0 } });
    expect(ended.json['projects']).toMatchObject([
      {
        project_uuid: projectIdOf(root),
        read_from_copy: expect.stringContaining('ENOTDIR') as string,
      },
    ]);
    const people = await machine.run(['sync', 'status'], { cwd: root, env });
    expect(people.stdout).toContain('Not writable, so a copy was read: ENOTDIR');
  });

  it('shows what its stores hold, although SQLite cannot make its side file there', async () => {
    const { machine, root } = await delivered();
    mkdirSync(`${storeFile(machine, root)}-wal`);
    for (const cwd of [root, machine.dir]) {
      const { json, exit } = await machine.run(['sync', 'status', '--json'], { cwd });
      expect(exit).toBe(0);
      expect(json).toMatchObject({
        event_journal: { retained_event_count: EXAMPLE_FACTS },
        projects: [
          { project_uuid: projectIdOf(root), read_from_copy: expect.any(String) as string },
        ],
        conservation: [
          { delivered: EXAMPLE_FACTS, balanced: true },
          { stream: 'bodies', balanced: true },
          { stream: 'snapshots', balanced: true },
        ],
      });
    }
  });
});

it.each([
  [-5, '0 s'],
  [1_499, '1 s'],
  [59_000, '59 s'],
  [60_000, '1 min'],
  [3_599_000, '60 min'],
  [3_600_000, '1 h'],
  [47 * 3_600_000, '47 h'],
  [48 * 3_600_000, '2 d'],
])('%i ms are %s', (ms, text) => {
  expect(age(ms)).toBe(text);
});

/** A home below a file: even root cannot make it. */
function readOnly(machine: Machine): { readonly SPEC_KITTY_HOME: string } {
  const file = path.join(machine.dir, 'a-file');
  writeFileSync(file, '');
  return { SPEC_KITTY_HOME: path.join(file, 'home') };
}

async function delivered(): Promise<{
  readonly machine: Machine;
  readonly root: string;
  readonly url: string;
}> {
  const machine = createMachine();
  const { url } = await recordingServer((request) => answerAll(request));
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url], { cwd: root });
  expect((await machine.run(['sync', 'now'], { cwd: root })).exit).toBe(0);
  return { machine, root, url };
}
