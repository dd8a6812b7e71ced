import path from 'node:path';
import {
  type Clock,
  type Files,
  type Ids,
  messageOf,
  migrate,
  openDb,
  UserError,
} from '../../base/index.ts';
import { instanceOf } from './instance.ts';
import type { Driver } from './driver.ts';
import { RECEIVER_MIGRATIONS } from './migrations.ts';
import { sqliteDriver } from './sqlite.ts';

/** How long a statement waits for another process; the thread waits with it, so it is short. */
const WAIT_MS = 500;
const PRIVATE_FILE = 0o600;

/** The team of everything until there are teams. */
export const LOCAL_TEAM = 'local';

/** The receiver's memory. Who opened it closes it. */
export interface Store {
  /** The file, or the address without its password. */
  readonly path: string;
  /** Made with the store: another store under the same address is another receiver. */
  readonly instanceId: string;
  readonly driver: Driver;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly files: Files;
  /** Refuse a file that is not there instead of making it; false when absent. */
  readonly mustExist?: boolean;
}

/** Whether an address is a PostgreSQL's and not a file's. */
export function isPostgres(address: string): boolean {
  return /^postgres(?:ql)?:\/\//i.test(address);
}

/**
 * Opens the store at `address`, a file or `postgres://…`, makes it when it is absent, and brings its schema up to
 * date. A file is readable by its owner alone. A transaction is flushed to the disk before it counts as done.
 * @throws UserError `not_found`, `store_unreadable`, `store_newer`, `sqlite_too_old`, `driver_missing`, `busy`.
 */
export async function openStore(address: string, options: StoreOptions): Promise<Store> {
  if (!isPostgres(address)) return openFile(address, options);
  const { openPostgres } = await import('./postgres/open.ts');
  return openPostgres(address, options);
}

async function openFile(file: string, options: StoreOptions): Promise<Store> {
  if (file !== ':memory:') prepareFile(file, options);
  const db = openDb(file, { clock: options.clock, waitMs: WAIT_MS });
  const driver = sqliteDriver(db);
  try {
    migrate(db, RECEIVER_MIGRATIONS, options.clock.now());
    const instanceId = await instanceOf(driver, options);
    return { path: file, instanceId, driver, close: () => driver.close() };
  } catch (error) {
    await driver.close();
    throw error;
  }
}

function prepareFile(file: string, { files, mustExist = false }: StoreOptions): void {
  try {
    if (files.stat(file) !== null) return;
    if (mustExist) throw new UserError('not_found', `no receiver's store is at ${file}`, NO_STORE);
    files.makeDir(path.dirname(path.resolve(file)));
    // SQLite gives its side files the mode of the database, so the mode must be right from the first byte.
    files.append(file, '', PRIVATE_FILE);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('store_unreadable', `cannot open ${file}: ${messageOf(error)}`, {
      remedy: null,
      cause: error,
    });
  }
}

const NO_STORE = { remedy: 'spec-kitty receiver serve --help' };
