import type { Clock } from '../../base/index.ts';
import type { Io } from '../io.ts';

const SHOW_AFTER_MS = 1_000;
const EVERY_MS = 100;
const WIDTH = 24;

export interface Progress {
  /** Draws at most ten times a second, and nothing before a second has passed. */
  show(done: number, total: number): void;
  /** Clears the line. */
  end(): void;
}

/** A bar on standard error for people who wait: never into a pipe, under CI or where colours are unwanted. */
export function createProgress(io: Io, clock: Clock, what: string): Progress {
  const { CI = '', NO_COLOR = '' } = io.env;
  const isWanted = io.stderr.isTTY && CI === '' && NO_COLOR === '';
  const started = clock.monotonic();
  let drawnAt = 0;
  return {
    show: (done, total) => {
      const now = clock.monotonic();
      if (!isWanted || now - started < SHOW_AFTER_MS || now - drawnAt < EVERY_MS) return;
      drawnAt = now;
      io.stderr.write(`\r${bar(done, total)} ${what}\u001b[K`);
    },
    end: () => {
      if (drawnAt > 0) io.stderr.write('\r\u001b[K');
    },
  };
}

/** `[######............] 1,234 / 10,000` */
export function bar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(done / total, 1);
  const filled = Math.round(share * WIDTH);
  const counts = `${done.toLocaleString('en-US')} / ${total.toLocaleString('en-US')}`;
  return `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${counts}`;
}
