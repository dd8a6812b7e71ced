import { statSync, utimesSync } from 'node:fs';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { openDb, systemClock } from '../../src/base/index.ts';
import { EXAMPLE_FACTS, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { daemonTrial, runs, until } from '../support/daemon-trial.ts';
import { recordingServer } from '../support/recording-server.ts';
import { storeFile } from '../support/store-view.ts';

/** All of it is 20 starts in each of 20 rounds, on a machine that has nothing else to do. */
const IS_FULL = process.env['CRASH'] === 'full';
const ROUNDS = IS_FULL ? 20 : 2;
const STARTS = IS_FULL ? 20 : 6;
const LEASE_MS = 15_000;

describe('one daemon for each home', () => {
  it(`${STARTS} starts at once, ${ROUNDS} rounds: one owner`, { timeout: 600_000 }, async () => {
    const trial = daemonTrial();
    for (let round = 0; round < ROUNDS; round += 1) {
      const ends = await Promise.all(
        Array.from({ length: STARTS }, () => trial.process(['daemon', 'start', '--json'])),
      );
      const said = ends.map(
        ({ stdout }) => JSON.parse(stdout) as { pid: number; started: boolean },
      );
      expect(ends.map(({ code }) => code)).toEqual(ends.map(() => 0));
      expect(new Set(said.map(({ pid }) => pid)).size).toBe(1);
      expect(said.filter(({ started }) => started).length).toBeLessThanOrEqual(1);
      const { pid } = said[0] ?? { pid: 0 };
      expect(trial.owner()).toMatchObject({ pid, fence: round + 1 });
      expect((await trial.process(['daemon', 'stop'])).code).toBe(0);
      await until(() => !runs(pid));
    }
  });

  it('one that was killed is followed within 5 s, under a higher fence', async () => {
    const trial = daemonTrial();
    await trial.process(['daemon', 'start']);
    const first = trial.owner();
    process.kill(first?.pid ?? 0, 'SIGKILL');
    const began = performance.now();
    // The system takes a moment to end it; until then it is there.
    await until(async () =>
      (await trial.process(['daemon', 'start'])).stdout.startsWith('Started'),
    );
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(trial.owner()?.fence).toBe((first?.fence ?? 0) + 1);
  });

  it('one that stands still loses the lease, and ends when it wakes', {
    timeout: 60_000,
  }, async () => {
    const trial = daemonTrial();
    await trial.process(['daemon', 'start']);
    const zombie = trial.owner();
    const pid = zombie?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    await until(() => trial.owner() === null, LEASE_MS + 5_000);
    await trial.process(['daemon', 'start']);
    const heir = trial.owner();
    expect(heir?.pid).not.toBe(pid);
    process.kill(pid, 'SIGCONT');
    await until(() => !runs(pid), 20_000);
    expect(trial.owner()).toMatchObject({ pid: heir?.pid, fence: (zombie?.fence ?? 0) + 1 });
  });

  it('never takes another process for a dead owner', async () => {
    const trial = daemonTrial();
    await trial.process(['daemon', 'start']);
    const pid = trial.owner()?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await until(() => !runs(pid));
    const db = openDb(`${trial.machine.home}/machine.db`, { clock: systemClock() });
    // The number of the dead one belongs to this test by now.
    db.run('UPDATE daemon SET pid = :pid', { pid: process.pid });
    db.close();
    expect(trial.owner()).toBeNull();
    expect((await trial.process(['daemon', 'stop'])).stdout).toBe(
      'No daemon runs for this home.\n',
    );
    expect((await trial.process(['doctor', 'restart-daemon'])).code).toBe(0);
    expect(trial.owner()?.pid).not.toBe(process.pid);
  });

  it('one whose program is replaced ends by itself', { timeout: 30_000 }, async () => {
    const trial = daemonTrial();
    await trial.process(['daemon', 'start']);
    const pid = trial.owner()?.pid ?? 0;
    const { atimeMs } = statSync(trial.script);
    utimesSync(trial.script, atimeMs / 1000, 1_000);
    await until(() => !runs(pid), 15_000);
    expect((await trial.process(['daemon', 'logs'])).stdout).toContain('"reason":"replaced"');
    expect(trial.owner()).toBeNull();
  });
});

describe('under a request that hangs', () => {
  it('SIGTERM ends within 5 s, without an error on the route, and nothing is lost', {
    timeout: 30_000,
  }, async () => {
    const trial = daemonTrial();
    const root = await trial.machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    let isAsked = false;
    const server = await recordingServer(() => {
      isAsked = true;
      return new Promise<never>(() => {});
    });
    await trial.machine.run(['sync', 'import'], at);
    await trial.machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
    await trial.process(['daemon', 'start']);
    const pid = trial.owner()?.pid ?? 0;
    await until(() => isAsked);
    const asked = systemClock().now();
    process.kill(pid, 'SIGTERM');
    // The system may take its time to clear up behind a process; when it had done its work stands in the log.
    await until(() => !runs(pid), 20_000);
    const { stdout } = await trial.process(['daemon', 'logs']);
    const ended = /"at":"([^"]+)","level":"info","event":"daemon.ended"/.exec(stdout)?.[1] ?? '';
    expect(Date.parse(ended) - asked).toBeLessThan(5_000);
    const db = openDb(storeFile(trial.machine, root), { clock: systemClock() });
    expect(db.all('SELECT blocked_reason FROM routes')).toEqual([{ blocked_reason: null }]);
    expect(db.all('SELECT * FROM attempts')).toEqual([]);
    expect(db.get('SELECT count(*) AS n FROM event_deliveries WHERE state = 2')).toEqual({ n: 0 });
    const { n } = db.get<{ n: number }>('SELECT count(*) AS n FROM events') ?? { n: 0 };
    expect(n).toBeGreaterThanOrEqual(EXAMPLE_FACTS);
    db.close();
  });
});

it('an idle daemon writes nothing to a store', { timeout: 30_000 }, async () => {
  const trial = daemonTrial();
  const root = await trial.machine.project('repo', EXAMPLE_MISSIONS);
  const endpoint = `stub:${trial.machine.dir}/events.ndjson`;
  const at = { cwd: root };
  await trial.machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
  await trial.process(['daemon', 'start']);
  const db = openDb(storeFile(trial.machine, root), { clock: systemClock(), readonly: true });
  const delivered = (): boolean =>
    (db.get<{ n: number }>('SELECT count(*) AS n FROM event_deliveries WHERE state = 2')?.n ?? 0) >=
    EXAMPLE_FACTS;
  await until(delivered);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const quiet = db.dataVersion();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(db.dataVersion()).toBe(quiet);
  db.close();
});
