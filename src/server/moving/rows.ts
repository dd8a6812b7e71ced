import { createHash } from 'node:crypto';
import { IntegrityError, sha256Hex } from '../../base/index.ts';
import type { Sql, SqlParam } from '../store/driver.ts';
import type { Table } from './tables.ts';

/** Rows of one page, a few megabytes of usual events. */
const PAGE_ROWS = 250;

export type Row = Readonly<Record<string, SqlParam>>;

/** Which rows of a table: one team's where teams are kept apart, all others at once. */
export interface Part {
  readonly table: Table;
  readonly team: string | null;
}

/** Every page of a part in the order of its key, from behind `after` on. */
export async function* pagesOf(
  sql: Sql,
  { table, team }: Part,
  after: readonly SqlParam[] | null = null,
): AsyncGenerator<readonly Row[]> {
  let last = after;
  for (;;) {
    const params = [...(team === null ? [] : [team]), ...(last ?? [])];
    const rows: readonly Row[] = await sql.all<Row>(pageText(table, team, last !== null), params);
    if (rows.length > 0) yield rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE_ROWS) return;
    last = table.key.map((column) => end[column] ?? null);
  }
}

function pageText({ name, columns, key }: Table, team: string | null, isLater: boolean): string {
  const first = team === null ? 1 : 2;
  const places = key.map((_column, index) => `$${first + index}`).join(', ');
  const conditions = [
    ...(team === null ? [] : ['team_id = $1']),
    ...(isLater ? [`(${key.join(', ')}) > (${places})`] : []),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${columns.join(', ')} FROM ${name} ${where} ORDER BY ${key.join(', ')} LIMIT ${PAGE_ROWS}`;
}

/** The key of the last row of a part; null when there is none. */
export async function lastKey(
  sql: Sql,
  { table: { name, key }, team }: Part,
): Promise<readonly SqlParam[] | null> {
  const where = team === null ? '' : 'WHERE team_id = $1';
  const order = key.map((column) => `${column} DESC`).join(', ');
  const [row] = await sql.all<Row>(
    `SELECT ${key.join(', ')} FROM ${name} ${where} ORDER BY ${order} LIMIT 1`,
    team === null ? [] : [team],
  );
  return row === undefined ? null : key.map((column) => row[column] ?? null);
}

/** Writes a page; a row that is there already becomes the same as the one that is given. */
export async function writeRows(sql: Sql, table: Table, rows: readonly Row[]): Promise<void> {
  const { name, columns, key, isNumbered } = table;
  const tuples = rows.map(
    (_row, index) =>
      `(${columns.map((_column, place) => `$${index * columns.length + place + 1}`).join(', ')})`,
  );
  const changes = columns
    .filter((column) => !key.includes(column))
    .map((column) => `${column} = excluded.${column}`);
  const conflict =
    isNumbered || changes.length === 0
      ? 'DO NOTHING'
      : `(${key.join(', ')}) DO UPDATE SET ${changes.join(', ')}`;
  await sql.all(
    `INSERT INTO ${name} (${columns.join(', ')}) VALUES ${tuples.join(', ')} ON CONFLICT ${conflict}
     RETURNING 1 AS one`,
    rows.flatMap((row) => columns.map((column) => row[column] ?? null)),
  );
}

/** What a part holds: how many rows, and one hash over all of them in the order of their key. */
export interface Digest {
  readonly rows: number;
  readonly sha256: string;
}

/**
 * Reads a part whole. Bytes that a row names the hash of are hashed again.
 * @throws IntegrityError when they are not what the row says.
 */
export async function digestOf(sql: Sql, part: Part): Promise<Digest> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pagesOf(sql, part)) {
    for (const row of page) hash.update(`${JSON.stringify(factsOf(part.table, row))}\n`);
    rows += page.length;
  }
  return { rows, sha256: hash.digest('hex') };
}

function factsOf({ name, columns }: Table, row: Row): readonly (string | number | null)[] {
  return columns.map((column) => {
    const value = row[column] ?? null;
    if (!(value instanceof Uint8Array)) return value;
    const sha256 = sha256Hex(value);
    const stated = row['sha256'];
    const isErased = typeof row['erased_at'] === 'number' && value.length === 0;
    if (typeof stated === 'string' && !isErased && stated !== sha256) {
      throw new IntegrityError(`${name}: bytes that should hash to ${stated} hash to ${sha256}`);
    }
    return sha256;
  });
}
