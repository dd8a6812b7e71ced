import path from 'node:path';
import { UserError } from '../../base/index.ts';
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
  try {
    const store = await openStore(file, { clock, ids, files, mustExist });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    throw error instanceof UserError ? withDb(context, error) : error;
  }
}

/** A command line for the same database as this one. */
export function forSameDb(context: Context, command: string): string {
  const db = textOption(context.options, 'db');
  return db === null ? command : `${command} --db ${shellWord(db)}`;
}

/** A remedy that speaks of a receiver must speak of this one. */
function withDb(context: Context, error: UserError): UserError {
  const { code, message, remedy, exitCode, details } = error;
  if (remedy === null || !NEEDS_DB.test(remedy)) return error;
  return new UserError(code, message, {
    remedy: forSameDb(context, remedy),
    exitCode,
    details,
    cause: error,
  });
}

const NEEDS_DB = /^spec-kitty receiver (?!.*--(?:db|help))/;

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
