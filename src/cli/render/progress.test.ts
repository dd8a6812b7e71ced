import { expect, it } from 'vitest';
import { manualClock } from '../../../test/support/manual-clock.ts';
import type { Io } from '../io.ts';
import { bar, createProgress } from './progress.ts';

interface Watched {
  readonly io: Io;
  readonly drawn: string[];
}

function watched(isTTY: boolean, env: Io['env'] = {}): Watched {
  const drawn: string[] = [];
  const write = (text: string): void => {
    drawn.push(text);
  };
  const chunks: AsyncIterable<Uint8Array> = (async function* () {})();
  return {
    drawn,
    io: {
      ...{ env, cwd: '/', stdin: { isTTY: false, chunks }, signal: new AbortController().signal },
      ...{ stdout: { write, isTTY }, stderr: { write, isTTY }, ask: () => Promise.resolve(null) },
    },
  };
}

it('draws nothing in the first second, then ten times a second at most, and clears its line', () => {
  const clock = manualClock();
  const { io, drawn } = watched(true);
  const progress = createProgress(io, clock, 'events');
  progress.show(1, 10);
  clock.move(999);
  progress.show(2, 10);
  expect(drawn).toEqual([]);
  clock.move(1);
  progress.show(3, 10);
  clock.move(99);
  progress.show(4, 10);
  clock.move(1);
  progress.show(5, 10);
  progress.end();
  expect(drawn).toEqual([
    '\r[#######.................] 3 / 10 events\u001b[K',
    '\r[############............] 5 / 10 events\u001b[K',
    '\r\u001b[K',
  ]);
});

it('leaves a line alone that it never drew', () => {
  const { io, drawn } = watched(true);
  createProgress(io, manualClock(), 'events').end();
  expect(drawn).toEqual([]);
});

it.each([
  [false, {}],
  [true, { CI: '1' }],
  [true, { NO_COLOR: '1' }],
])('draws nothing with a terminal: %s and %j', (isTTY, env) => {
  const clock = manualClock();
  const { io, drawn } = watched(isTTY, env);
  const progress = createProgress(io, clock, 'events');
  clock.move(5_000);
  progress.show(1, 2);
  progress.end();
  expect(drawn).toEqual([]);
});

it('is full when there is nothing to do, and never longer than full', () => {
  expect(bar(0, 0)).toBe('[########################] 0 / 0');
  expect(bar(12_345, 10_000)).toBe('[########################] 12,345 / 10,000');
});
