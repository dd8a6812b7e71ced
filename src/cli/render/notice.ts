import { sqliteCode, type Millis } from '../../base/index.ts';
import { oldestUndelivered } from '../../delivery/index.ts';
import type { Context } from '../io.ts';
import { STREAMS } from '../workspace.ts';

const DAY: Millis = 86_400_000;

/**
 * One line on standard error, whatever the command was, when a target has lacked something for more than a day: a
 * sync that stands still must not do so in silence.
 */
export function warnOfOld({ home, io, system }: Context): void {
  const waited = Math.max(0, ...home.openStores().map((db) => system.clock.now() - oldestOf(db)));
  if (waited <= DAY) return;
  const days = Math.floor(waited / DAY);
  io.stderr.write(
    `Note: something has waited for ${days} day(s) to be delivered; \`spec-kitty sync status\` says where and why.\n`,
  );
}

function oldestOf(db: Parameters<typeof oldestUndelivered>[0]): Millis {
  try {
    return oldestUndelivered(db, STREAMS) ?? Number.POSITIVE_INFINITY;
  } catch (error) {
    // The command has said what it could; a store that does not answer now is its business, not a notice's.
    if (sqliteCode(error) !== '') return Number.POSITIVE_INFINITY;
    throw error;
  }
}
