import { createIds, type FaultPoint, type Files, type System } from '../../src/base/index.ts';
import {
  homePaths,
  KEEP_EVERYTHING,
  readConfig,
  type CaptureRules,
  type Home,
  type Project,
} from '../../src/home/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { rollDice, type Dice } from './dice.ts';
import { fileDisk, memoryDisk, type Disk } from './disk.ts';
import type { Event, KnownBody } from './facts.ts';
import { bear, faultsOf, mortal, type Life } from './life.ts';
import { memoryFiles } from './memory-files.ts';
import { createModel, type Model } from './model.ts';
import { layNetwork, type Exchange, type Network } from './network.ts';
import { openReceiver, type Character, type SimReceiver } from './receiver.ts';
import { startTimeline, type Timeline } from './timeline.ts';

/** A clone of the project, with the log of its one mission. */
export interface Checkout {
  readonly project: Project;
  readonly log: string;
}

/** One process with everything it may touch. */
export interface Process {
  readonly life: Life;
  readonly system: System;
  readonly home: Home;
}

/** Everything of one history. */
export interface World {
  readonly seed: number;
  readonly dice: Dice;
  readonly timeline: Timeline;
  readonly disk: Disk;
  readonly network: Network;
  readonly model: Model;
  readonly receivers: readonly SimReceiver[];
  readonly checkouts: readonly Checkout[];
  /** Processes that are still at something. */
  readonly lives: Set<Life>;
  /** A process that goes on capturing, if there is one. */
  writer: Process | null;
  /** Texts that were kept for upload, by path. */
  readonly bodies: Map<string, KnownBody>;
  /** Events that were invented, by id. */
  readonly events: Map<string, Event>;
  /** The last things that happened, for people. */
  readonly trace: string[];
  /** How often a fault point was passed, and how often it struck. */
  readonly passed: Map<FaultPoint, number>;
  readonly struck: Map<FaultPoint, number>;
  step: number;
  /** Grows with every event and process. */
  serial: number;
  boots: number;
  /** Lets go of the store's write lock, which another program holds. */
  release: (() => void) | null;
  /** The wall clock was once set back: waits that were written down before may look longer than they are. */
  wasSetBack: boolean;
  /** What the machine says of retention. */
  rules: CaptureRules;
  /** The mode was once OPT_OUT. */
  wasOptedOut: boolean;
  /** No faults any more. */
  isCalm: boolean;
  /** What the laws were checked against last. */
  checked: string;
  /** What a law found while a request left; thrown at the end of the step. */
  complaint: Error | null;
}

/** What is given of a world; the dice decide the rest. */
export interface Stage {
  readonly seed: number;
  readonly characters?: readonly Character[];
  readonly disk?: Disk['kind'];
}

const MAX_TRACE = 60;
const MAKING_POINTS: readonly FaultPoint[] = ['store.create', 'store.migrated'];

/** @param onSend looks at every request at the moment it leaves. */
export async function createWorld(
  stage: Stage,
  onSend: (world: World, exchange: Exchange) => void,
): Promise<World> {
  const { seed } = stage;
  const dice = rollDice(seed);
  const timeline = startTimeline();
  const config = await defaultConfig(timeline);
  const kind = stage.disk ?? (dice.chance(0.04) ? 'files' : 'memory');
  const disk = kind === 'files' ? fileDisk(timeline, config) : memoryDisk(timeline, config);
  const events = new Map<string, Event>();
  const bodies = new Map<string, KnownBody>();
  const refusalOf = (id: string): Event['refusal'] => events.get(id)?.refusal ?? null;
  const clock = timeline.clockOf(bear(0, 'receiver', 0));
  const receivers: SimReceiver[] = [];
  for (const character of stage.characters ?? inventAll(dice)) {
    receivers.push(
      await openReceiver(character, {
        ...{ clock, dice, refusalOf },
        isBodyRefused: (path) => bodies.get(path)?.isRefused === true,
      }),
    );
  }
  const world: World = {
    seed,
    dice,
    timeline,
    disk,
    receivers,
    network: layNetwork(timeline, (exchange) => {
      onSend(world, exchange);
    }),
    model: createModel(receivers),
    checkouts: ['a', 'b'].map((name) => checkoutAt(disk, name)),
    lives: new Set(),
    writer: null,
    events,
    bodies,
    trace: [],
    passed: new Map(),
    struck: new Map(),
    step: 0,
    serial: 0,
    boots: 1,
    release: null,
    wasSetBack: false,
    rules: KEEP_EVERYTHING,
    wasOptedOut: false,
    isCalm: false,
    checked: '',
    complaint: null,
  };
  return world;
}

/** Writes a line of what happens. */
export function tell(world: World, line: string): void {
  world.trace.push(`${String(world.step).padStart(4)} ${line}`);
  if (world.trace.length > MAX_TRACE) world.trace.shift();
}

