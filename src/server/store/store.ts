import path from 'node:path';
import {
  type Clock,
  type Files,
  type Ids,
  IntegrityError,
  messageOf,
  migrate,
  type Migration,
  migration,
  openDb,
  UserError,
} from '../../base/index.ts';
import type { Dialect, Driver } from './driver.ts';
import receiver0001 from './sql/0001-receiver.sql';
import receiver0002 from './sql/0002-artifacts.sql';
import receiver0003 from './sql/0003-identity.sql';
import { sqliteDriver, sqliteDialect } from './sqlite.ts';

/** The schema of the receiver's store, in order, in the words of SQLite. */
export const RECEIVER_MIGRATIONS: readonly Migration[] = [
  migration(1, 'receiver', inDialect(receiver0001, sqliteDialect)),
  migration(2, 'artifacts', inDialect(receiver0002, sqliteDialect)),
  migration(3, 'identity', inDialect(receiver0003, sqliteDialect)),
];

/** How long a statement waits for another process; the thread waits with it, so it is short. */
const WAIT_MS = 500;
const PRIVATE_FILE = 0o600;

/** The team of everything until there are teams. */
export const LOCAL_TEAM = 'local';

/** The receiver's memory. Who opened it closes it. */
export interface Store {
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

/**
 * Opens the SQLite store at `file`, makes it (readable by its owner alone) when it is absent, and brings its
 * schema up to date. A transaction is flushed to the disk before it counts as done.
 * @throws UserError `not_found`, `store_unreadable`, `store_newer`, `sqlite_too_old`, `driver_missing`, `busy`.
 */
export async function openStore(file: string, options: StoreOptions): Promise<Store> {
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

function inDialect(sql: string, dialect: Dialect): string {
  return sql
    .replaceAll('{{serial}}', dialect.serial)
    .replaceAll('{{integer}}', dialect.integer)
    .replaceAll('{{blob}}', dialect.blob)
    .replaceAll('{{strict}}', dialect.strict)
    .replaceAll(/\{\{append_only (\w+)\}\}/g, (_hole, table: string) => dialect.appendOnly(table));
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

const MAKE_INSTANCE = `
  INSERT INTO instance (one, server_instance_id, created_at) VALUES (1, $1, $2)
  ON CONFLICT (one) DO NOTHING RETURNING server_instance_id`;
const READ_INSTANCE = 'SELECT server_instance_id FROM instance';

async function instanceOf(driver: Driver, { ids, clock }: StoreOptions): Promise<string> {
  type Row = { readonly server_instance_id: string };
  const [found] = await driver.all<Row>(READ_INSTANCE);
  if (found !== undefined) return found.server_instance_id;
  await driver.all<Row>(MAKE_INSTANCE, [ids.uuid(), clock.now()]);
  const [made] = await driver.all<Row>(READ_INSTANCE);
  if (made === undefined) throw new IntegrityError('the receiver has no instance id');
  return made.server_instance_id;
}
