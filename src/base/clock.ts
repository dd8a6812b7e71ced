/** Wall-clock time in milliseconds since 1970-01-01T00:00:00Z, or a duration in milliseconds. */
export type Millis = number;

/** Time as the product sees it; doors and loops hold one, deciders receive a `now` value instead. */
export interface Clock {
  /** Wall clock, may jump in either direction. */
  now(): Millis;
  /** Never goes back; for deadlines within one process. */
  monotonic(): Millis;
  /** Resolves after `ms`, or at once when `signal` aborts; it never rejects. */
  sleep(ms: Millis, signal?: AbortSignal): Promise<void>;
  /** Blocks the thread for `ms`: only for the short retries of a locked database. */
  pause(ms: Millis): void;
}

const NANOS_PER_MS = 1e6;

/** The machine's own clock. */
export function systemClock(): Clock {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return {
    now: () => Date.now(),
    // Not `performance.now()`: its first use loads half a millisecond of module.
    monotonic: () => Number(process.hrtime.bigint()) / NANOS_PER_MS,
    sleep,
    pause: (ms) => {
      Atomics.wait(cell, 0, 0, ms);
    },
  };
}

function sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish);
  });
}
