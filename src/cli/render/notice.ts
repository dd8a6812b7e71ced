import {
  isSystemError,
  openDb,
  sqliteCode,
  UserError,
  type Db,
  type Millis,
} from '../../base/index.ts';
import type { Context } from '../io.ts';

const DAY: Millis = 86_400_000;
/** A home has as many stores as somebody has projects; a command that has nothing to do with them looks at so many. */
const MOST_STORES = 50;
// A view of the store, so that no command has to load what knows deliveries.
const OLDEST = 'SELECT min(since) AS since FROM waiting_since';

/**
 * One line on standard error, whatever the command was, when a target has lacked something for more than a day: a
 * sync that stands still must not do so in silence. A command that opened no store looks into those of the home.
 */
export function warnOfOld(context: Context): void {
  const { home, io, system } = context;
  const stores = home.openStores();
  const times = stores.length > 0 ? stores.map(oldestOf) : oldestOfHome(context);
  const waited = system.clock.now() - Math.min(...times);
  if (!(waited > DAY)) return;
  const days = Math.floor(waited / DAY);
  io.stderr.write(
    `Note: something has waited for ${days} day(s) to be delivered; \`spec-kitty sync status\` says where and why.\n`,
  );
}

function oldestOfHome({ home, system }: Context): readonly Millis[] {
  const ids = home.projectIds().slice(0, MOST_STORES);
  return ids.map((id) => {
    try {
      const db = openDb(home.paths.projectStore(id), {
        clock: system.clock,
        readonly: true,
        waitMs: 0,
      });
      const since = oldestOf(db);
      db.close();
      return since;
    } catch (error) {
      if (error instanceof UserError || isSystemError(error)) return Number.POSITIVE_INFINITY;
      throw error;
    }
  });
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
