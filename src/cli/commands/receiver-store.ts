import path from 'node:path';
import type { Store } from '../../server/index.ts';
import { textOption, type Context } from '../io.ts';

const DEFAULT_DB = 'receiver.db';

/**
 * Runs `use` with the receiver's store, a file below the working directory, and closes it whatever happens.
 * Only `serve` and a first token make a new one: a mistyped name must not look like an empty receiver.
 */
export async function withStore<T>(
  context: Context,
  use: (store: Store) => Promise<T>,
  mustExist = true,
): Promise<T> {
  const { openStore } = await import('../../server/index.ts');
  const { clock, ids, files, cwd } = context.system;
  const file = path.resolve(cwd, textOption(context.options, 'db') ?? DEFAULT_DB);
  const store = await openStore(file, { clock, ids, files, mustExist });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
