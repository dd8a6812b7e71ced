import { dirname } from 'node:path';
import type DatabaseConstructor from 'better-sqlite3';
import { assert } from './assert.ts';
import type { Clock, Millis } from './clock.ts';
import { driverMissing, isAddonMissing, loadDriver } from './driver.ts';
import { EXIT, messageOf, UserError } from './errors.ts';
import { quoted } from './text.ts';

export type SqlValue = string | number | bigint | Uint8Array | null;
/** Named values; a list for `?` in the few statements that run once per item. */
export type SqlParams = Readonly<Record<string, SqlValue>> | readonly SqlValue[];

/** SQLite below this version can corrupt a WAL database under concurrent checkpoints (sqlite.org/wal.html). */
const VERSION_FLOOR = [3, 51, 3] as const;
const DEFAULT_WAIT_MS = 5_000;
/** Retries follow each other more slowly the longer a wait lasts: many who wait must not use up the machine. */
const SHORTEST_PAUSE_MS = 0.5;
const LONGEST_PAUSE_MS = 2;
const PAUSE_PER_WAITED_MS = 1 / 16;

export interface OpenOptions {
  readonly clock: Clock;
  /** Opens an existing file without the right to write. */
  readonly readonly?: boolean;
  /** How long a statement may wait for another connection's lock before `busy` is thrown. */
  readonly waitMs?: Millis;
}

/** A transaction that its owner ends. */
export interface Open {
  commit(): void;
  /** Does nothing when SQLite has given the transaction up already. */
  rollback(): void;
}

type Native = InstanceType<typeof DatabaseConstructor>;
type Statement = DatabaseConstructor.Statement<[SqlParams?]>;

/**
 * One connection with the guarantees of the product: WAL, a flush for every commit, foreign keys, no trust in
 * the schema of a file, waiting by short retries (SQLite's own busy handler starves writers).
 */
export class Db {
  readonly path: string;
  readonly #native: Native;
  readonly #clock: Clock;
  readonly #statements = new Map<string, Statement>();
  #waitMs: Millis;

  constructor(path: string, native: Native, clock: Clock, waitMs: Millis) {
    this.path = path;
    this.#native = native;
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** The first row, or undefined. `T` states the row's shape; STRICT tables keep it true. */
  get<T>(sql: string, params?: SqlParams): T | undefined {
    return this.#retry(() => this.#bound(sql, 'get', params)) as T | undefined;
  }

  /** Every row, in the statement's order. */
  all<T>(sql: string, params?: SqlParams): T[] {
    return this.#retry(() => this.#bound(sql, 'all', params)) as T[];
  }

  /** Runs one statement and says how many rows it changed. */
  run(sql: string, params?: SqlParams): { readonly changes: number; readonly rowid: number } {
    const done = this.#retry(() => this.#bound(sql, 'run', params)) as {
      changes: number;
      lastInsertRowid: number | bigint;
    };
    return { changes: done.changes, rowid: Number(done.lastInsertRowid) };
  }

  /** Rows one by one, for results that should not be held in memory; nothing else may run meanwhile. */
  *each<T>(sql: string, params?: SqlParams): Generator<T> {
    const statement = this.#prepared(sql);
    const rows = params === undefined ? statement.iterate() : statement.iterate(params);
    for (const row of rows) yield row as T;
  }

  /** Runs several statements without parameters: migrations and tests. */
  exec(sql: string): void {
    this.#retry(() => this.#native.exec(sql));
  }