/** Starts a process; in rough times it may carry a trap at one of `points`. */
export function spawn(world: World, role: string, points: readonly FaultPoint[] = []): Process {
  const { dice, timeline, disk, network } = world;
  world.serial += 1;
  const life = bear(1000 + world.serial, `${role} ${world.serial}`, world.step);
  // A store is made only once in a history, so whoever makes it is struck more often.
  const isMaking = disk.view() === null;
  if (!world.isCalm && points.length > 0 && dice.chance(isMaking ? 0.7 : 0.3)) {
    const point = dice.pick(isMaking ? MAKING_POINTS : points);
    const left = isMaking || dice.chance(0.6) ? 1 : dice.between(2, 4);
    life.traps.push({ point, left, effect: dice.chance(0.6) ? 'die' : 'fail' });
  }
  world.lives.add(life);
  const struckBy = faultsOf(life, ({ point, effect }) => {
    world.struck.set(point, (world.struck.get(point) ?? 0) + 1);
    tell(world, `    ${life.role}: ${effect} at ${point}`);
  });
  const clock = timeline.clockOf(life);
  const system: System = {
    clock,
    ids: createIds(clock, dice.bytes),
    files: mortal(filesOf(world, disk.files), life),
    faults: {
      at: (point) => {
        world.passed.set(point, (world.passed.get(point) ?? 0) + 1);
        struckBy.at(point);
      },
    },
    env: {},
    cwd: disk.root,
    host: { name: 'sim', user: 'sim', homeDir: disk.root, platform: 'linux', pid: life.pid },
    program: { version: '0', executable: '/sim', script: null },
  };
  return { life, system, home: disk.homeOf(life, system, network.httpOf(life)) };
}

/** The other program lets go of the store. */
export function unlock(world: World): void {
  if (world.release === null) return;
  world.release();
  world.release = null;
  tell(world, 'the store is free');
}

/** A process is gone: what it left open is rolled back, its requests get no answer. */
export function bury(world: World, life: Life): void {
  world.lives.delete(life);
  if (life.state !== 'dead') life.state = 'over';
  world.network.orphan(life, () => world.dice.chance(0.5));
  world.disk.bury(life);
}

/** The files as a process sees them: with a process table that tells who lives. */
function filesOf(world: World, files: Files): Files {
  return {
    ...files,
    readText: (file) => {
      if (file === '/proc/sys/kernel/random/boot_id') return `boot ${world.boots}\n`;
      const pid = /^\/proc\/(\d+)\/stat$/.exec(file)?.[1];
      if (pid === undefined) return files.readText(file);
      const life = [...world.lives].find((each) => each.pid === Number(pid));
      return life === undefined ? null : `${pid} (sim) S ${'0 '.repeat(18)}${life.pid} 0`;
    },
  };
}

function checkoutAt(disk: Disk, name: string): Checkout {
  const root = `${disk.root}/${name}`;
  const mission = `${root}/kitty-specs/001-demo`;
  disk.files.makeDir(mission);
  return {
    project: { id: PROJECT_ID, slug: 'demo', repoSlug: null, root, checkoutPath: root, git: null },
    log: `${mission}/status.events.jsonl`,
  };
}

function inventAll(dice: Dice): readonly Character[] {
  const count = dice.weigh([
    [5, 1],
    [3, 2],
    [1, 3],
  ]);
  return Array.from({ length: count }, (_, n) => invent(n, dice));
}

function invent(n: number, dice: Dice): Character {
  const make = dice.chance(0.5) ? 'product' : 'foreign';
  const hasHealth = make === 'product' || dice.chance(0.5);
  const base = `http://127.0.0.1:${8765 + n}`;
  return {
    name: `receiver-${n}`,
    endpoint: hasHealth ? base : `${base}/hooks/sync`,
    make,
    hasHealth,
    maxEvents: dice.pick([1, 2, 3, 5, 50]),
    maxBytes: dice.pick([600, 2_000, 100_000]),
    maxConcurrent: hasHealth ? dice.pick([1, 1, 3]) : 1,
    isAllOrNothing: make === 'foreign' && dice.chance(0.5),
    takesBodies: hasHealth && dice.chance(0.7),
  };
}

/** What `config.toml` says when there is none. */
async function defaultConfig(timeline: Timeline): Promise<Awaited<ReturnType<Home['config']>>> {
  const clock = timeline.clockOf(bear(0, 'reader', 0));
  const host = { name: 'sim', user: 'sim', homeDir: '/', platform: 'linux', pid: 1 } as const;
  const program = { version: '0', executable: '/sim', script: null };
  const system: System = {
    clock,
    ids: createIds(clock),
    files: memoryFiles(() => 0),
    faults: { at: () => {} },
    env: {},
    cwd: '/',
    host,
    program,
  };
  return readConfig({ system, paths: homePaths(system) });
}
