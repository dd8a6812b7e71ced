import { type Clock, EXIT, UserError } from '../../base/index.ts';
import { note } from '../identity/administration.ts';
import { moveStore } from '../moving/move.ts';
import { renewInstance } from '../store/instance.ts';
import { isPostgres, openStore, type Store, type StoreOptions } from '../store/store.ts';

const HELP = { remedy: 'spec-kitty receiver backup --help', exitCode: EXIT.refused };

/**
 * Writes everything a file's store holds at this moment into a new file, while it goes on taking events.
 * @throws UserError `usage` for a PostgreSQL, whose own tools do that, and for a file that is there already.
 */
export async function backUp(store: Store, file: string, { files }: StoreOptions): Promise<void> {
  if (store.driver.columns !== null) {
    throw new UserError('usage', `${store.path} is a PostgreSQL: back it up with pg_dump`, HELP);
  }
  requireAbsent(file, { files });
  // Made before SQLite does, because it holds secrets from its first byte; an empty file is as good as none.
  files.append(file, '', 0o600);
  await store.driver.each('VACUUM INTO $1', [[file]]);
}

function requireAbsent(file: string, { files }: Pick<StoreOptions, 'files'>): void {
  if (files.stat(file) === null) return;
  throw new UserError('usage', `${file} is there already, and is not overwritten`, HELP);
}

/** Which receiver a store was, and is now. */
export interface Restored {
  readonly from: string;
  readonly instanceId: string;
}

/**
 * Fills an empty store from a backup, or takes the present one for what was restored by other means when `backup` is
 * null. Either way it becomes another receiver: what arrived since the backup is gone, and its clients must learn that.
 * @throws UserError `not_found`, `usage` for a store that is in use, `store_unreadable`.
 */
export async function restore(
  backup: string | null,
  address: string,
  options: StoreOptions,
): Promise<Restored> {
  if (backup !== null) await refill(backup, address, options);
  const store = await openStore(address, { ...options, mustExist: true });
  try {
    const instanceId = await store.driver.tx(async (sql) => {
      const renewed = await renewInstance(sql, options);
      await note(options, sql, ['store.restored', `${store.instanceId} is now ${renewed}`, null]);
      return renewed;
    });
    return { from: store.instanceId, instanceId };
  } finally {
    await store.close();
  }
}

async function refill(
  backup: string,
  address: string,
  options: StoreOptions & { readonly clock: Clock },
): Promise<void> {
  if (!isPostgres(address)) requireAbsent(address, options);
  const source = await openStore(backup, { ...options, mustExist: true });
  try {
    if (!isPostgres(address)) return await backUp(source, address, options);
    const target = await openStore(address, options);
    try {
      await moveStore(source, target, options.clock);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
