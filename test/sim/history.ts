import nodeProcess from 'node:process';
import { setImmediate } from 'node:timers/promises';
import type { FaultPoint } from '../../src/base/index.ts';
import { arrive, setClock, settle, type Course } from './course.ts';
import { keepBody } from './bodies.ts';
import { captureSome, emitOne, importNow, writeLines } from './captures.ts';
import { acceptReceiver, giveGrant, squatSomewhere, tendParked, withdraw } from './operator.ts';
import { give, startDrain, type Drains } from './drains.ts';
import { dropGarbage } from './garbage.ts';
import { chooseMode } from './modes.ts';
import { Death, type Life } from './life.ts';
import { LawBroken, type KnownRoute } from './model.ts';
import type { Exchange } from './network.ts';
import { comeToRest } from './rest.ts';
import { beginAgain, replaySome } from './replays.ts';
import { checkSending, routeAt } from './sending-laws.ts';
import { bury, createWorld, tell, unlock, type Stage, type World } from './world.ts';

/** How one history went. */
export interface Story {
  readonly seed: number;
  /** The law that was broken and how; null when all of them held. */
  readonly broken: { readonly law: string; readonly message: string } | null;
  /** The last things that happened, oldest first. */
  readonly trace: readonly string[];
  readonly steps: number;
  readonly passed: ReadonlyMap<FaultPoint, number>;
  readonly struck: ReadonlyMap<FaultPoint, number>;
}

/**
 * Plays one history: everything in it follows from the seed. Half of them end in the middle of the storm (safety:
 * nothing wrong may happen), the other half in calm weather (liveness: everything must arrive).
 */
export function playHistory(seed: number): Promise<Story> {
  return play({ seed }, async (course) => {
    await storm(course);
    if (course.world.dice.chance(0.5)) await comeToRest(course);
  });
}

/** Plays what `acts` does in a world of its own, and tells how it went. */
export async function play(stage: Stage, acts: (course: Course) => Promise<void>): Promise<Story> {
  const drains: Drains = new Map();
  const world = await createWorld(stage, (here, exchange) => {
    try {
      checkSending(here, drains, exchange);
    } catch (error) {
      here.complaint ??= toError(error);
    }
  });
  const onUnhandled = (reason: unknown): void => {
    if (reason instanceof Death) return;
    world.complaint ??= new LawBroken('L14', `nobody caught: ${toError(reason).stack ?? ''}`);
  };
  nodeProcess.on('unhandledRejection', onUnhandled);
  let broken: Story['broken'] = null;
  try {
    const course = { world, drains };
    await acts(course);
    await settle(course);
    await checkReceivers(world);
  } catch (error) {
    const law = error instanceof LawBroken ? error.law : 'L14';
    broken = {
      law,
      message: error instanceof LawBroken ? error.message : (toError(error).stack ?? ''),
    };
  } finally {
    for (const life of world.lives) life.die();
    await setImmediate();
    nodeProcess.off('unhandledRejection', onUnhandled);
    for (const receiver of world.receivers) await receiver.close();
    world.release?.();
    world.disk.close();
  }
  const { trace, step, passed, struck } = world;
  return { seed: stage.seed, broken, trace, steps: step, passed, struck };
}

async function storm(course: Course): Promise<void> {
  const { world } = course;
  const { dice } = world;
  const steps = dice.between(20, 80);
  if (dice.chance(0.8)) {
    giveGrant(world, { isFirst: true, route: anyRoute(world) });
    await settle(course);
  }
  while (world.step < steps) {
    world.step += 1;
    if (dice.chance(0.3)) unlock(world);
    await dice.weigh(DEEDS)(course);
    await settle(course);
  }
}

/** An operator moves to another checkout: permission withdrawn and given again, parked events taken up. */
function moveGrant(world: World): void {
  const route = anyRoute(world);
  withdraw(world, route);
  giveGrant(world, { route, checkout: world.dice.below(2) });
  if (world.dice.chance(0.9)) tendParked(world, 'retry all');
}

/** Longer than the right to record lasts without renewal. */
const TAKEN_OVER_MS = 11_000;

type Deed = (course: Course) => void | Promise<void>;

const DEEDS: readonly (readonly [number, Deed])[] = [
  [9, ({ world }) => captureSome(world)],
  [2, ({ world }) => emitOne(world)],
  [2.5, ({ world }) => keepBody(world)],
  [2, ({ world }) => writeLines(world)],
  [1.5, ({ world }) => importNow(world)],
  [2, ({ world }) => giveGrant(world, { route: anyRoute(world) })],
  [1, ({ world }) => withdraw(world, anyRoute(world))],
  [1.5, ({ world }) => moveGrant(world)],
  [4, (course) => begin(course, true)],
  [4, (course) => begin(course, false)],
  [20, (course) => workOn(course)],
  [6, (course) => passTime(course)],
  [1, (course) => setClock(course)],
  [3, (course) => stopOrGoOn(course)],
  [1, (course) => overtake(course)],
  [1, (course) => kill(course)],
  [0.5, (course) => interrupt(course)],
  [3, ({ world }) => tendParked(world)],
  [0.5, ({ world }) => acceptReceiver(world, anyRoute(world))],
  [1, ({ world }) => replaySome(world, anyRoute(world))],
  [0.4, ({ world }) => beginAgain(world, anyRoute(world))],
  [1, ({ world }) => squatSomewhere(world)],
  [1, ({ world }) => chooseMode(world)],
  [
    3,
    ({ world }) => {
      dropGarbage(world);
    },
  ],
  [1.5, (course) => losePower(course)],
  [2, (course) => lockStore(course)],
  [0.2, ({ world }) => world.dice.pick(world.receivers).mend()],
];

