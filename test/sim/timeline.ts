import type { Clock, Millis } from '../../src/base/index.ts';
import { requireAlive, type Life } from './life.ts';

/** Time of a whole history: it passes only when the history says so. */
export interface Timeline {
  wall(): Millis;
  elapsed(): Millis;
  /** Time passes; whoever slept until then wakes, unless his process is stopped. */
  pass(ms: Millis): void;
  /** Somebody blocks his thread so long; sleepers wake when time passes next. */
  stall(ms: Millis): void;
  /** The wall clock alone is set, in either direction. */
  jump(ms: Millis): void;
  /** How long until the next sleeper wakes; null when nobody sleeps. */
  untilNext(): Millis | null;
  /** Wakes what a process overslept while it was stopped. */
  rouse(life: Life): void;
  clockOf(life: Life): Clock;
}

interface Sleeper {
  readonly life: Life;
  readonly until: Millis;
  readonly wake: () => void;
}

const START = 1_760_000_000_000;
/** A short pause takes longer on a busy machine, and a history with fewer of them takes less time. */
const OVERSLEPT = 20;

export function startTimeline(): Timeline {
  let wall = START;
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();
  const wakeDue = (isMeant: (sleeper: Sleeper) => boolean): void => {
    for (const sleeper of sleepers) {
      if (sleeper.life.state === 'dead') sleepers.delete(sleeper);
      else if (sleeper.until <= elapsed && isMeant(sleeper)) sleeper.wake();
    }
  };
  const move = (ms: Millis): void => {
    wall += ms;
    elapsed += ms;
  };
  return {
    wall: () => Math.floor(wall),
    elapsed: () => elapsed,
    pass: (ms) => {
      move(ms);
      wakeDue(({ life }) => life.state === 'running');
    },
    stall: move,
    jump: (ms) => {
      wall += ms;
    },
    untilNext: () => {
      const awake = [...sleepers].filter(({ life }) => life.state === 'running');
      if (awake.length === 0) return null;
      return Math.max(0, Math.min(...awake.map(({ until }) => until)) - elapsed);
    },
    rouse: (life) => {
      wakeDue((sleeper) => sleeper.life === life);
    },
    clockOf: (life) => ({
      now: () => Math.floor(wall),
      monotonic: () => elapsed,
      pause: (ms) => {
        requireAlive(life);
        // Whoever wakes meanwhile does so when this one waits for something else.
        move(ms * OVERSLEPT);
      },
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const sleeper: Sleeper = {
            life,
            until: elapsed + ms,
            wake: () => {
              sleepers.delete(sleeper);
              signal?.removeEventListener('abort', sleeper.wake);
              resolve();
            },
          };
          sleepers.add(sleeper);
          signal?.addEventListener('abort', sleeper.wake);
          if (signal?.aborted === true) sleeper.wake();
        }),
    }),
  };
}
