import { Client, Pool } from 'pg';
import { messageOf, type Millis, UserError } from '../../../base/index.ts';
import type { Driver } from '../driver.ts';
import { instanceOf } from '../instance.ts';
import type { Store, StoreOptions } from '../store.ts';
import { postgresDriver } from './driver.ts';
import { hasSchema, migratePostgres } from './schema.ts';
import { ensureRole } from './walls.ts';

const OLDEST = 14;

/** Connections of one process; more batches than that are not at work at one time. */
const CONNECTIONS = 10;

/** How long a request waits for a free connection, and for a new one. */
const CONNECT_MS = 5_000;

/** How long one statement may take, wait for a lock, or leave its transaction idle, by the database's own clock. */
const STATEMENT_MS = 30_000;
const LOCK_MS = 10_000;
const IDLE_MS = 30_000;

/** When the database is not heard of any more at all. */
const SILENT_MS = 35_000;

/** What a pool of connections needs, all with default. */
export interface PoolLimits {
  readonly connections?: number;
  readonly connectMs?: Millis;
  readonly lockMs?: Millis;
}

/**
 * Opens the store in a PostgreSQL database, makes its tables and its role when they are absent, and brings the schema
 * up to date; any number of processes may do so at once. `PGPASSWORD`, `~/.pgpass` and the other ways of PostgreSQL's
 * own clients give the password.
 * @throws UserError `store_unreadable`, `not_found`, `store_newer`.
 */
export async function openPostgres(
  url: string,
  options: StoreOptions,
  limits: PoolLimits = {},
): Promise<Store> {
  const where = withoutSecrets(url);
  await prepare(url, where, options);
  const pool = new Pool({
    connectionString: url,
    application_name: 'spec_kitty_receiver',
    max: limits.connections ?? CONNECTIONS,
    connectionTimeoutMillis: limits.connectMs ?? CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: limits.lockMs ?? LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_MS,
    query_timeout: SILENT_MS,
    keepAlive: true,
  });
  // A connection that ends while nobody waits for it tells the pool here, and the pool makes another one.
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    client.on('error', () => {});
  });
  const driver = postgresDriver(pool);
  try {
    const instanceId = await firstWords(driver, where, options);
    return { path: where, instanceId, driver, close: () => driver.close() };
  } catch (error) {
    await driver.close();
    throw error;
  }
}

async function firstWords(driver: Driver, where: string, options: StoreOptions): Promise<string> {
  try {
    return await driver.tx((sql) => instanceOf(sql, options));
  } catch (error) {
    throw unreadable(where, error);
  }
}

async function prepare(
  url: string,
  where: string,
  { clock, mustExist = false }: StoreOptions,
): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  client.on('error', () => {});
  try {
    await client.connect();
    await requireVersion(client, where);
    if (mustExist && !(await hasSchema(client))) {
      throw new UserError('not_found', `no receiver's store is in ${where}`, {
        remedy: 'spec-kitty receiver serve --help',
      });
    }
    await ensureRole(client);
    await migratePostgres(client, where, clock.now());
  } catch (error) {
    throw unreadable(where, error);
  } finally {
    await client.end();
  }
}

async function requireVersion(client: Client, where: string): Promise<void> {
  type Row = { readonly number: string; readonly name: string };
  const { rows } = await client.query<Row>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS name`,
  );
  if (Number(rows[0]?.number) >= OLDEST * 10_000) return;
  const name = rows[0]?.name ?? 'unknown';
  throw new UserError(
    'store_unreadable',
    `${where} is PostgreSQL ${name}; the receiver needs ${OLDEST} or newer`,
    { remedy: null },
  );
}

function unreadable(where: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  return new UserError('store_unreadable', `cannot use ${where}: ${reasonOf(error)}`, {
    remedy: null,
    cause: error,
  });
}

/** Several addresses of one host fail together, and their sum says nothing by itself. */
function reasonOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [];
  return messageOf(first ?? error);
}

/** The address for people: without its password and without options, among which one may be. */
export function withoutSecrets(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.password = '';
    parsed.search = '';
    return parsed.toString();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError(
      'usage',
      'the address of a PostgreSQL is postgres://user@host:port/database',
      {
        remedy: 'spec-kitty receiver serve --help',
        cause: error,
      },
    );
  }
}
