import {
  escapeLiteral,
  type Pool,
  type PoolClient,
  type QueryResult,
  TypeOverrides,
  types,
} from 'pg';
import { assert } from '../../../base/index.ts';
import {
  type Dialect,
  type Driver,
  forRows,
  type Sql,
  type SqlParam,
  storable,
  StoreUnavailable,
} from '../driver.ts';
import { toFailure } from './failures.ts';

/** Owns no table, so that row-level security holds for it; every transaction runs under it. */
export const ROLE = 'spec_kitty_receiver';

/** Holds the team of a transaction; empty outside, where it must count as no team. */
export const TEAM_SETTING = 'spec_kitty.team';

export const postgresDialect: Dialect = {
  serial: 'BIGSERIAL',
  integer: 'BIGINT',
  blob: 'BYTEA',
  text: 'TEXT COLLATE "C"',
  strict: '',
  byProject: ' PARTITION BY HASH (project_id)',
  appendOnly: (table) => `
    CREATE FUNCTION ${table}_no_change() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION '${table} is append-only'; END $$;
    CREATE TRIGGER ${table}_no_change BEFORE UPDATE OR DELETE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION ${table}_no_change();`,
};

/** Rows of one statement, whose parameters are at most 65,535. */
const ROWS_AT_ONCE = 1_000;

/** Beside each other in one process; its pool has room for readers too. */
const WRITERS = 4;

/** Counts and times are below 2^53; the database's words for them are texts otherwise. */
const TYPES = new TypeOverrides();
for (const type of [types.builtins.INT8, types.builtins.NUMERIC]) {
  TYPES.setTypeParser(type, Number);
}

type Value = SqlParam | readonly SqlParam[];

/**
 * The driver over a pool of connections. Every statement runs in a transaction of its own or of its caller, under the
 * role without tables and with the team set for that transaction alone.
 */
export function postgresDriver(pool: Pool): Driver {
  return scoped(pool, '');
}

function scoped(pool: Pool, team: string): Driver {
  const one: Driver['tx'] = (work) => transact(pool, team, work);
  const tx: Driver['tx'] = (work) =>
    one(async (sql) => {
      if (team === '') await sql.alone(PEOPLE);
      return work(sql);
    });
  return {
    of: (wanted) => scoped(pool, wanted),
    writers: WRITERS,
    // As the login that owns the tables, which the role does not.
    measure: async () => {
      await guarded(() => pool.query('ANALYZE'));
    },
    numberFrom: async (table, column, last) => {
      await one((sql) => sql.all(NUMBER_FROM, [table, column, last]));
    },
    tx,
    all: (text, params) => one((sql) => sql.all(text, params)),
    each: (text, lists) => one((sql) => sql.each(text, lists)),
    insert: (text, rows) => one((sql) => sql.insert(text, rows)),
    settled: () => one((sql) => sql.settled()),
    columns: (text, params) => one((sql) => columnsOf(sql)(text, params)),
    alone: (name) => one((sql) => sql.alone(name)),
    close: async () => {
      if (!pool.ending) await pool.end();
    },
  };
}

function columnsOf({ columns }: Sql): NonNullable<Sql['columns']> {
  assert(columns !== null, 'this database takes columns');
  return columns;
}

async function transact<T>(pool: Pool, team: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await guarded(() => pool.connect());
  let isLost = true;
  try {
    await guarded(() => begin(client, team));
    const value = await work(sqlOf(client));
    await guarded(() => commit(client));
    isLost = false;
    return value;
  } catch (error) {
    isLost = !(await rolledBack(client));
    throw error;
  } finally {
    client.release(isLost);
  }
}

/** One round trip. `synchronous_commit` is asked each time, because an operator may turn it off at any time. */
async function begin(client: PoolClient, team: string): Promise<void> {
  const given = await client.query(
    `BEGIN; SET LOCAL ROLE ${ROLE}; SELECT set_config('${TEAM_SETTING}', ${escapeLiteral(team)}, true),
     current_setting('synchronous_commit') AS durability`,
  );
  const last: unknown = Array.isArray(given) ? given.at(-1) : given;
  if (durabilityIn(last) === 'off') {
    throw new StoreUnavailable('synchronous_commit is off: what is stored could be lost again');
  }
}

function durabilityIn(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || !('rows' in result)) return null;
  const [row] = result.rows as readonly { readonly durability?: unknown }[];
  return row?.durability ?? null;
}

/** A transaction that failed before answers COMMIT with ROLLBACK, and no error. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('COMMIT');
  if (command !== 'COMMIT') throw new StoreUnavailable('the transaction was rolled back');
}

async function rolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return false;
  }
}

function sqlOf(client: PoolClient): Sql {
  const run = (text: string, params: readonly Value[]): Promise<QueryResult> =>
    guarded(() => client.query({ text, values: params.map(toValue), types: TYPES }));
  const all = async <Row>(text: string, params: readonly Value[] = []): Promise<readonly Row[]> =>
    (await run(text, params)).rows as readonly Row[];
  return {
    all,
    columns: async <Row>(text: string, params: readonly Value[]) => {
      await run(ANNOUNCE, []);
      return all<Row>(text, params);
    },
    each: async (text, lists) => {
      const changed: number[] = [];
      for (const params of lists) changed.push((await run(text, params)).rowCount ?? 0);
      return changed;
    },
    insert: async (text, rows) => {
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        const some = rows.slice(from, from + ROWS_AT_ONCE);
        await run(forRows(text, some.length), some.flat());
      }
    },
    alone: async (name) => {
      await run(ALONE, [name]);
    },
    settled: async () => {
      const [given] = await all<{ readonly last: number }>(LAST_GIVEN);
      const [open] = await all<{ readonly lowest: number | null }>(LOWEST_OPEN);
      return Math.min(given?.last ?? 0, open?.lowest ?? Number.MAX_SAFE_INTEGER);
    },
  };
}

function toValue(value: Value): unknown {
  if (typeof value === 'string') return storable(value);
  if (!Array.isArray(value)) return value;
  return value.map((each: SqlParam) => (typeof each === 'string' ? storable(each) : each));
}

// Who is about to draw numbers of arrival says from where on, for as long as its transaction lasts, by holding a
// lock whose key is that number below this mark. Nobody ever waits for it. A reader asks first which number was given
// out last and then what is held: whoever drew one of those before holds its lock, or has ended.
const MARK = 0x534b;
/** Whom all transactions without a team wait for: a check of who is there and what follows from it belong together. */
const PEOPLE = 'people';
const ALONE = `SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || current_setting('${TEAM_SETTING}'), 0))`;
const NUMBER_FROM = 'SELECT setval(pg_get_serial_sequence($1, $2), $3)';
const LAST = 'SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM events_arrival_seq';
const ANNOUNCE = `SELECT pg_advisory_xact_lock_shared((${MARK}::bigint << 48) | (${LAST}))`;
const LAST_GIVEN = `SELECT (${LAST}) AS last`;
const LOWEST_OPEN = `
  SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) AS lowest FROM pg_locks
  WHERE locktype = 'advisory' AND classid::bigint >> 16 = ${MARK} AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

async function guarded<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toFailure(error);
  }
}
