import { arrive, settle, type Course } from './course.ts';
import { keepBody } from './bodies.ts';
import { captureContradiction, captureNew, importNow, writeLines } from './captures.ts';
import { give, startDrain, type Drain } from './drains.ts';
import { dropGarbage } from './garbage.ts';
import { LawBroken, type KnownRoute } from './model.ts';
import { setMode } from './modes.ts';
import { giveGrant, tendParked, withdraw } from './operator.ts';
import { replaySome } from './replays.ts';
import type { Character } from './receiver.ts';
import type { Weather } from './weather.ts';
import { unlock, type Stage } from './world.ts';

/** A history that once broke a law, told step by step so that it stays the same when the dice fall otherwise. */
export interface Regression {
  readonly name: string;
  readonly stage: Stage;
  acts(course: Course): Promise<void>;
}

const RECEIVER: Character = {
  name: 'receiver',
  endpoint: 'http://127.0.0.1:8765',
  make: 'foreign',
  hasHealth: true,
  maxEvents: 50,
  maxBytes: 100_000,
  maxConcurrent: 1,
  isAllOrNothing: false,
};
const WITHOUT_HEALTH: Character = {
  ...RECEIVER,
  endpoint: 'http://127.0.0.1:8765/hooks/sync',
  hasHealth: false,
};
const A_YEAR_MS = 31_536_000_000;
const TILL_RENEWAL_MS = 4_000;
const LOST: Weather = { kind: 'lost', reason: 'reset' };
const CLEAR: Weather = { kind: 'clear' };
const NOT_HERE: Weather = { kind: 'turned away', status: 404, headers: {}, body: '{}' };
const LATER: Weather = {
  kind: 'turned away',
  status: 429,
  headers: { 'retry-after': '120' },
  body: '',
};

