import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { realReceiver } from '../support/real-receiver.ts';
import { rollDice, type Dice } from '../sim/dice.ts';
import { judgeBooks, judgeDelivery, judgeSite, readAcks } from './oracle.ts';
import { bundlePrograms, scratchDir, start, type Running } from './programs.ts';
import { createSite, drainOnce, openSite, pointAt, wordsOf, type Site } from './site.ts';
import { say, seedOfRun, size } from './sizes.ts';

// Writers and a drainer work on one store and are killed at random, over and over, while a lock is held now and
// then. Sizes: CRASH=full, or CRASH_KILLS; CRASH_SEED repeats the choice of times and victims.

const LONG = 900_000;
const CALLS = 1_200;
const LONGEST_LIFE_MS = 180;
/** The books are compared after every so many kills. */
const COMPARED = 4;
const LOCK_MS = 600;

const scratch = scratchDir(true);
const { worker } = await bundlePrograms(scratch);

interface Worker {
  readonly running: Running;
  /** Numbers it tries to capture; none for the drainer. */
  readonly numbers: readonly number[];
  respawn(): Worker;
}

test('writers and drainers are killed at random moments', { timeout: LONG }, async () => {
  const kills = size('KILLS', 40, 300);
  const seed = seedOfRun();
  const dice = rollDice(seed);
  say(`random kills: CRASH_SEED=${seed}`);
  const site = createSite(scratch);
  const receiver = await realReceiver({ file: path.join(scratch, 'receiver.db') });
  const opened = await openSite(site);
  pointAt(opened, receiver.url);
  const told = createWitness();
  const spawn = spawnerFor(site);
  const workers = [spawn.writer(), spawn.writer(), spawn.drainer()];
  const locks: Promise<unknown>[] = [];
  for (let kill = 0; kill < kills; ) {
    if (dice.chance(0.06)) locks.push(start(worker, ['hold', ...wordsOf(site), LOCK_MS]).ended);
    await delay(dice.between(5, LONGEST_LIFE_MS));
    // One that had come to its end by itself is no kill.
    if (await killOne(workers, dice, told)) kill += 1;
    if (kill % COMPARED > 0) continue;
    expect(judgeBooks(opened), `after kill ${kill} of seed ${seed}`).toEqual([]);
  }
  for (const each of workers) await told.kill(each);
  await Promise.all(locks);
  opened.home.close();
  const { acked, tried, spilled } = told;
  expect(await judgeSite(site, { acked, tried }), `seed ${seed}`).toEqual([]);
  await drainRest(site);
  expect(await judgeDelivery(site, receiver), `seed ${seed}`).toEqual([]);
  const all = acked.flat().length;
  say(`${kills} random kills: ${all} acknowledged, ${spilled()} of them spilled, 0 lost`);
  expect(all).toBeGreaterThan(kills);
});

/** Kills one and starts another in its place; false when it was no longer alive. */
async function killOne(workers: Worker[], dice: Dice, told: Witness): Promise<boolean> {
  const index = dice.below(workers.length);
  const victim = workers[index];
  if (victim === undefined) return false;
  const wasAlive = await told.kill(victim);
  workers[index] = victim.respawn();
  return wasAlive;
}

/** Remembers what every writer was told. */
interface Witness {
  readonly acked: (readonly number[])[];
  readonly tried: number[];
  readonly spilled: () => number;
  /** Kills a worker and takes down what it said; false when it was no longer alive. */
  kill(worker: Worker): Promise<boolean>;
}

function createWitness(): Witness {
  const acked: (readonly number[])[] = [];
  const tried: number[] = [];
  let spilled = 0;
  return {
    acked,
    tried,
    spilled: () => spilled,
    kill: async ({ running, numbers }) => {
      running.signal('SIGKILL');
      const { stdout, stderr, signal } = await running.ended;
      expect(stderr).toBe('');
      const acks = readAcks(stdout);
      acked.push(acks.map((ack) => ack.n));
      tried.push(...numbers);
      spilled += acks.filter((ack) => ack.status === 'spilled').length;
      return signal === 'SIGKILL';
    },
  };
}

/** Writers that each have numbers of their own, and drainers that never stop by themselves. */
function spawnerFor(site: Site): { writer(): Worker; drainer(): Worker } {
  let next = 0;
  const writer = (): Worker => {
    const numbers = Array.from({ length: CALLS }, (_, index) => next + index);
    const words = ['capture', ...wordsOf(site), next, CALLS];
    next += CALLS;
    return { running: start(worker, words), numbers, respawn: writer };
  };
  const drainer = (): Worker => ({
    running: start(worker, ['drain', ...wordsOf(site), path.join(scratch, 'never')]),
    numbers: [],
    respawn: drainer,
  });
  return { writer, drainer };
}

async function drainRest(site: Site): Promise<void> {
  const { home, project } = await openSite(site);
  const { blocked } = await drainOnce(home, home.store(project.id));
  home.close();
  expect(blocked).toBeNull();
}
