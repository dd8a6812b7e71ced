import path from 'node:path';
import { EXIT, quoted, systemRandom, UserError } from '../../base/index.ts';
import type { Identity, Store } from '../../server/index.ts';
import { textOption, type Context } from '../io.ts';

const DEFAULT_DB = 'receiver.db';

/**
 * Runs `use` with the receiver's store, a file below the working directory or a PostgreSQL, and closes it whatever
 * happens.
 * Only `serve` and a first token make a new one: a mistyped name must not look like an empty receiver.
 */
export async function withStore<T>(
  context: Context,
  use: (store: Store) => Promise<T>,
  mustExist = true,
): Promise<T> {
  const { openStore } = await import('../../server/index.ts');
  const { clock, ids, files } = context.system;
  try {
    const address = await addressOf(context, textOption(context.options, 'db') ?? DEFAULT_DB);
    const store = await openStore(address, { clock, ids, files, mustExist });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    throw error instanceof UserError ? withDb(context, error) : error;
  }
}

/**
 * A store as it was named, to be opened.
 * @throws UserError `credential_on_command_line`: everybody on the machine reads a command line.
 */
export async function addressOf(context: Context, named: string): Promise<string> {
  const { isPostgres } = await import('../../server/index.ts');
  if (!isPostgres(named)) return path.resolve(context.system.cwd, named);
  if (!HAS_PASSWORD.test(named)) return named;
  throw new UserError(
    'credential_on_command_line',
    'a password in --db can be read by everybody on this machine: leave it out and set PGPASSWORD, or use ~/.pgpass',
    { remedy: 'spec-kitty receiver serve --help', exitCode: EXIT.refused },
  );
}

const HAS_PASSWORD = /^\w+:\/\/[^/?#]*:[^/?#]*@|[?&](?:ssl)?password=/i;

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
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quoted(text);
}