export const REGRESSIONS: readonly Regression[] = [
  {
    name: 'a drainer that was taken over from does not put the route off',
    stage: { seed: 1, characters: [RECEIVER] },
    acts: async (course) => {
      const [late] = await takenOver(course);
      await answer(course, late, LOST);
    },
  },
  {
    name: 'a drainer that was taken over from does not say who the receiver is',
    stage: { seed: 2, characters: [WITHOUT_HEALTH] },
    acts: async (course) => {
      const [late] = await takenOver(course);
      await answer(course, late, { kind: 'replica' });
    },
  },
  {
    name: 'a drainer that was taken over from does not say who answered its question',
    stage: { seed: 9, characters: [RECEIVER] },
    acts: async (course) => {
      const [late] = await takenOver(course);
      await answer(course, late, { kind: 'replica' });
    },
  },
  {
    name: 'a permission from now on leaves nothing parked in the pass that it ends',
    stage: { seed: 10, characters: [WITHOUT_HEALTH] },
    acts: async (course) => {
      const { world } = course;
      const route = await permitted(course, 8);
      const drain = await started(course, route);
      await answer(course, drain, { kind: 'garbled', how: 'refused by code' });
      withdraw(world, route);
      giveGrant(world, { route, checkout: 0, isFromNow: true });
      await settle(course);
    },
  },
  {
    name: 'a drainer that was taken over from closes no replay',
    stage: { seed: 8, characters: [RECEIVER] },
    acts: async (course) => {
      for (const receiver of course.world.receivers) receiver.mend();
      const [late, next] = await takenOver(course);
      await answer(course, next, CLEAR);
      await answer(course, next, CLEAR);
      replaySome(course.world, next.route);
      const last = await started(course, next.route);
      await answer(course, last, CLEAR);
      last.process.life.traps.push({ point: 'record.done', left: 1, effect: 'die' });
      await answer(course, last, CLEAR);
      await answer(course, late, CLEAR);
    },
  },
  {
    name: 'a receiver that asks to be left alone is heard behind another failure',
    stage: { seed: 3, characters: [{ ...RECEIVER, maxEvents: 1, maxConcurrent: 3 }] },
    acts: async (course) => {
      const route = await permitted(course, 8);
      const drain = await started(course, route);
      await answer(course, drain, CLEAR);
      await answer(course, drain, LOST);
      await answer(course, drain, LATER);
      await answer(course, drain, LOST);
      await started(course, route);
    },
  },
  {
    name: 'an event that was parked under an earlier permission needs one now',
    stage: { seed: 4, characters: [WITHOUT_HEALTH] },
    acts: async (course) => {
      const { world } = course;
      const route = await permitted(course, 8);
      const drain = await started(course, route);
      await answer(course, drain, { kind: 'garbled', how: 'refused by code' });
      withdraw(world, route);
      giveGrant(world, { route, checkout: 1, isFirst: true });
      await settle(course);
      tendParked(world, 'retry all');
      await settle(course);
      await started(course, route);
    },
  },
  {
    name: 'a renewal that meets a lock does not end the process',
    stage: { seed: 5, characters: [RECEIVER], disk: 'files' },
    acts: async (course) => {
      const { world } = course;
      await started(course, await permitted(course, 1));
      world.release = world.disk.lock();
      world.timeline.pass(TILL_RENEWAL_MS);
      await settle(course);
    },
  },
  {
    name: 'a contradiction that was spilled is kept although gc dropped what it contradicts',
    stage: { seed: 6, characters: [WITHOUT_HEALTH] },
    acts: async (course) => {
      const { world } = course;
      const drain = await started(course, await permitted(course, 1));
      await answer(course, drain, CLEAR);
      dropGarbage(world);
      world.release = world.disk.lock();
      for (const event of [...world.events.values()]) captureContradiction(world, 0, event);
      unlock(world);
      captureNew(world, 0, 1);
      await settle(course);
    },
  },
  {
    name: 'no body is meant for a receiver whose offer met a locked store',
    stage: { seed: 11, characters: [{ ...RECEIVER, takesBodies: true }] },
    acts: async (course) => {
      const { world } = course;
      const route = await permitted(course, 1);
      const first = await started(course, route);
      world.release = world.disk.lock();
      await answer(course, first, CLEAR);
      unlock(world);
      keepBody(world);
      const next = await started(course, route);
      await answer(course, next, NOT_HERE);
      await answer(course, next, CLEAR);
      if (!next.saysAll) throw new LawBroken('L13', 'all is there, and it is not said');
    },
  },
  {
    name: 'lines that were dropped on record do not wait',
    stage: { seed: 7, characters: [WITHOUT_HEALTH] },
    acts: async (course) => {
      const { world } = course;
      setMode(world, 'OPT_OUT', 'audit');
      writeLines(world, 0);
      importNow(world, 0);
      setMode(world, 'LOCAL_RETENTION', 'audit');
      const drain = await started(course, await permitted(course, 1));
      await answer(course, drain, CLEAR);
      if (!drain.saysAll) throw new LawBroken('L13', 'all is there, and it is not said');
    },
  },
];

/** Some events, and the permission to send them. */
async function permitted(course: Course, events: number): Promise<KnownRoute> {
  const { world } = course;
  const [route] = world.model.routes;
  // Nothing happens here by chance.
  world.isCalm = true;
  if (route === undefined) throw new Error('there is no receiver');
  captureNew(world, 0, events);
  giveGrant(world, { route, checkout: 0, isFirst: true });
  await settle(course);
  return route;
}

async function started(course: Course, route: KnownRoute): Promise<Drain> {
  course.world.step += 1;
  const drain = startDrain(course.world, course.drains, { route, byOperator: true });
  if (drain === null) throw new Error('there is no route');
  await settle(course);
  return drain;
}

/** Two drains of one route: the first still waits for an answer when the clock is set and the second takes over. */
async function takenOver(course: Course): Promise<readonly [late: Drain, next: Drain]> {
  const { world } = course;
  const route = await permitted(course, 2);
  const late = await started(course, route);
  world.timeline.jump(-A_YEAR_MS);
  return [late, await started(course, route)];
}

/** The first open request of a drain gets its answer in this weather. */
async function answer(course: Course, { process }: Drain, weather: Weather): Promise<void> {
  const { world, drains } = course;
  const exchange = world.network.open().find(({ life }) => life === process.life);
  if (exchange === undefined) throw new Error(`${process.life.role} asks nothing`);
  await arrive(course, exchange, weather);
  const { reply } = exchange;
  if (reply !== null) await give(world, drains, { exchange, reply });
  await settle(course);
}
