import path from 'node:path';
import { systemRandom, UserError } from '../../base/index.ts';
import type { Identity, Store } from '../../server/index.ts';
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

/** The same for who administers it; only adding a first user makes a new store. */
export async function withIdentity<T>(
  context: Context,
  use: (identity: Identity) => Promise<T>,
  mustExist = true,
): Promise<T> {
  const { clock, ids } = context.system;
  return withStore(context, (store) => use({ store, clock, ids, random: systemRandom }), mustExist);
}

const DEFAULT_URL = 'http://127.0.0.1:8765';

/** The address of a page of the receiver, as `--url` names it. */
export function linkTo(context: Context, page: string): string {
  const url = textOption(context.options, 'url') ?? DEFAULT_URL;
  return `${url.replace(/\/+$/, '')}${page}`;
}

/** A moment for people and machines. */
export function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
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
