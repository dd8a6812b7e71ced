import { assert, type Clock, migrate, openDb } from '../../base/index.ts';
import { RECEIVER_MIGRATIONS } from '../store/migrations.ts';

/** A table as both databases have it. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns of its primary key, in order. */
  readonly key: readonly string[];
  /** Rows are numbered as they come, so what is there of them is a beginning. */
  readonly isNumbered: boolean;
  /** Rows are seen by their team alone. */
  readonly isWalled: boolean;
}

/** What says which store this is, and what ran in it: the move sets one and leaves the other. */
const APART = ['instance', 'migrations'];

/**
 * Every table of the present schema, each behind those that it refers to. It is read from an empty store in memory, so
 * a table of a later migration is moved as well.
 */
export function tablesInOrder(clock: Clock): readonly Table[] {
  const db = openDb(':memory:', { clock });
  try {
    migrate(db, RECEIVER_MIGRATIONS, clock.now());
    const names = db
      .all<{ readonly name: string }>(
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
      )
      .map(({ name }) => name)
      .filter((name) => !APART.includes(name));
    const before = new Map(
      names.map((name) => [
        name,
        db
          .all<{ readonly table: string }>(`PRAGMA foreign_key_list(${name})`)
          .map(({ table }) => table)
          .filter((table) => table !== name),
      ]),
    );
    return inOrder(before).map((name) =>
      toTable(name, db.all<Column>(`PRAGMA table_info(${name})`)),
    );
  } finally {
    db.close();
  }
}

interface Column {
  readonly name: string;
  readonly type: string;
  /** Place in the primary key, counted from 1; 0 outside. */
  readonly pk: number;
}

function toTable(name: string, columns: readonly Column[]): Table {
  const key = columns.filter(({ pk }) => pk > 0).toSorted((one, other) => one.pk - other.pk);
  assert(key.length > 0, `${name} has a primary key`);
  const names = columns.map((column) => column.name);
  return {
    name,
    columns: names,
    key: key.map((column) => column.name),
    isNumbered: key.length === 1 && key[0]?.type === 'INTEGER',
    isWalled: names.includes('team_id') && names.includes('project_id'),
  };
}

function inOrder(before: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const ordered: string[] = [];
  while (ordered.length < before.size) {
    const next = [...before].find(
      ([name, others]) =>
        !ordered.includes(name) && others.every((other) => ordered.includes(other)),
    );
    assert(next !== undefined, 'no two tables refer to each other');
    ordered.push(next[0]);
  }
  return ordered;
}
