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
}

/** One database. A driver turns every failure of the storage into `StoreUnavailable`. */
export interface Driver extends Sql {
  /** Runs `work` as one durable transaction: all of it is stored when this resolves, nothing when it rejects. */
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
  /** What follows a table's closing parenthesis. */
  readonly strict: string;
  /** Statements after which the rows of a table are neither changed nor removed. */
  readonly appendOnly: (table: string) => string;
}

/** The storage cannot do it now: full, locked, read-only, gone. The sender may try again later. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
