import { assert } from '../../base/index.ts';
import type { TeamScope } from './team-scope.ts';

/** What a statement takes for its `$1 … $n`. */
export type SqlParam = string | number | Uint8Array | null;

/**
 * Runs SQL with `$1 … $n` placeholders. Answers are promises so that a database behind a socket fits the same seam.
 */
export interface Sql {
  /** Every row of one statement; one that writes says `RETURNING`. */
  all<Row>(text: string, params?: readonly SqlParam[]): Promise<readonly Row[]>;
  /**
   * One writing statement for each list of parameters, in order: how many rows each changed. The statement names
   * its `$1 … $n` once each and in order.
   */
  each(text: string, lists: readonly (readonly SqlParam[])[]): Promise<readonly number[]>;
  /**
   * Adds rows, or takes them away, by one statement that is written for one row, `… VALUES ($1, …, $n) …`; many rows go
   * at one time, so no two of them may have the same key.
   */
  insert(text: string, rows: readonly (readonly SqlParam[])[]): Promise<void>;
  /**
   * The last arrival up to which nothing can still appear: where transactions run beside each other, a number may be
   * given out before a lower one is visible. Asked before a page is read.
   */
  settled(): Promise<number>;
  /**
   * From here to the end of the transaction, no other one of this team that asks for the same name goes on: what it
   * reads before it writes stays true.
   */
  alone(name: string): Promise<void>;
  /** For many rows in one statement, where the database takes a whole column as one parameter; null where not. */
  readonly columns: ColumnSql | null;
}

/** Runs one statement over whole columns. */
export type ColumnSql = <Row>(
  text: string,
  params: readonly (SqlParam | readonly SqlParam[])[],
) => Promise<readonly Row[]>;

/** One database. A driver turns every failure of the storage into `StoreUnavailable`. */
export interface Driver extends Sql {
  /**
   * The same database as one team may see it. On PostgreSQL this is a second wall: without it, and without the
   * team's own condition in a statement, no row of what teams own is there.
   */
  of(team: TeamScope): Driver;
  /**
   * Looks at how much there is now, after much was written at once: until a planner knows, it may read whole tables where
   * a key would do.
   */
  measure(): Promise<void>;
  /** Transactions it works on at one time; with one it does so on the thread that asks. */
  readonly writers: number;
  /** Goes on numbering the rows of a table behind `last`, which another store gave out. */
  numberFrom(table: string, column: string, last: number): Promise<void>;
  /**
   * Runs `work` as one durable transaction: all of it is stored when this resolves, nothing when it rejects.
   * Transactions without a team, which are about who somebody is, take turns.
   */
  tx<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What one database calls the things whose names differ; migrations leave holes for them. */
export interface Dialect {
  /** A row number that is never given twice, as primary key. */
  readonly serial: string;
  /** 64-bit integers. */
  readonly integer: string;
  readonly blob: string;
  /** Text that is compared byte by byte, as ids and paths are. */
  readonly text: string;
  /** What follows a table's closing parenthesis. */
  readonly strict: string;
  /** The same for a table that may be spread over machines by its `project_id`. */
  readonly byProject: string;
  /** Statements after which the rows of a table are neither changed nor removed. */
  readonly appendOnly: (table: string) => string;
}

/** A statement for one row, made one for `count` rows. */
export function forRows(text: string, count: number): string {
  const [, tuple = ''] = /VALUES (\([$\d, ]+\))/.exec(text) ?? [];
  assert(tuple !== '', 'a statement for rows says VALUES ($1, …)');
  const width = tuple.split(',').length;
  const next = (row: number): string =>
    tuple.replaceAll(/\d+/g, (number) => String(row * width + Number(number)));
  return text.replace(tuple, () => Array.from({ length: count }, (_, row) => next(row)).join(', '));
}

/** The storage cannot do it now: full, locked, read-only, gone. The sender may try again later. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** A text as every database keeps it: PostgreSQL has no NUL. What came stays in the event's bytes. */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u{fffd}') : text;
}
