import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { judgeDelivery, judgeSite, readAcks } from './oracle.ts';
import { bundlePrograms, inParallel, runScript, scratchDir } from './programs.ts';
import {
  captureInto,
  createSite,
  drainOnce,
  environmentOf,
  lockStore,
  openSite,
  pointAt,
  upTo,
  wordsOf,
  type Site,
} from './site.ts';
import { isFull, say, size } from './sizes.ts';
import { CHANGING_CALLS, countCalls, killAt, straceInjects, type ChangingCall } from './strace.ts';

// A process dies at every single call that changes something on the disk. Sizes: CRASH=full takes every call,
// otherwise CRASH_CALLS (per operation, spread over all of them).

const LONG = 600_000;
const AT_ONCE = 3;

const scratch = scratchDir(true);
const { worker } = await bundlePrograms(scratch);
const isTraceable = straceInjects('killing at every system call');

interface Operation {
  readonly what: string;
  /** Numbers that the store and the spill beside it hold before; null: no home at all. */
  readonly stored: readonly number[] | null;
  readonly spilled?: readonly number[];
  readonly isLocked?: boolean;
  readonly words: readonly (string | number)[];
  readonly tried: readonly number[];
  readonly sends?: boolean;
}

const OPERATIONS: readonly Operation[] = [
  { what: 'first open', stored: null, words: ['capture', 100, 2], tried: upTo(2, 100) },
  { what: 'capture', stored: upTo(2), words: ['capture', 100, 3, 2], tried: upTo(6, 100) },
  {
    what: 'spill',
    stored: upTo(2),
    isLocked: true,
    words: ['capture', 100, 2],
    tried: upTo(2, 100),
  },
  {
    what: 'taking in the spill',
    stored: upTo(2),
    spilled: upTo(3, 10),
    words: ['capture', 100, 1],
    tried: [100],
  },
  {
    what: 'begin, send and record',
    stored: upTo(12),
    words: ['drain-once'],
    tried: [],
    sends: true,
  },
];

test.skipIf(!isTraceable).each(OPERATIONS.map((each) => [each.what, each] as const))(
  'a process dies at each call of %s',
  { timeout: LONG },
  async (what, operation) => {
    const template = createSite(scratch, `template-${what}`.replaceAll(/\W/g, '-'));
    await prepare(template, operation);
    const points = choose(await countPoints(template, operation));
    const wrong: string[] = [];
    let reached = 0;
    await inParallel(points, AT_ONCE, async (point) => {
      const place = `${what}, ${point.call} number ${point.n}`;
      const home = createSite(scratch, place.replaceAll(/\W/g, '-'));
      const { isDead, complaints } = await dieAt(template, home, operation, point);
      if (isDead) reached += 1;
      wrong.push(...complaints.map((complaint) => `${place}: ${complaint}`));
    });
    say(`${what}: killed at ${reached} of ${points.length} chosen system calls`);
    expect(wrong).toEqual([]);
    expect(reached).toBeGreaterThan(points.length * 0.8);
  },
);

interface Point {
  readonly call: ChangingCall;
  readonly n: number;
}

/** How often the operation makes each call when nobody disturbs it. */
async function countPoints(template: Site, operation: Operation): Promise<readonly Point[]> {
  const log = path.join(scratch, `calls-${operation.what}`);
  const site = createSite(scratch, `counted-${operation.what}`.replaceAll(/\W/g, '-'));
  const { ended } = await perform(template, site, operation, countCalls(log));
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const calls = readFileSync(log, 'utf8').split('\n');
  return CHANGING_CALLS.flatMap((call) =>
    upTo(calls.filter((line) => line.startsWith(`${call}(`)).length, 1).map((n) => ({ call, n })),
  );
}

/** All points, or some: the flushes and changes of names first, writes spread over the whole. */
function choose(points: readonly Point[]): readonly Point[] {
  const most = size('CALLS', 10, points.length);
  if (isFull() || points.length <= most) return points;
  const rare = spread(
    points.filter(({ call }) => !call.includes('write')),
    most / 2,
  );
  return [
    ...rare,
    ...spread(
      points.filter(({ call }) => call.includes('write')),
      most - rare.length,
    ),
  ];
}

function spread<T>(from: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, from.length / most);
  return from.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

/** Lets the process die there, then goes on as the next commands would. */
async function dieAt(
  template: Site,
  site: Site,
  operation: Operation,
  point: Point,
): Promise<{ readonly isDead: boolean; readonly complaints: readonly string[] }> {
  const { tried, stored, spilled = [] } = operation;
  const before = killAt(point.call, point.n);
  const { ended, receiver } = await perform(template, site, operation, before);
  const acked = readAcks(ended.stdout).map((ack) => ack.n);
  const held = [...(stored ?? []), ...spilled];
  const complaints = [...(await judgeSite(site, { acked: [held, acked], tried }))];
  await captureInto(
    site,
    tried.filter((n) => !acked.includes(n)),
  );
  complaints.push(...(await judgeSite(site, { acked: [held, acked, tried], tried: [] })));
  if (receiver !== null) {
    const { home, project } = await openSite(site);
    const { blocked } = await drainOnce(home, home.store(project.id));
    home.close();
    if (blocked !== null) complaints.push(`the next drain is stopped: ${blocked.detail}`);
    complaints.push(...(await judgeDelivery(site, receiver)));
    await receiver.stop();
  }
  return { isDead: ended.signal === 'SIGKILL', complaints };
}

/** Runs the operation in a copy of the template. */
async function perform(
  template: Site,
  site: Site,
  operation: Operation,
  before: readonly string[],
): Promise<{
  readonly ended: Awaited<ReturnType<typeof runScript>>;
  readonly receiver: RealReceiver | null;
}> {
  if (operation.stored !== null) cpSync(template.home, site.home, { recursive: true });
  const receiver =
    operation.sends === true ? await realReceiver({ file: `${site.home}.db` }) : null;
  if (receiver !== null) {
    const opened = await openSite(site);
    pointAt(opened, receiver.url);
    opened.home.close();
  }
  const release = operation.isLocked === true ? lockStore(site) : (): void => {};
  const [verb = '', ...words] = operation.words;
  const env = environmentOf(site);
  const ended = await runScript(worker, [verb, ...wordsOf(site), ...words], { before, env });
  release();
  return { ended, receiver };
}

async function prepare(site: Site, { stored, spilled = [] }: Operation): Promise<void> {
  if (stored === null) return;
  await captureInto(site, stored);
  if (spilled.length === 0) return;
  const release = lockStore(site);
  for (const n of spilled) await captureInto(site, [n]);
  release();
}