  /**
   * Runs `work` as one write transaction (BEGIN IMMEDIATE) and commits it durably; inside another it joins that
   * one, so a failure must be let through. A promise is refused: no transaction is open across the network.
   * @throws UserError `busy` when the lock cannot be had in time; whatever `work` throws, after the rollback.
   */
  tx<T>(work: () => T): T {
    if (this.#native.inTransaction) return synchronous(work());
    this.run('BEGIN IMMEDIATE');
    return this.#finish(work);
  }

  /**
   * Begins a write transaction that the caller ends, for work that goes through several databases at once. `tx`
   * joins it.
   * @throws UserError `busy` when the lock cannot be had in time.
   */
  begin(): Open {
    this.run('BEGIN IMMEDIATE');
    return {
      commit: () => {
        this.run('COMMIT');
      },
      rollback: () => {
        if (this.#native.inTransaction) this.#native.exec('ROLLBACK');
      },
    };
  }

  /** Runs `work` on one unchanging snapshot of the database. */
  snapshot<T>(work: () => T): T {
    if (this.#native.inTransaction) return synchronous(work());
    this.run('BEGIN');
    return this.#finish(work);
  }

  get inTransaction(): boolean {
    return this.#native.inTransaction;
  }

  /** Changes whenever another connection committed (sqlite.org/pragma.html#pragma_data_version). */
  dataVersion(): number {
    return this.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? 0;
  }

  /** Sets how long later statements wait for a lock; without a number, as long as nobody says otherwise. */
  waitAtMost(ms: Millis = DEFAULT_WAIT_MS): void {
    this.#waitMs = ms;
  }

  close(): void {
    this.#statements.clear();
    this.#native.close();
  }

  #finish<T>(work: () => T): T {
    try {
      const value = synchronous(work());
      this.run('COMMIT');
      return value;
    } catch (error) {
      if (this.#native.inTransaction) this.#native.exec('ROLLBACK');
      throw error;
    }
  }

  #bound(sql: string, how: 'get' | 'all' | 'run', params: SqlParams | undefined): unknown {
    const statement = this.#prepared(sql);
    return params === undefined ? statement[how]() : statement[how](params);
  }

  #prepared(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#native.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #retry<T>(attempt: () => T): T {
    // Whoever is inside a write transaction holds the lock already.
    if (this.#native.inTransaction) return attempt();
    return retryBusy(this.#clock, this.#waitMs, this.path, attempt);
  }
}

/**
 * Opens (and creates, unless `readonly`) the database at `path`; `:memory:` is a private one.
 * @throws UserError `sqlite_too_old`, `store_unreadable` (not a database, no permission, directory), `busy`.
 */
export function openDb(path: string, options: OpenOptions): Db {
  const Driver = loadDriver();
  const waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
  const readonly = options.readonly ?? false;
  let native: Native | undefined;
  try {
    native = new Driver(path, { readonly, fileMustExist: readonly, timeout: 0 });
    const opened = native;
    retryBusy(options.clock, waitMs, path, () => {
      prepareConnection(opened, readonly);
    });
    return new Db(path, opened, options.clock, waitMs);
  } catch (error) {
    native?.close();
    if (error instanceof UserError) throw error;
    if (isAddonMissing(error)) throw driverMissing(messageOf(error));
    throw new UserError('store_unreadable', `cannot open ${path}: ${messageOf(error)}`, {
      ...(isDamaged(error) ? DAMAGED : { remedy: openingCommand(error, path) }),
      cause: error,
    });
  }
}

const DENIED = /^SQLITE_(?:CANTOPEN|READONLY|PERM)/;

/** Whoever may not open a file of the home has to be allowed to; anything else is worth another look. */
function openingCommand(error: unknown, file: string): string {
  if (!DENIED.test(sqliteCode(error))) return 'spec-kitty sync status';
  return `chmod -R u+rwX ${quoted(dirname(file))}`;
}

function synchronous<T>(value: T): T {
  assert(!(value instanceof Promise), 'a transaction is a synchronous callback');
  return value;
}

/** True for an error that says "another connection holds the lock". */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error).startsWith('SQLITE_BUSY');
}

/** What is said of a file that is no database, or whose pages contradict each other. */
export const DAMAGED = {
  remedy: 'spec-kitty sync verify --repair',
  exitCode: EXIT.integrity,
} as const;

/** True for SQLite's word that a file is no database or was damaged, also where it is the cause of another error. */
export function isDamaged(error: unknown): boolean {
  if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(sqliteCode(error))) return true;
  return error instanceof Error && error.cause !== undefined && isDamaged(error.cause);
}

/** SQLite's own error code (`SQLITE_CONSTRAINT_UNIQUE` …), or an empty text for other errors. */
export function sqliteCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_') ? error.code : '';
}

function prepareConnection(native: Native, readonly: boolean): void {
  requireSqlite(String(native.prepare('SELECT sqlite_version()').pluck().get()));
  // Asking reads the first page, which is when SQLite notices that a file is no database.
  const journalMode = native.pragma('journal_mode', { simple: true });
  // Both settings stay in the file. Making them again would cost a locked and flushed write with every opening.
  if (!readonly && journalMode !== 'wal') {
    // Only a file without tables takes auto_vacuum, so it stands before anything that writes a page.
    native.pragma('auto_vacuum = INCREMENTAL');
    native.pragma('journal_mode = WAL');
  }
  // The driver's default in WAL is NORMAL, which loses acknowledged rows on power loss.
  native.pragma('synchronous = FULL');
  native.pragma('foreign_keys = ON');
  native.pragma('trusted_schema = OFF');
}

/**
 * Refuses a SQLite that can corrupt a shared database.
 * @throws UserError `sqlite_too_old`.
 */
export function requireSqlite(version: string): void {
  const parts = version.split('.').map(Number);
  for (const [index, floor] of VERSION_FLOOR.entries()) {
    const part = parts[index] ?? 0;
    if (part > floor) return;
    if (part < floor) {
      throw new UserError(
        'sqlite_too_old',
        `SQLite ${version} can corrupt a shared database; ${VERSION_FLOOR.join('.')} or newer is needed`,
        { remedy: 'npm install --include=optional' },
      );
    }
  }
}

function retryBusy<T>(clock: Clock, waitMs: Millis, path: string, attempt: () => T): T {
  const began = clock.monotonic();
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waited = clock.monotonic() - began;
      if (waited >= waitMs) {
        throw new UserError('busy', `${path} is locked by another process (waited ${waitMs} ms)`, {
          remedy: 'spec-kitty sync status',
          cause: error,
        });
      }
      const pause = Math.max(SHORTEST_PAUSE_MS, waited * PAUSE_PER_WAITED_MS);
      clock.pause(Math.min(pause, LONGEST_PAUSE_MS, waitMs - waited));
    }
  }
}
