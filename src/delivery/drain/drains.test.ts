import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ledgerTrial, verdict, type LedgerTrial } from '../../../test/support/ledger-trial.ts';
import { passTime } from '../../../test/support/manual-clock.ts';
import { lateRefusal } from '../../../test/support/refusal.ts';
import { noFaults, type System } from '../../base/index.ts';
import { claimDrain, DRAIN_EXPIRY_MS, drainOwner, releaseDrain, renewDrain } from './drains.ts';
import { open } from '../generations.ts';
import { begin, FenceLost, record, type Batch } from '../ledger.ts';
import type { Route } from '../routes.ts';
import { eventsStream as stream } from '../stream.ts';

/** The same machine, seen by another process that runs. */
function as(trial: LedgerTrial, pid: number): System {
  return { ...trial.system, host: { ...trial.system.host, pid } };
}

/** A process that runs until it is killed. */
async function runningProcess(): Promise<{ readonly pid: number; kill(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return { pid: child.pid ?? 0, kill };
}

function begun(trial: LedgerTrial, route: Route, fence: number): Batch {
  const items = stream.load(trial.db, [1]);
  const genId = trial.generation(route).id;
  const now = trial.clock.now();
  const batch = begin(trial.db, stream, { drain: { routeId: route.id, fence }, genId, items, now });
  if (batch === null) throw new Error('the batch was not begun');
  return batch;
}

describe('claimDrain', () => {
  it('makes one process the drainer, under a fence that grows with every claim', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    expect(drainOwner(trial.db, trial.system, route.id)).toBeNull();
    const first = await claimDrain(trial.db, trial.system, route.id);
    expect(first).toEqual({ routeId: route.id, fence: 1 });
    expect(drainOwner(trial.db, trial.system, route.id)).toBe(process.pid);
    releaseDrain(trial.db, first);
    expect(drainOwner(trial.db, trial.system, route.id)).toBeNull();
    const second = await claimDrain(trial.db, trial.system, route.id);
    expect(second.fence).toBe(2);
  });

  it('lets two targets be drained side by side', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    await claimDrain(trial.db, trial.system, a.id);
    await claimDrain(trial.db, as(trial, process.ppid), b.id);
    expect(drainOwner(trial.db, trial.system, a.id)).toBe(process.pid);
    expect(drainOwner(trial.db, trial.system, b.id)).toBe(process.ppid);
  });

  it('waits 10 s for one that is alive, then says busy and names it', async () => {
    const trial = ledgerTrial();
    const { db, clock } = trial;
    const route = trial.grant('a');
    const held = await claimDrain(db, as(trial, process.ppid), route.id);
    const start = clock.monotonic();
    const waiting = lateRefusal(claimDrain(db, trial.system, route.id));
    const renewing = (async (): Promise<void> => {
      for (let step = 0; step < 150; step += 1) {
        renewDrain(db, held, clock.now());
        clock.move(100);
        await setImmediate();
      }
    })();
    const [error] = await Promise.all([waiting, renewing]);
    expect(error).toMatchObject({ code: 'busy', exitCode: 1 });
    expect(error.message).toContain(String(process.ppid));
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(10_000);
    expect(drainOwner(db, trial.system, route.id)).toBe(process.ppid);
  });

  it('goes on as soon as the other one has released it', async () => {
    const trial = ledgerTrial();
    const { db, clock } = trial;
    const route = trial.grant('a');
    const held = await claimDrain(db, as(trial, process.ppid), route.id);
    const waiting = claimDrain(db, trial.system, route.id);
    await setImmediate();
    releaseDrain(db, held);
    const start = clock.monotonic();
    expect((await passTime(clock, waiting)).fence).toBe(2);
    expect(clock.monotonic() - start).toBeLessThanOrEqual(300);
  });

  it('takes over what was not renewed for 10 s', async () => {
    const trial = ledgerTrial();
    const { db, clock } = trial;
    const route = trial.grant('a');
    const held = await claimDrain(db, as(trial, process.ppid), route.id);
    clock.move(DRAIN_EXPIRY_MS - 1);
    expect(drainOwner(db, trial.system, route.id)).toBe(process.ppid);
    expect(renewDrain(db, held, clock.now())).toBe(true);
    clock.move(DRAIN_EXPIRY_MS);
    expect((await claimDrain(db, trial.system, route.id)).fence).toBe(2);
    expect(renewDrain(db, held, clock.now())).toBe(false);
  });

  it('takes over at once from a process that was killed', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    const other = await runningProcess();
    await claimDrain(trial.db, as(trial, other.pid), route.id);
    expect(drainOwner(trial.db, trial.system, route.id)).toBe(other.pid);
    await other.kill();
    const start = trial.clock.monotonic();
    expect((await claimDrain(trial.db, trial.system, route.id)).fence).toBe(2);
    expect(trial.clock.monotonic()).toBe(start);
  });

  it.each([
    ['another process has its number now', 'owner_started'],
    ['the machine was started again', 'owner_boot'],
  ])('takes over at once when %s', async (_when, column) => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    await claimDrain(trial.db, as(trial, process.ppid), route.id);
    trial.db.run(`UPDATE drains SET ${column} = 'another'`);
    expect((await claimDrain(trial.db, trial.system, route.id)).fence).toBe(2);
  });

  it('takes over what expires absurdly late: the clock was set back', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    await claimDrain(trial.db, as(trial, process.ppid), route.id);
    trial.clock.setWall(trial.clock.now() - 31_536_000_000);
    expect((await claimDrain(trial.db, trial.system, route.id)).fence).toBe(2);
  });

  it('trusts the expiry alone where the system does not tell who runs', async () => {
    const trial = ledgerTrial();
    const { db, clock } = trial;
    const route = trial.grant('a');
    const files = { ...trial.system.files, readText: () => null };
    const silent = { ...trial.system, files };
    await claimDrain(db, { ...as(trial, 999_999_999), files }, route.id);
    expect(drainOwner(db, silent, route.id)).toBe(999_999_999);
    expect((await passTime(clock, claimDrain(db, silent, route.id))).fence).toBe(2);
  });

  it('closes what a dead drainer left open, on its own route', async () => {
    const trial = ledgerTrial();
    const { db, clock } = trial;
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.capture(1);
    for (const route of [a, b]) {
      open(db, { routeId: route.id, stream, faults: noFaults });
      const drain = await claimDrain(db, trial.system, route.id);
      begun(trial, route, drain.fence);
    }
    clock.move(DRAIN_EXPIRY_MS);
    await claimDrain(db, trial.system, a.id);
    expect(db.all('SELECT ended_at, result FROM batches ORDER BY batch_id')).toEqual([
      { ended_at: clock.now(), result: 'interrupted' },
      { ended_at: null, result: null },
    ]);
    expect(trial.books(a)).toMatchObject({ queued: 1 });
  });
});

describe('a drainer that was replaced', () => {
  it('can neither record, renew nor release', async () => {
    const trial = ledgerTrial();
    const { db, clock } = trial;
    const route = trial.grant('a');
    trial.capture(1);
    open(db, { routeId: route.id, stream, faults: noFaults });
    const zombie = await claimDrain(db, as(trial, process.ppid), route.id);
    const batch = begun(trial, route, zombie.fence);
    clock.move(DRAIN_EXPIRY_MS);
    await claimDrain(db, trial.system, route.id);
    const answer = { verdicts: [verdict('success')], httpStatus: 200, result: 'recorded' };
    const now = clock.now();
    expect(() =>
      record(db, stream, { drain: zombie, batch, ...answer, now, faults: noFaults }),
    ).toThrow(FenceLost);
    expect(renewDrain(db, zombie, now)).toBe(false);
    releaseDrain(db, zombie);
    expect(drainOwner(db, trial.system, route.id)).toBe(process.pid);
    expect(trial.deliveries(route)).toEqual(['1 queued']);
  });
});
