import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { childScript } from '../../test/support/child-script.ts';
import { runs, until } from '../../test/support/daemon-trial.ts';
import { NEVER_A_PID, ownerRecord, PYTHON, stranger } from '../../test/support/python-daemon.ts';
import { lateRefusal, refusal } from '../../test/support/refusal.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { createSystem, thisProgram, type Clock, type System } from '../base/index.ts';
import { currentSyncTarget, openHome, type Home } from '../home/index.ts';
import { identifyProgram } from './identity.ts';
import { claimLease, readState, renewLease } from './lease.ts';
import { restartDaemon } from './restarting.ts';
import { ownerNow, spawnDaemon, startDaemon } from './starting.ts';
import { stopDaemon } from './stopping.ts';
import { readUpstreamOwner } from './upstream-owner.ts';
import { readUpstreamState, retireUpstream, strayUpstreams } from './upstream-process.ts';

const PROGRAM = "import { runProcess } from './src/cli/main.ts';\nawait runProcess();\n";
const QUITTER = 'process.exit(0);\n';

/** A home in this process, and whatever daemon it got is gone with the test. */
function homeWith(script: string | null, change: Partial<System> = {}): Home {
  const root = tempDir();
  const system = createSystem({ HOME: root, SPEC_KITTY_HOME: path.join(root, 'home') }, root);
  const home = openHome({ ...system, program: thisProgram(script), ...change });
  onTestFinished(() => {
    const owner = ownerNow(home);
    if (owner !== null && owner.pid !== process.pid && runs(owner.pid)) {
      process.kill(owner.pid, 'SIGKILL');
    }
    home.close();
  });
  return home;
}

