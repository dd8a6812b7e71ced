import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FAULT_POINTS, type FaultPoint } from '../../src/base/index.ts';
import { record } from '../../src/journal/index.ts';
import {
  copyMissions,
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
} from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { judgeDelivery, judgeSite, readAcks } from './oracle.ts';
import {
  bundlePrograms,
  inParallel,
  runScript,
  scratchDir,
  type Defect,
  type Programs,
} from './programs.ts';
import {
  createSite,
  environmentOf,
  factOf,
  LARGE,
  lockStore,
  openSite,
  upTo,
  wordsOf,
  type Site,
} from './site.ts';
import { isFull, say } from './sizes.ts';

// A process dies at each named point of the product, the first, a later and a much later time it gets there. Then
// the commands are simply run again: everything acknowledged is there once, with its bytes, and everything arrives.
// Sizes: CRASH=full kills at more passes of each point.

const LONG = 600_000;
const AT_ONCE = 3;
/** More than one page of opening. */
const MANY = 5_200;
/** As many batches are sent, of two large ones each. */
const BATCHES = isFull() ? 6 : 3;

const scratch = scratchDir(true);
const programs = await bundlePrograms(scratch);
const early = createSite(scratch, 'early');
copyMissions(EXAMPLE_MISSIONS, early.root);

/** A home in a certain state, and what a process does there until it dies. */
interface Situation {
  readonly what: string;
  /** Home that is copied; null for none. */
  readonly from: string | null;
  /** Numbers that the home holds already. */
  readonly held: readonly number[];
  /** Words of the worker, or of the command line when they begin with `sync`. */
  readonly words: (site: Site, url: string) => readonly (string | number)[];
  /** Numbers that the words try to capture. */
  readonly tried: readonly number[];
  /** Whether another process holds the lock meanwhile. */
  readonly isLocked?: boolean;
  readonly points: Partial<Readonly<Record<FaultPoint, readonly number[]>>>;
}

const passes = (...all: number[]): readonly number[] => (isFull() ? all : [1, ...all.slice(-1)]);
const latePasses = (...all: number[]): readonly number[] => (isFull() ? all : all.slice(-1));

const SITUATIONS: readonly Situation[] = [
  {
    what: 'first open',
    from: null,
    held: [],
    words: (site) => ['capture', ...wordsOf(site), 0, 3],
    tried: upTo(3),
    points: { 'store.create': [1], 'store.migrated': [1] },
  },
  {
    what: 'capture',
    from: 'few',
    held: upTo(3),
    words: (site) => ['capture', ...wordsOf(site), 100, 4, 2],
    tried: upTo(8, 100),
    points: {
      'capture.begin': passes(1, 2, 4),
      'capture.append': passes(1, 2, 3, 4, 7),
      'capture.commit': passes(1, 2, 4),
      'capture.acknowledge': passes(1, 2, 4),
    },
  },
  {
    what: 'spill',
    from: 'few',
    held: upTo(3),
    words: (site) => ['capture', ...wordsOf(site), 100, 3, 2],
    tried: upTo(6, 100),
    isLocked: true,
    points: { 'spill.write': passes(1, 2, 3), 'spill.done': passes(1, 2, 3) },
  },
  {
    what: 'taking in the spill',
    from: 'spilled',
    held: upTo(7),
    words: (site) => ['capture', ...wordsOf(site), 100, 1],
    tried: [100],
    points: { 'spill.ingest': passes(1, 2, 4), 'spill.remove': passes(1, 2, 4) },
  },
  {
    what: 'import',
    from: 'few',
    held: upTo(3),
    words: () => ['sync', 'import'],
    tried: [],
    points: {
      'import.file': passes(1, 2, 4),
      'capture.append': latePasses(1, 2, 9),
      'capture.commit': latePasses(1, 2, 4),
    },
  },
  {
    what: 'grant',
    from: 'few',
    held: upTo(3),
    words: (_site, url) => ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url],
    tried: [],
    points: { 'grant.commit': [1] },
  },
  {
    what: 'opening',
    from: 'many',
    held: upTo(MANY),
    words: () => ['sync', 'now', '--no-import'],
    tried: [],
    points: { 'open.commit': [1, 2] },
  },
  {
    what: 'sending',
    from: 'batches',
    held: upTo(2 * BATCHES, LARGE),
    words: () => ['sync', 'now', '--no-import'],
    tried: [],
    points: {
      'batch.begin': passes(1, 2, BATCHES),
      'batch.send': passes(1, 2, BATCHES),
      'batch.answer': passes(1, 2, BATCHES),
      'record.append': latePasses(1, 2, BATCHES),
      'record.commit': latePasses(1, 2, BATCHES),
      'record.done': latePasses(1, 2, BATCHES),
    },
  },
];

test('every named point belongs to a situation', () => {
  const known = new Set(SITUATIONS.flatMap(({ points }) => Object.keys(points)));
  // What gc, archive, old queues and the preparing of bodies pass has its own tests, with other ideas of what must be there.
  const others = FAULT_POINTS.filter((point) => !known.has(point));
  expect(others.filter((point) => !/^(?:gc|archive|legacy|prepare)\./.test(point))).toEqual([]);
});

