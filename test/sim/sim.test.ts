import process from 'node:process';
import { expect, it } from 'vitest';
import { FAULT_POINTS } from '../../src/base/index.ts';
import { play, playHistory, type Story } from './history.ts';
import { REGRESSIONS } from './regressions.ts';

/** A few with the other tests; `npm run sim` plays thousands. */
const HISTORIES = Number(process.env['SIM_HISTORIES'] ?? '50');
/** Another one on every run: what a run finds, its printed seed plays again. */
const SEED = Number(
  process.env['SIM_SEED'] ?? String((performance.timeOrigin ^ process.pid) >>> 4),
);
/** Enough of them to pass every fault point; and, as gc seldom has anything to give back, to be struck at each. */
const MANY = 1_000;
const VERY_MANY = 10_000;
const MS_EACH = 400;

it(`keeps every law in ${HISTORIES} histories`, {
  timeout: 30_000 + HISTORIES * MS_EACH,
}, async () => {
  process.stdout.write(`simulator: seeds ${SEED} to ${SEED + HISTORIES - 1}\n`);
  const passed = new Set<string>();
  const struck = new Set<string>();
  const broken: string[] = [];
  for (let seed = SEED; seed < SEED + HISTORIES && broken.length < 3; seed += 1) {
    const story = await playHistory(seed);
    for (const point of story.passed.keys()) passed.add(point);
    for (const point of story.struck.keys()) struck.add(point);
    if (story.broken !== null) broken.push(describe(story));
  }
  expect(broken.join('\n\n')).toBe('');
  // An archive is read back as a stream of the real disk, and bodies and old queues are files of it.
  const points = FAULT_POINTS.filter(
    (point) => !/^(?:archive|legacy|prepare)\./.test(point),
  ).sort();
  if (HISTORIES >= MANY) expect([...passed].sort()).toEqual(points);
  if (HISTORIES >= VERY_MANY) expect([...struck].sort()).toEqual(points);
});

it('plays the same history for the same seed', async () => {
  const [once, again] = [await playHistory(SEED), await playHistory(SEED)];
  expect(again).toEqual(once);
});

it.each(REGRESSIONS)('$name', async (regression) => {
  const { broken, trace } = await play(regression.stage, (course) => regression.acts(course));
  expect(broken === null ? '' : [broken.message, ...trace].join('\n')).toBe('');
});

/** What went wrong, how it came to it, and how to play it again. */
function describe({ seed, broken, trace }: Story): string {
  const again = `SIM_SEED=${seed} SIM_HISTORIES=1 npx vitest run test/sim/sim.test.ts`;
  return [broken?.message ?? '', ...trace, `play it again: ${again}`].join('\n');
}
