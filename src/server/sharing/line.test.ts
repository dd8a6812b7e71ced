import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock, passTime } from '../../../test/support/manual-clock.ts';
import { createLine, nextTeam, type Room, type Share } from './line.ts';

function share(team: string, members: Partial<Share> = {}): Share {
  return { team, waiting: 1, working: 0, used: 0, ...members };
}

const ONE = { places: 1, perTeam: 1 };
const FOUR = { places: 4, perTeam: 2 };

describe('who takes the next place', () => {
  it.each<readonly [string, string | null, Room, readonly Share[]]>([
    ['nobody, where nobody waits', null, FOUR, [share('a', { waiting: 0 })]],
    ['nobody, where nobody is', null, FOUR, []],
    ['the only one who waits', 'a', ONE, [share('a', { used: 900 })]],
    ['who had the least', 'b', ONE, [share('a', { used: 900 }), share('b', { used: 40 })]],
    ['of equals who came first', 'a', ONE, [share('a'), share('b')]],
    ['nobody, where every place is taken', null, ONE, [share('a'), share('b', { working: 1 })]],
    [
      'not who has its part of it',
      'b',
      FOUR,
      [share('a', { working: 2 }), share('b', { used: 9 })],
    ],
    ['nobody, though there is room', null, FOUR, [share('a', { working: 2, waiting: 30 })]],
    ['who has nothing here waits for nobody', 'a', ONE, [share('a'), share('b', { waiting: 0 })]],
  ])('%s', (_name, next, room, shares) => {
    expect(nextTeam(shares, room)).toBe(next);
  });
});

/** Works of a millisecond each that say their name when they are done. */
function trial(room = ONE) {
  const clock = manualClock();
  const done: string[] = [];
  const line = createLine(clock, room);
  const work = (name: string, ms: number) => async () => {
    await clock.sleep(ms);
    done.push(name);
  };
  return { clock, done, line, work };
}

it('lets a team that asks for little pass one that asks for much', async () => {
  const { clock, done, line, work } = trial();
  const flood = Array.from({ length: 20 }, (_, n) => line.join('a')(work(`a${n}`, 40)));
  await passTime(clock, flood[2] ?? Promise.resolve(), 1);
  const modest = line.join('b')(work('b', 40));
  await passTime(clock, Promise.all([...flood, modest]), 1);
  // The one that was working ends first.
  expect(done.indexOf('b')).toBeLessThanOrEqual(4);
  expect(done).toHaveLength(21);
});

it('gives two that want everything half each, and one of weight four a fifth', async () => {
  for (const [weight, wanted] of [
    [1, 0.5],
    [4, 0.2],
  ] as const) {
    const { clock, done, line, work } = trial();
    const all = Array.from({ length: 200 }, (_, n) => [
      line.join('a')(work('a', 10)),
      line.join('b', weight)(work('b', n % 3 === 0 ? 20 : 5)),
    ]).flat();
    while (clock.monotonic() < 1_000) {
      clock.move(1);
      await setImmediate();
    }
    const times = { a: 0, b: 0 };
    let turn = 0;
    for (const name of done) {
      if (name === 'a') times.a += 10;
      else times.b += turn++ % 3 === 0 ? 20 : 5;
    }
    expect(Math.abs(times.b / (times.a + times.b) - wanted)).toBeLessThan(0.05);
    await passTime(clock, Promise.all(all), 10);
  }
});

it('finishes what a team began first before it goes on with the next', async () => {
  const { clock, done, line, work } = trial();
  const batches = ['one', 'two', 'three'].map(async (name) => {
    const turn = line.join('a');
    for (const part of [1, 2, 3]) await turn(work(`${name} ${part}`, 2));
  });
  await passTime(clock, Promise.all(batches), 1);
  expect(done).toEqual(
    ['one', 'two', 'three'].flatMap((name) => [1, 2, 3].map((n) => `${name} ${n}`)),
  );
});

it('turns away who has waited in vain, and nobody else', async () => {
  const clock = manualClock();
  const refusal = () => new Error('too much');
  const line = createLine(clock, { ...FOUR, patience: { ms: 5_000, refusal } });
  let free = (): void => {};
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const holding = [1, 2].map(() => line.join('a')(() => held));
  const waiting = Promise.allSettled([line.join('a')(() => 'late')]);
  expect(await line.join('b')(() => 'served')).toBe('served');
  clock.move(5_000);
  expect(await waiting).toEqual([{ status: 'rejected', reason: new Error('too much') }]);
  const patient = line.join('a')(() => 'in time');
  clock.move(4_999);
  free();
  expect(await patient).toBe('in time');
  await Promise.all(holding);
  expect(await line.join('a')(() => 'again')).toBe('again');
});

it('goes on when work fails', async () => {
  const { line } = trial();
  await expect(line.join('a')(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(
    line.join('a')(() => {
      throw new Error('not even begun');
    }),
  ).rejects.toThrow('not even begun');
  expect(await line.join('a')(() => 1)).toBe(1);
});

it('does everything once, and never too much at one time', async () => {
  const jobs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 5 })), {
    maxLength: 60,
  });
  const property = fc.asyncProperty(jobs, fc.integer({ min: 1, max: 5 }), async (list, places) => {
    const clock = manualClock();
    const perTeam = Math.ceil(places / 2);
    const line = createLine(clock, { places, perTeam });
    const now = new Map<string, number>();
    let done = 0;
    const all = list.map(([team, ms]) =>
      line.join(team)(async () => {
        now.set(team, (now.get(team) ?? 0) + 1);
        expect(now.get(team)).toBeLessThanOrEqual(perTeam);
        expect([...now.values()].reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(places);
        await clock.sleep(ms);
        now.set(team, (now.get(team) ?? 0) - 1);
        done += 1;
      }),
    );
    await passTime(clock, Promise.all(all), 1);
    expect(done).toBe(list.length);
  });
  await fc.assert(property, { numRuns: 100 });
});
