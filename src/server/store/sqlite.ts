import { assert, type Db, messageOf, sqliteCode, UserError } from '../../base/index.ts';
import {
  type Dialect,
  type Driver,
  forRows,
  type Sql,
  type SqlParam,
  storable,
  StoreUnavailable,
} from './driver.ts';

type Bound = Record<string, SqlParam>;

/** AUTOINCREMENT: a reader's cursor must not meet the number of a removed row again. */
export const sqliteDialect: Dialect = {
  serial: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  integer: 'INTEGER',
  blob: 'BLOB',
  text: 'TEXT',
  strict: ' STRICT',
  byProject: ' STRICT',
  appendOnly: (table) =>
    ['UPDATE', 'DELETE']
      .map(
        (verb) => `CREATE TRIGGER ${table}_no_${verb.toLowerCase()} BEFORE ${verb} ON ${table}
BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END;`,
      )
      .join('\n'),
};

/**
 * The driver over one SQLite connection. Transactions take turns: while one is open no other statement of this
 * process may slip into it.
 */
export function sqliteDriver(db: Db): Driver {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };
  const sql = sqlOf(db);
  const driver: Driver = {
    of: () => driver,
    writers: 1,
    // Its planner takes our keys without knowing how much there is.
    measure: () => Promise.resolve(),
    // A row that says its own number moves the count by itself.
    numberFrom: () => Promise.resolve(),
    settled: () => sql.settled(),
    alone: (name) => sql.alone(name),
    columns: null,
    all: (text, params) => inTurn(() => sql.all(text, params)),
    each: (text, lists) => inTurn(() => sql.each(text, lists)),
    insert: (text, rows) => inTurn(() => sql.insert(text, rows)),
    tx: (work) => inTurn(() => transact(db, sql, work)),
    close: () =>
      inTurn(async () => {
        db.close();
      }),
  };
  return driver;
}

/** Rows of one statement: more of them gain little, and a statement of another length is prepared anew. */
const ROWS_AT_ONCE = 50;

function sqlOf(db: Db): Sql {
  const sql: Sql = {
    columns: null,
    // Writers take turns, so numbers become visible in their order.
    settled: async () => Number.MAX_SAFE_INTEGER,
    alone: () => Promise.resolve(),
    all: async <Row>(text: string, params: readonly SqlParam[] = []) =>
      guarded(() => db.all<Row>(text, bind(params))),
    each: async (text, lists) =>
      guarded(() => {
        // By position: looking up each name of each row costs a fifth of the insert.
        let last = 0;
        const statement = text.replaceAll(/\$(\d+)/g, (_name, number: string) => {
          assert(Number(number) === last + 1, 'a statement for many rows names $1 … $n in order');
          last += 1;
          return '?';
        });
        return lists.map((params) => db.run(statement, params.map(toStored)).changes);
      }),
    insert: async (text, rows) => {
      const rest = rows.length - (rows.length % ROWS_AT_ONCE);
      const many: (readonly SqlParam[])[] = [];
      for (let from = 0; from < rest; from += ROWS_AT_ONCE) {
        many.push(rows.slice(from, from + ROWS_AT_ONCE).flat());
      }
      if (many.length > 0) await sql.each(forRows(text, ROWS_AT_ONCE), many);
      await sql.each(text, rows.slice(rest));
    },
  };
  return sql;
}

async function transact<T>(db: Db, sql: Sql, work: (sql: Sql) => Promise<T>): Promise<T> {
  guarded(() => db.run('BEGIN IMMEDIATE'));
  try {
    const value = await work(sql);
    guarded(() => db.run('COMMIT'));
    return value;
  } catch (error) {
    // SQLite has already rolled back after some failures, a full disk among them.
    if (db.inTransaction) guarded(() => db.run('ROLLBACK'));
    throw error;
  }
}

/** SQLite names a `$1` parameter "1". */
function bind(params: readonly SqlParam[]): Bound {
  const bound: Bound = {};
  let number = 1;
  for (const value of params) {
    bound[number] = toStored(value);
    number += 1;
  }
  return bound;
}

function toStored(value: SqlParam): SqlParam {
  return typeof value === 'string' ? storable(value) : value;
}

function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!isStorageFailure(error)) throw error;
    throw new StoreUnavailable(messageOf(error), { cause: error });
  }
}

/** A violated constraint or a wrong statement is our own bug and stays what it is. */
function isStorageFailure(error: unknown): boolean {
  if (error instanceof UserError) return error.code === 'busy';
  const code = sqliteCode(error);
  return code !== '' && !/^SQLITE_(?:ERROR|CONSTRAINT|MISMATCH|MISUSE|RANGE)/.test(code);
}