function anyRoute({ dice, model }: World): KnownRoute {
  return dice.pick(model.routes);
}

function begin({ world, drains }: Course, byOperator: boolean): void {
  startDrain(world, drains, { route: anyRoute(world), byOperator });
}

/** A few requests get on their way. */
async function workOn(course: Course): Promise<void> {
  await work(course);
  while (course.world.dice.chance(0.5)) {
    await settle(course);
    await work(course);
  }
}

/** One request gets on its way: to the receiver, back, or both. */
async function work(course: Course): Promise<void> {
  const { world } = course;
  const { dice, network } = world;
  const strayed = network.strayed();
  if (strayed.length > 0 && dice.chance(0.2)) {
    const exchange = dice.pick(strayed);
    await routeAt(world, exchange.request.url)?.receiver.take(exchange, { kind: 'clear' });
    network.forget(exchange);
    tell(world, `a late request of ${exchange.life.role} arrives`);
    return;
  }
  const open = network.open().filter(({ life }) => life.state === 'running');
  const moving = open.filter(({ hasArrived, reply }) => !hasArrived || reply !== null);
  if (moving.length === 0) {
    if (dice.chance(0.4)) begin(course, dice.chance(0.5));
    else passTime(course);
    return;
  }
  await carry(course, dice.pick(moving));
}

/** A request gets to its receiver, and mostly the answer gets back. */
async function carry(course: Course, exchange: Exchange): Promise<void> {
  const { world, drains } = course;
  if (!exchange.hasArrived) await arrive(course, exchange);
  const { reply } = exchange;
  if (reply !== null && world.dice.chance(0.8)) await give(world, drains, { exchange, reply });
}

function passTime({ world }: Course): void {
  const { dice, timeline } = world;
  const next = timeline.untilNext() ?? 0;
  const ms = dice.weigh([
    [4, next + 1],
    [3, dice.between(1, 5_000)],
    [2, dice.between(5_000, 70_000)],
    [1, dice.between(70_000, 5_400_000)],
  ]);
  timeline.pass(ms);
  tell(world, `${ms} ms pass`);
}

async function stopOrGoOn(course: Course): Promise<void> {
  const { dice, lives } = course.world;
  const stopped = [...lives].filter(({ state }) => state === 'stopped');
  const running = [...lives].filter(({ state }) => state === 'running');
  if (stopped.length > 0 && dice.chance(0.6)) await goOn(course, dice.pick(stopped));
  else if (running.length > 0) stop(course, dice.pick(running));
}

function stop({ world }: Course, life: Life): void {
  life.state = 'stopped';
  tell(world, `${life.role} is stopped`);
}

/** Whoever goes on finds that timers have run out and that answers have come, in either order. */
async function goOn(course: Course, life: Life): Promise<void> {
  const { dice, network, timeline } = course.world;
  life.state = 'running';
  tell(course.world, `${life.role} goes on`);
  const exchange = network.open().find((each) => each.life === life);
  if (exchange !== undefined && dice.chance(0.7)) await carry(course, exchange);
  timeline.rouse(life);
}

/** A drain stands still for so long that another takes over. */
function overtake(course: Course): void {
  const { world, drains } = course;
  const waiting = world.network.open().filter(({ life }) => life.state === 'running');
  if (waiting.length === 0) return;
  const { life } = world.dice.pick(waiting);
  const route = drains.get(life)?.route;
  if (route === undefined) return;
  stop(course, life);
  world.timeline.pass(TAKEN_OVER_MS);
  startDrain(world, drains, { route, byOperator: true });
}

function kill({ world }: Course): void {
  const lives = [...world.lives];
  if (lives.length === 0) return;
  const life = world.dice.pick(lives);
  tell(world, `${life.role} is killed`);
  life.die();
}

function interrupt({ drains, world }: Course): void {
  const running = [...drains.values()].filter(({ process }) => process.life.state === 'running');
  if (running.length === 0) return;
  const drain = world.dice.pick(running);
  tell(world, `${drain.process.life.role} is interrupted`);
  drain.interrupt();
}

function losePower({ world, drains }: Course): void {
  if (world.disk.kind !== 'memory') return;
  tell(world, 'power is lost');
  for (const life of world.lives) {
    life.die();
    drains.delete(life);
    bury(world, life);
  }
  world.disk.losePower();
  world.boots += 1;
}

/** Another program takes the write lock of the store for a while. */
function lockStore({ world }: Course): void {
  if (world.release !== null) return;
  world.release = world.disk.lock();
  if (world.release !== null) tell(world, 'the store is locked');
}

/** L7 from the receivers' side: each id once, with the bytes that came first. */
async function checkReceivers({ receivers }: World): Promise<void> {
  for (const receiver of receivers) {
    for (const [id, rows] of await receiver.holdings()) {
      const first = receiver.stored.get(id);
      if (rows.length === 1 && first !== undefined && rows[0]?.equals(first) === true) continue;
      throw new LawBroken(
        'L7',
        `${receiver.character.name} holds ${rows.length} of ${id}, or not the first`,
      );
    }
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