/** Waits cost no time: a minute of patience is over at once. */
function hastyClock(): Clock {
  const { clock } = createSystem({}, '/');
  let elapsed = 0;
  return {
    ...clock,
    monotonic: () => elapsed,
    sleep: (ms) => {
      elapsed += ms;
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** This process becomes the daemon, and nobody in it listens. */
async function pretend(home: Home): Promise<void> {
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  expect(claimLease(home, identifyProgram(home, authority), {})).toEqual({ fence: 1 });
}

describe('a daemon in the background', () => {
  it('is started once, is another process, and ends when it is asked', async () => {
    const home = homeWith(childScript(PROGRAM));
    expect(await stopDaemon(home)).toEqual({ pid: null, isGone: true });
    const { owner, isNew } = await startDaemon(home);
    expect(isNew).toBe(true);
    expect(owner.pid).not.toBe(process.pid);
    expect(owner.environment).toMatchObject({ SPEC_KITTY_HOME: home.paths.root });
    expect(await startDaemon(home)).toMatchObject({ owner: { pid: owner.pid }, isNew: false });
    expect(spawnDaemon(home)).toBeNull();
    const restarted = await restartDaemon(home);
    expect(restarted).toMatchObject({ status: 'restarted', previousPid: owner.pid, error: null });
    expect(restarted.newPid).not.toBe(owner.pid);
    expect(await stopDaemon(home)).toEqual({ pid: restarted.newPid, isGone: true });
    await until(() => !runs(owner.pid) && !runs(restarted.newPid ?? 0));
    expect(ownerNow(home)).toBeNull();
  });

  it('that does not come up is said so, with the log to look at', async () => {
    const quitter = homeWith(childScript(QUITTER), { clock: hastyClock() });
    const error = await lateRefusal(startDaemon(quitter));
    expect(error).toMatchObject({ code: 'daemon_failed', remedy: 'spec-kitty daemon logs' });
    expect(error.message).toContain('no daemon came up in 10 s');
  });

  it('cannot come of a program that is not there, or of none', async () => {
    const program = { ...thisProgram('/nowhere/script.js'), executable: '/nowhere/node' };
    expect((await lateRefusal(startDaemon(homeWith(null, { program })))).message).toContain(
      'ENOENT',
    );
    const none = homeWith(null);
    expect(refusal(() => spawnDaemon(none)).message).toContain('no program that could be started');
  });

  it('that hears nothing is waited for as long as its grace goes, and not signalled', async () => {
    const home = homeWith(null, { clock: hastyClock() });
    await pretend(home);
    expect(await stopDaemon(home)).toEqual({ pid: process.pid, isGone: false });
    expect(readState(home.machine(), home.system).owner?.stopRequestedAt).not.toBeNull();
    const said = { serverUrl: null, teamOrUser: null, now: home.system.clock.now() };
    expect(renewLease(home.machine(), { fence: 1 }, said)).toBe('asked');
    expect(await restartDaemon(home)).toMatchObject({
      status: 'stop_failed',
      previousPid: process.pid,
      newPid: null,
      error: `process ${process.pid} was asked to end and has not`,
    });
  });
});

describe('restarting', () => {
  it('says where there is nothing to restart', async () => {
    const nothing = { status: 'no_owner', previousPid: null, newPid: null, error: null };
    const home = homeWith(null);
    expect(await restartDaemon(home)).toEqual(nothing);
    // A machine file without an owner is the same.
    expect(readState(home.machine(), home.system).status).toBe('absent');
    expect(await restartDaemon(home)).toEqual(nothing);
  });

  it('follows a daemon of ours that died, and says when nothing comes after it', async () => {
    const home = homeWith(null);
    await pretend(home);
    home.machine().run('UPDATE daemon SET pid = :pid, started = 1, expires_at = 1', {
      pid: NEVER_A_PID,
    });
    expect(ownerNow(home)).toBeNull();
    expect(await restartDaemon(home)).toMatchObject({
      status: 'respawn_failed',
      previousPid: NEVER_A_PID,
      newPid: null,
      error: expect.stringContaining('no program') as string,
    });
    expect(readState(home.machine(), home.system)).toEqual({ status: 'absent', owner: null });
  });

  it('removes what a dead Python daemon left, and starts ours', async () => {
    const home = homeWith(childScript(PROGRAM));
    const file = ownerRecord(home.paths.root);
    expect(await restartDaemon(home)).toMatchObject({
      status: 'stale_owner_cleaned',
      previousPid: NEVER_A_PID,
    });
    expect(home.system.files.stat(file)).toBeNull();
    expect(ownerNow(home)?.pid).not.toBe(process.pid);
  });

  it('leaves a record that cannot be judged, and starts nothing beside it', async () => {
    const home = homeWith(childScript(PROGRAM));
    const file = ownerRecord(home.paths.root);
    writeFileSync(file, '{');
    expect(await restartDaemon(home)).toMatchObject({ status: 'stop_failed', newPid: null });
    expect(home.system.files.stat(file)).not.toBeNull();
    expect(ownerNow(home)).toBeNull();
  });
});

describe('a Python daemon', () => {
  it('ends when it is asked, and is waited for', async () => {
    const home = homeWith(null);
    const python = await stranger([PYTHON], home.paths.root);
    ownerRecord(home.paths.root, { pid: python.pid });
    expect(strayUpstreams(home, readUpstreamOwner(home))).toEqual([]);
    expect(await retireUpstream(home, readUpstreamOwner(home))).toBeNull();
    await until(() => python.signalCode === 'SIGTERM');
  });

  it('that does not listen is left, and said to be there', async () => {
    const home = homeWith(null);
    const deaf =
      "process.on('SIGTERM', () => {}); require('fs').writeFileSync(process.argv[2], '')";
    const sign = path.join(tempDir(), 'deaf');
    const script = `${deaf}; setInterval(() => {}, 1000)`;
    const python = await stranger([PYTHON, sign], home.paths.root, script);
    await until(() => home.system.files.stat(sign) !== null);
    ownerRecord(home.paths.root, { pid: python.pid });
    const hasty = { ...home, system: { ...home.system, clock: hastyClock() } };
    expect(await retireUpstream(hasty, readUpstreamOwner(home))).toBe(
      `process ${python.pid} was asked to end and has not`,
    );
    expect(runs(python.pid)).toBe(true);
  });

  it.each([
    ['began at another time', { started_at: '2026-01-01T00:00:00Z' }, {}],
    ['nobody knows when', { started_at: 'yesterday' }, {}],
    ['this platform does not tell processes apart', {}, { platform: 'darwin' as const }],
  ])('is never signalled when %s', async (why, change, host) => {
    const home = homeWith(null);
    const python = await stranger([PYTHON], home.paths.root);
    ownerRecord(home.paths.root, { pid: python.pid, ...change });
    const owner = readUpstreamOwner(home);
    const elsewhere = { ...home.system, host: { ...home.system.host, ...host } };
    expect(await retireUpstream({ ...home, system: elsewhere }, owner)).toContain(why);
    expect(runs(python.pid)).toBe(true);
    expect(python.signalCode).toBeNull();
  });

  it('is never looked for without a record, or a process to it', async () => {
    const home = homeWith(null);
    const absent = readUpstreamOwner(home);
    expect(await retireUpstream(home, absent)).toBe('the record cannot be read');
    ownerRecord(home.paths.root);
    expect(await retireUpstream(home, readUpstreamOwner(home))).toBe(
      `no process ${NEVER_A_PID} can be looked at`,
    );
    const other = { ...home.system, host: { ...home.system.host, platform: 'win32' as const } };
    expect(strayUpstreams({ ...home, system: other }, absent)).toBeNull();
  });

  it('that no record names is found by its command line, and by its state file', async () => {
    const home = homeWith(null);
    expect(readUpstreamState(home)).toBeNull();
    const python = await stranger([PYTHON], home.paths.root);
    const [found] = strayUpstreams(home, readUpstreamOwner(home)) ?? [];
    expect(found).toMatchObject({ pid: python.pid });
    expect(found?.command).toContain(PYTHON);
    mkdirSync(home.paths.root, { recursive: true });
    const file = path.join(home.paths.root, 'sync-daemon');
    writeFileSync(file, `http://localhost:9400\n9400\nf00d\n${python.pid}\n`);
    const state = { path: file, url: 'http://localhost:9400', port: 9400 };
    expect(readUpstreamState(home)).toEqual({ ...state, pid: python.pid, isAlive: true });
    writeFileSync(file, 'http://localhost:9400\n9400\nf00d\nsoon\n');
    expect(readUpstreamState(home)).toEqual({ ...state, pid: null, isAlive: false });
  });
});
