import { type Migration, migration } from '../../base/index.ts';
import type { Dialect, Sql } from './driver.ts';
import receiver0001 from './sql/0001-receiver.sql';
import receiver0002 from './sql/0002-artifacts.sql';
import receiver0003 from './sql/0003-identity.sql';
import receiver0010 from './sql/0010-snapshots.sql';
import receiver0012 from './sql/0012-views.sql';
import receiver0013 from './sql/0013-operations.sql';
import receiver0014 from './sql/0014-dossiers.sql';
import receiver0015 from './sql/0015-ingest-health.sql';
import receiver0016 from './sql/0016-event-index.sql';
import receiver0017 from './sql/0017-people.sql';
import { sqliteDialect } from './sqlite.ts';

const STEPS = [
  [1, 'receiver', receiver0001],
  [2, 'artifacts', receiver0002],
  [3, 'identity', receiver0003],
  [10, 'snapshots', receiver0010],
  [12, 'views', receiver0012],
  [13, 'operations', receiver0013],
  [14, 'dossiers', receiver0014],
  [15, 'ingest-health', receiver0015],
  [16, 'event-index', receiver0016],
  [17, 'people', receiver0017],
] as const;

/** The schema of the receiver's store, in order, in the words of one database. */
export function receiverMigrations(dialect: Dialect): readonly Migration[] {
  return STEPS.map(([number, name, sql]) => migration(number, name, inDialect(sql, dialect)));
}

/** The same in the words of SQLite. */
export const RECEIVER_MIGRATIONS: readonly Migration[] = receiverMigrations(sqliteDialect);

/** Whether the store has every step that this program knows. */
export async function schemaReached(sql: Sql): Promise<boolean> {
  const rows = await sql.all<{ readonly number: number }>('SELECT number FROM migrations');
  const ran = new Set(rows.map(({ number }) => number));
  return STEPS.every(([number]) => ran.has(number));
}

function inDialect(sql: string, dialect: Dialect): string {
  return sql
    .replaceAll(/\bTEXT\b/g, dialect.text)
    .replaceAll('{{serial}}', dialect.serial)
    .replaceAll('{{integer}}', dialect.integer)
    .replaceAll('{{blob}}', dialect.blob)
    .replaceAll('{{by_project}}', dialect.byProject)
    .replaceAll('{{strict}}', dialect.strict)
    .replaceAll(/\{\{append_only (\w+)\}\}/g, (_hole, table: string) => dialect.appendOnly(table));
}
