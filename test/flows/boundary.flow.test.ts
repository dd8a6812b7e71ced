import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSystem, type System } from '../../src/base/index.ts';
import { claimLease, identifyProgram, type ProgramIdentity } from '../../src/daemon/index.ts';
import { currentSyncTarget, openHome } from '../../src/home/index.ts';
import {
  createMachine,
  EXAMPLE_MISSIONS,
  type Ended,
  type Machine,
} from '../support/command-line.ts';
import { oldQueue } from '../support/old-home.ts';
import { openStoreOf, projectIdOf } from '../support/store-view.ts';
import type { ProjectId } from '../../src/wire/index.ts';

const NEVER_A_PID = 4_194_305;

interface Site {
  readonly machine: Machine;
  readonly root: string;
  readonly at: { readonly cwd: string };
}

/** A project with missions and a receiver that is a file. */
async function site(env: Readonly<Record<string, string>> = {}): Promise<Site> {
  const machine = createMachine(env);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
  return { machine, root, at };
}

function systemOf(machine: Machine): System {
  return createSystem({ HOME: machine.dir, SPEC_KITTY_HOME: machine.home }, machine.dir);
}

/** A daemon of ours lives (it is this process) and says this of itself. */
async function withDaemon(
  machine: Machine,
  change: Partial<ProgramIdentity> & { readonly pid?: number },
): Promise<void> {
  const system = systemOf(machine);
  const host = { ...system.host, pid: change.pid ?? system.host.pid };
  const home = openHome({ ...system, host });
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  claimLease(home, { ...identifyProgram(home, authority), ...change }, {});
  // A process that is gone had a start time all the same.
  home.machine().run("UPDATE daemon SET started = '1' WHERE started IS NULL");
  home.close();
}

function ownerFile(machine: Machine): string {
  return path.join(machine.home, 'sync', 'daemon', 'owner.json');
}

/** The record of a Python daemon; this process stands for it unless another number is given. */
function withPython(machine: Machine, change: Readonly<Record<string, unknown>> = {}): void {
  mkdirSync(path.dirname(ownerFile(machine)), { recursive: true });
  const record = {
    ...{ pid: process.pid, port: 9400, token: 'f00d', package_version: '3.2.5' },
    ...{ executable_path: process.execPath, source_checkout_path: '/srv/kitty' },
    ...{ server_url: 'https://kitty.example', started_at: '2026-06-29T10:00:00+00:00' },
    queue_db_path: path.join(machine.home, 'queues', 'queue-0123456789abcdef.db'),
    ...change,
  };
  writeFileSync(ownerFile(machine), JSON.stringify(record));
}

/** Rows on a screen of 80 columns. */
function rowsOf({ stdout }: Ended): number {
  const lines = stdout.trimEnd().split('\n');
  const refusal = lines.slice(lines.findIndex((line) => line.startsWith('Refusing')));
  return refusal.reduce((sum, line) => sum + Math.ceil(line.length / 80), 0);
}

/** What the status command finds of the boundary, by code. */
async function boundaryCodes({ machine, at }: Site): Promise<readonly string[]> {
  const { json } = await machine.run(['sync', 'status', '--check', '--json'], at);
  const doctor = await machine.run(['sync', 'doctor', '--json'], at);
  const codes = codesOf(json);
  // What one of them shows the other shows.
  expect(codesOf(doctor.json)).toEqual(codes);
  return codes;
}

function codesOf(json: Ended['json']): readonly string[] {
  const findings = json['findings'] as readonly Readonly<Record<string, string>>[];
  return findings
    .filter((each) => each['severity'] === 'boundary')
    .map((each) => each['code'] ?? '');
}

describe('each field alone', () => {
  it.each([
    ['daemon_package_version', { packageVersion: '0.0.1' }, '0.0.1'],
    ['daemon_executable_path', { executablePath: '/opt/other/node' }, '/opt/other/node'],
    ['daemon_source_path', { sourcePath: '/opt/other' }, '/opt/other'],
    ['daemon_server_url', { serverUrl: 'https://o.example' }, 'https://o.example'],
    ['daemon_team_or_user', { teamOrUser: 'b@c.example/acme' }, 'b@c.example/acme'],
    ['daemon_queue_db_path', { queueDbPath: '/h/machine.db' }, '/h/machine.db'],
  ])('%s refuses every command that sends, and nothing else', async (field, change, value) => {
    const here = await site();
    const { machine, at } = here;
    await withDaemon(machine, change);
    const refused = await machine.run(['sync', 'now'], at);
    expect(refused.exit).toBe(2);
    expect(refused.stdout).toContain('Refusing `spec-kitty sync now`.\nSync boundary refused: 1 m');
    expect(refused.stdout).toContain(`  ${field} `);
    expect(refused.stdout).toContain(`daemon  ${value}\n`);
    expect(refused.stdout).toContain('run `spec-kitty doctor restart-daemon`');
    expect(rowsOf(refused)).toBeLessThanOrEqual(25);
    const { json } = await machine.run(['sync', 'now', '--json'], at);
    expect(json).toMatchObject({
      exit_code: 2,
      error: { code: 'boundary_refused' },
      preflight: { ok: false, mismatches: [{ field, daemon_value: value }] },
    });
    const { findings } = json['preflight'] as { findings: readonly { code: string }[] };
    expect(findings.map(({ code }) => code)).toEqual(['owner_mismatch']);
    expect(await boundaryCodes(here)).toEqual(['owner_mismatch']);
    const status = await machine.run(['sync', 'status', '--check'], at);
    expect(status.exit).toBe(2);
    expect(status.stdout).toContain(`Mismatched fields       ${field}\n`);
    for (const argv of [
      ['sync', 'import'],
      ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"1"}'],
    ])
      expect((await machine.run(argv, at)).exit).toBe(0);
    expect(openStoreOf(machine, here.root).all('SELECT * FROM batches')).toEqual([]);
  });

  it('all six with long values fit a screen', async () => {
    const { machine, at } = await site();
    const long = `/opt/${'deep/'.repeat(60)}end`;
    const all = { executablePath: long, sourcePath: long, serverUrl: long, teamOrUser: long };
    await withDaemon(machine, { ...all, packageVersion: '0', queueDbPath: long });
    const refused = await machine.run(['sync', 'now'], at);
    expect(refused.stdout).toContain('6 mismatched field(s)');
    expect(rowsOf(refused)).toBeLessThanOrEqual(25);
  });
});

