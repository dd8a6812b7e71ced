import { setImmediate } from 'node:timers/promises';
import type { Clock, Millis } from '../../src/base/index.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Lets time pass: both clocks move on, and whoever slept until then wakes. */
  move(ms: Millis): void;
  /** Sets the wall clock alone, in either direction, as an operator or a time server does. */
  setWall(at: Millis): void;
}

interface Sleeper {
  readonly until: Millis;
  readonly wake: () => void;
}

/** @param onPause is called before every blocking pause, which then takes no real time. */
export function manualClock(onPause: () => void = () => {}): ManualClock {
  let wall = 1_760_000_000_000;
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();
  const move = (ms: Millis): void => {
    wall += ms;
    elapsed += ms;
    for (const sleeper of sleepers) if (sleeper.until <= elapsed) sleeper.wake();
  };
  return {
    now: () => Math.floor(wall),
    monotonic: () => elapsed,
    pause: (ms) => {
      onPause();
      move(ms);
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          until: elapsed + ms,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake);
        if (signal?.aborted === true) sleeper.wake();
      }),
    move,
    setWall: (at) => {
      wall = at;
    },
  };
}

/** Lets time pass in steps until `work` has ended, and answers what it answered. */
export async function passTime<T>(clock: ManualClock, work: Promise<T>, stepMs = 100): Promise<T> {
  const progress = { hasEnded: false };
  const end = (): void => {
    progress.hasEnded = true;
  };
  const watched = work.then(end, end);
  while (!progress.hasEnded) {
    clock.move(stepMs);
    await setImmediate();
  }
  await watched;
  return work;
}
