import { expect, test } from 'vitest';
import { migrate, openDb, systemClock, type Migration } from '../src/base/index.ts';
import {
  MACHINE_MIGRATIONS,
  PROJECT_MIGRATIONS,
  UNASSIGNED_MIGRATIONS,
} from '../src/home/migrations.ts';
import { RECEIVER_MIGRATIONS } from '../src/server/store/migrations.ts';

// What the migrations add up to, for people to read and for reviewers to see change. After a new migration:
// npm run schema
const STORES: readonly (readonly [string, readonly Migration[]])[] = [
  ['One project: <home>/projects/<project uuid>.db', PROJECT_MIGRATIONS],
  ['This machine: <home>/machine.db', MACHINE_MIGRATIONS],
  ['What belongs to no project: <home>/unassigned.db', UNASSIGNED_MIGRATIONS],
  ['A receiver', RECEIVER_MIGRATIONS],
];

test('docs/schema.sql is what the migrations add up to', async () => {
  const parts = STORES.map(([title, migrations]) => `-- ${title}\n\n${dump(migrations)}\n`);
  await expect(parts.join('\n\n')).toMatchFileSnapshot('../docs/schema.sql');
});

test.each(STORES)('%s: steps stand in the order of their numbers', (_, migrations) => {
  const numbers = migrations.map(({ number }) => number);
  expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
});

function dump(migrations: readonly Migration[]): string {
  const db = openDb(':memory:', { clock: systemClock() });
  try {
    migrate(db, migrations, 0);
    const rows = db.all<{ sql: string }>(
      `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL
       ORDER BY tbl_name, type <> 'table', type, name`,
    );
    return rows.map(({ sql }) => `${sql};`).join('\n\n');
  } finally {
    db.close();
  }
}
