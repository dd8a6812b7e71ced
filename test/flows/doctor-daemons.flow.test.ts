import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { daemonTrial, runs, until } from '../support/daemon-trial.ts';
import { NEVER_A_PID, ownerRecord, PYTHON, stranger } from '../support/python-daemon.ts';

const ROOT = '--spec-kitty-daemon-root=';
const RESTART = ['doctor', 'restart-daemon', '--json'];

describe('doctor orphan-daemons', () => {
  it('lists the record of a dead daemon, without its token, and removes nothing', async () => {
    const trial = daemonTrial();
    const none = await trial.machine.run(['doctor', 'orphan-daemons', '--json']);
    expect(none).toMatchObject({ exit: 0, json: { orphan_count: 0, retirement_command: null } });
    const file = ownerRecord(trial.machine.home, {});
    const ended = await trial.machine.run(['doctor', 'orphan-daemons', '--json']);
    expect(ended.exit).toBe(1);
    expect(ended.json).toMatchObject({
      orphan_count: 1,
      orphans: [{ auth_scope: 'https://kitty.example|a|t', pid: NEVER_A_PID, port: 9400 }],
      owner_record_path: file,
      retirement_command: `rm '${file}'`,
    });
    expect(ended.stdout).not.toContain('f00d');
    const people = await trial.machine.run(['doctor', 'orphan-daemons']);
    expect(people.stdout).toContain(`Retirement hint: rm '${file}'`);
    expect(existsSync(file)).toBe(true);
  });
});

describe('doctor restart-daemon', () => {
  it('says that there is nothing to restart', async () => {
    const trial = daemonTrial();
    expect(await trial.machine.run(RESTART)).toMatchObject({
      exit: 1,
      json: { status: 'no_owner', exit_code: 1, new_pid: null, previous_pid: null, error: null },
    });
  });

  it('replaces a daemon of ours by another', async () => {
    const trial = daemonTrial();
    await trial.process(['daemon', 'start']);
    const before = trial.owner()?.pid ?? 0;
    const ended = await trial.process(RESTART);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ status: 'restarted', previous_pid: before });
    await until(() => !runs(before));
    expect(trial.owner()?.pid).not.toBe(before);
  });

  it('removes the record of a dead one and starts ours', async () => {
    const trial = daemonTrial();
    const file = ownerRecord(trial.machine.home, {});
    const ended = await trial.process(RESTART);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      status: 'stale_owner_cleaned',
      previous_pid: NEVER_A_PID,
    });
    expect(existsSync(file)).toBe(false);
    expect(trial.owner()).not.toBeNull();
  });

  it('ends the Python daemon that wrote the record', async () => {
    const trial = daemonTrial();
    const python = await stranger([PYTHON], trial.machine.home);
    const file = ownerRecord(trial.machine.home, { pid: python.pid });
    const ended = await trial.process(RESTART);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      status: 'restarted',
      previous_pid: python.pid,
    });
    expect(existsSync(file)).toBe(false);
    await until(() => python.exitCode !== null || python.signalCode !== null);
    expect(python.signalCode).toBe('SIGTERM');
  });

  it.each([
    ['another program has its number', [], 0, undefined],
    ['it began at another time', [PYTHON], 3_600_000, undefined],
    ['it serves another home', [PYTHON, `${ROOT}/elsewhere`], 0, undefined],
    ['its environment names another home', [PYTHON], 0, '/elsewhere'],
  ])('never signals when %s', async (_why, words, later, home) => {
    const trial = daemonTrial();
    const python = await stranger(words, home ?? trial.machine.home);
    const startedAt = new Date(Date.parse('2026-01-01T00:00:00Z'));
    const near = new Date(performance.timeOrigin + performance.now() + later);
    const file = ownerRecord(trial.machine.home, {
      pid: python.pid,
      started_at: (later === 0 ? near : startedAt).toISOString(),
    });
    const ended = await trial.machine.run(RESTART);
    expect(ended).toMatchObject({
      exit: 3,
      json: { status: 'stop_failed', exit_code: 3, previous_pid: python.pid, new_pid: null },
    });
    expect(existsSync(file)).toBe(true);
    expect(runs(python.pid)).toBe(true);
    expect(python.signalCode).toBeNull();
  });
});

it('daemon status says what the earlier program left, and how it goes', async () => {
  const trial = daemonTrial();
  const file = path.join(trial.machine.home, 'sync-daemon');
  mkdirSync(trial.machine.home, { recursive: true });
  writeFileSync(file, `http://localhost:9400\n9400\nf00d\n${NEVER_A_PID}\n`);
  const dead = await trial.machine.run(['daemon', 'status']);
  expect(dead.exit).toBe(1);
  expect(dead.stdout).toContain(
    `names process ${NEVER_A_PID}, which is gone: run \`rm '${file}'\``,
  );
  expect(dead.stdout).not.toContain('f00d');
  const python = await stranger([PYTHON], trial.machine.home);
  writeFileSync(file, `http://localhost:9400\n9400\nf00d\n${python.pid}\n`);
  const alive = await trial.machine.run(['daemon', 'status', '--json']);
  expect(alive.json).toMatchObject({
    status: 'absent',
    python_daemon: { state_file: { pid: python.pid, isAlive: true } },
  });
  const check = await trial.machine.run(['sync', 'status', '--check', '--json']);
  expect(check.json).toMatchObject({ exit_code: 2, live_orphan_daemon_count: 1 });
  python.kill('SIGKILL');
});