describe('what else refuses', () => {
  it('an orphan record refuses until the printed command removed it', async () => {
    const here = await site();
    const { machine, at } = here;
    withPython(machine, { pid: NEVER_A_PID });
    const refused = await machine.run(['sync', 'now'], at);
    expect(refused).toMatchObject({ exit: 2 });
    expect(refused.stdout).toContain('1 orphan daemon record(s)');
    expect(refused.stdout).toContain(`run \`rm '${ownerFile(machine)}'\``);
    expect(refused.stdout).not.toContain('f00d');
    expect(await boundaryCodes(here)).toEqual(['orphan_owner']);
  });

  it('a record that cannot be read is no proof that nobody is there', async () => {
    const here = await site();
    withPython(here.machine, { pid: 'x' });
    expect((await here.machine.run(['sync', 'now'], here.at)).exit).toBe(2);
    expect(await boundaryCodes(here)).toEqual(['owner_unreadable']);
  });

  it('a Python daemon refuses when it serves this home, and not when it serves another', async () => {
    const here = await site();
    withPython(here.machine);
    const refused = await here.machine.run(['sync', 'now'], here.at);
    expect(refused.exit).toBe(2);
    expect(refused.stdout).toContain('daemon_queue_db_path');
    withPython(here.machine, { queue_db_path: '/elsewhere/queue.db' });
    expect((await here.machine.run(['sync', 'now'], here.at)).exit).toBe(0);
    expect(await boundaryCodes(here)).toEqual([]);
  });

  it('rows of an old queue refuse what does not take them in; what does takes them in first', async () => {
    const here = await site();
    const { machine, at, root } = here;
    const queue = oldQueue(path.join(machine.home, 'queue.db'));
    queue.addEvents([1], { projectId: projectIdOf(root) as ProjectId });
    queue.close();
    const bodies = await machine.run(['sync', 'replay', '--target', stubOf(machine)], at);
    expect(bodies.exit).toBe(2);
    expect(bodies.stdout).toContain('1 legacy rows in scope');
    expect(bodies.stdout).toContain('run `spec-kitty sync migrate`');
    expect(await boundaryCodes(here)).toEqual(['legacy_rows']);
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
    expect(await boundaryCodes(here)).toEqual([]);
  });

  it('a machine file of a newer program', async () => {
    const here = await site();
    await withDaemon(here.machine, {});
    const home = openHome(systemOf(here.machine));
    onTestFinished(() => {
      home.close();
    });
    home
      .machine()
      .exec("INSERT INTO migrations VALUES (99, 'later', 'x', 1, 0); PRAGMA user_version = 99");
    const ended = await here.machine.run(['sync', 'now', '--json'], here.at);
    expect(ended.exit).toBe(2);
    expect(JSON.stringify(ended.json)).toContain('newer version');
    expect(await boundaryCodes(here)).toContain('machine_unreadable');
  });
});

describe('what does not', () => {
  it('a coherent daemon, and one that died', async () => {
    const here = await site();
    await withDaemon(here.machine, {});
    expect((await here.machine.run(['sync', 'now'], here.at)).exit).toBe(0);
    const status = await here.machine.run(['sync', 'status'], here.at);
    expect(status.stdout).toMatch(/Daemon +Running\n/);
    expect(status.stdout).toMatch(/Sync Mode +Global daemon\n/);
    expect(status.stdout).toContain(`  PID                     ${process.pid}\n`);
    expect(await boundaryCodes(here)).toEqual([]);
  });

  it('a lease whose process is gone', async () => {
    const here = await site();
    await withDaemon(here.machine, { pid: NEVER_A_PID, packageVersion: '0' });
    expect((await here.machine.run(['sync', 'now'], here.at)).exit).toBe(0);
    const status = await here.machine.run(['sync', 'status'], here.at);
    expect(status.stdout).toMatch(/Daemon +Stopped \(process 4194305 says nothing any more\)\n/);
  });
});

it.each([
  ['against the settings', 'https://a.example'],
  ['where none is configured', null],
])('a server that only this shell names, %s: the daemon rests meanwhile', async (_how, server) => {
  const here = await site();
  if (server !== null) {
    await here.machine.run(['sync', 'server', server], { cwd: here.machine.dir });
  }
  await withDaemon(here.machine, {});
  const env = { SPEC_KITTY_SAAS_URL: 'https://b.example' };
  const refused = await here.machine.run(['sync', 'now'], { ...here.at, env });
  expect(refused.exit).toBe(2);
  expect(refused.stdout).toContain('run `spec-kitty daemon stop`');
  expect((await here.machine.run(['sync', 'now'], here.at)).exit).toBe(0);
});

function stubOf(machine: Machine): string {
  return `stub:${path.join(machine.dir, 'events.ndjson')}`;
}
