import { sqliteCode, type Db, type Millis } from '../../base/index.ts';
import type { Context } from '../io.ts';

const DAY: Millis = 86_400_000;
// A view of the store, so that no command has to load what knows deliveries.
const OLDEST = 'SELECT min(since) AS since FROM waiting_since';

/**
 * One line on standard error, whatever the command was, when a target has lacked something for more than a day: a
 * sync that stands still must not do so in silence.
 */
export function warnOfOld({ home, io, system }: Context): void {
  const since = Math.min(...home.openStores().map(oldestOf));
  const waited = system.clock.now() - since;
  if (!(waited > DAY)) return;
  const days = Math.floor(waited / DAY);
  io.stderr.write(
    `Note: something has waited for ${days} day(s) to be delivered; \`spec-kitty sync status\` says where and why.\n`,
  );
}

function oldestOf(db: Db): Millis {
  try {
    return db.get<{ since: number | null }>(OLDEST)?.since ?? Number.POSITIVE_INFINITY;
  } catch (error) {
    // The command has said what it could; a store that does not answer now is its business, not a notice's.
    if (sqliteCode(error) !== '') return Number.POSITIVE_INFINITY;
    throw error;
  }
}