test.each(SITUATIONS.map((each) => [each.what, each] as const))(
  'a process dies at each point of %s',
  { timeout: LONG },
  async (what, situation) => {
    await prepareHomes();
    const specs = Object.entries(situation.points).flatMap(([point, counts]) =>
      counts.map((n) => `${point}:${n}`),
    );
    const wrong: string[] = [];
    await inParallel(specs, AT_ONCE, async (spec) => {
      const found = await dieAndGoOn(situation, spec, programs);
      wrong.push(...found.map((complaint) => `${spec}: ${complaint}`));
    });
    say(`${what}: killed at ${specs.length} named points (${specs.join(' ')})`);
    expect(wrong).toEqual([]);
  },
);

/** Each is noticed where a process dies like this. */
const DEFECTS: readonly {
  readonly what: string;
  readonly where: string;
  readonly spec: string;
  readonly lost: number;
  readonly defect: Defect;
}[] = [
  {
    what: 'acknowledging before the commit',
    where: 'capture',
    spec: 'capture.append:7',
    lost: 100,
    defect: {
      file: 'base/sqlite.ts',
      from: "      this.run('COMMIT');\n      return value;",
      to: "      setImmediate(() => this.run('COMMIT'));\n      return value;",
    },
  },
  {
    what: 'removing a spill file before the commit',
    where: 'taking in the spill',
    spec: 'spill.ingest:4',
    lost: 3,
    defect: { file: 'journal/record.ts', from: 'done.push(file);', to: 'files.remove(file);' },
  },
];

test.each(DEFECTS)('$what is noticed', { timeout: LONG }, async ({ where, spec, lost, defect }) => {
  await prepareHomes();
  const situation = SITUATIONS.find(({ what }) => what === where);
  if (situation === undefined) throw new Error('that is a situation');
  const found = await dieAndGoOn(situation, spec, await bundlePrograms(scratch, [defect]));
  expect(found).toContain(`acknowledged ${lost} is lost`);
});

/** Kills a process in a copy of the situation, runs the commands again, and answers what is wrong then. */
async function dieAndGoOn(
  situation: Situation,
  spec: string,
  { worker, cli }: Programs,
): Promise<readonly string[]> {
  const site = createSite(
    scratch,
    `home-${situation.what}-${spec}-${worker.length}`.replaceAll(/\W/g, '-'),
  );
  const { from, held, tried, isLocked = false } = situation;
  if (from !== null) cpSync(path.join(scratch, from), site.home, { recursive: true });
  const receiver = await realReceiver();
  const commands = commandsOf(site);
  const words = situation.words(site, receiver.url);
  if (words[1] === 'now') await commands.point(receiver.url);
  const release = isLocked ? lockStore(site) : (): void => {};
  const env = { ...environmentOf(site), SPEC_KITTY_FAULT: spec };
  const died = await runScript(words[0] === 'sync' ? cli : worker, words, { env, cwd: site.root });
  release();
  const acked = readAcks(died.stdout).map((ack) => ack.n);
  const beforehand = await judgeSite(site, { acked: [held, acked], tried, others: null });
  const again = [await commands.point(receiver.url), ...(await commands.sendAll())];
  return [
    ...(died.signal === 'SIGKILL'
      ? []
      : [`it did not die: ${died.code} ${died.stdout}${died.stderr}`]),
    ...beforehand,
    ...again.filter((said) => said !== ''),
    ...(await judgeSite(site, { acked: [held, acked], tried, others: EXAMPLE_FACTS })),
    ...(await judgeDelivery(site, receiver)),
  ];
}

/** What an operator types, run in this process; each answers what went wrong, or nothing. */
function commandsOf(site: Site): {
  point(url: string): Promise<string>;
  sendAll(): Promise<readonly string[]>;
} {
  const machine = createMachine(environmentOf(site));
  const run = async (...words: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await machine.run(words, { cwd: site.root });
    return exit === 0 ? '' : `${words.join(' ')} exits ${exit}: ${stdout}${stderr}`;
  };
  return {
    point: (url) => run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url),
    sendAll: async () => [await run('sync', 'now'), await run('sync', 'status', '--check')],
  };
}

/** Homes that situations begin with, made once: `few` facts, `many`, large ones, some beside the store. */
async function prepareHomes(): Promise<void> {
  const few = createSite(scratch, 'few');
  if (existsSync(few.home)) return;
  await fill(few, upTo(3));
  const spilled = createSite(scratch, 'spilled');
  await fill(spilled, upTo(3));
  const release = lockStore(spilled);
  for (const n of upTo(4, 3)) await fill(spilled, [n]);
  release();
  const many = createSite(scratch, 'many');
  await fill(many, upTo(MANY));
  await fill(createSite(scratch, 'batches'), upTo(2 * BATCHES, LARGE));
}

async function fill(site: Site, numbers: readonly number[]): Promise<void> {
  const { home, project } = await openSite(site);
  record(home, project, numbers.map(factOf));
  home.close();
}
