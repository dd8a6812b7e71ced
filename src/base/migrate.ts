import { sha256Hex } from './hash.ts';
import type { Millis } from './clock.ts';
import { EXIT, messageOf, UserError } from './errors.ts';
import { DAMAGED, isDamaged, sqliteCode, type Db } from './sqlite.ts';

/** One numbered step of a schema. A step is never edited once released. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** An older program must not open a file in which this step ran. */
  readonly breaking: boolean;
}

/** Reads a migration whose head has the lines `-- owner: <room>` and `-- breaking: yes|no`. */
export function migration(number: number, name: string, sql: string): Migration {
  return { number, name, sql, breaking: /^-- breaking: yes$/m.test(sql) };
}

/**
 * Brings a database up to the last of `migrations`, all in one transaction; does nothing when it is there.
 * @throws UserError `store_newer` when a newer program made a breaking change to the file, `store_unreadable`
 * when the file is another program's, or the disk does not take the change.
 */
export function migrate(db: Db, migrations: readonly Migration[], now: Millis): void {
  const last = migrations.at(-1)?.number ?? 0;
  try {
    if (isThere(db, last)) return;
    db.tx(() => {
      // Another process may have migrated while this one waited for the lock.
      if (!isThere(db, last)) runSteps(db, migrations, now);
    });
  } catch (error) {
    if (sqliteCode(error) === '') throw error;
    throw new UserError('store_unreadable', `cannot prepare ${db.path}: ${messageOf(error)}`, {
      ...(isDamaged(error) ? DAMAGED : { remedy: 'spec-kitty sync status' }),
      cause: error,
    });
  }
}

function runSteps(db: Db, migrations: readonly Migration[], now: Millis): void {
  const from = userVersion(db);
  db.exec(LEDGER_OF_MIGRATIONS);
  for (const step of migrations.filter((each) => each.number > from)) {
    db.exec(step.sql);
    db.run(RECORD_MIGRATION, {
      number: step.number,
      name: step.name,
      sha256: sha256Hex(step.sql),
      breaking: step.breaking ? 1 : 0,
      now,
    });
    db.exec(`PRAGMA user_version = ${step.number}`);
  }
}

const LEDGER_OF_MIGRATIONS = `
  CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    breaking INTEGER NOT NULL CHECK (breaking IN (0, 1)), applied_at INTEGER NOT NULL) STRICT`;

const RECORD_MIGRATION = `
  INSERT INTO migrations (number, name, sha256, breaking, applied_at)
  VALUES (:number, :name, :sha256, :breaking, :now)`;

function userVersion(db: Db): number {
  return db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
}

/** Whether nothing is left to do, which a newer program may have done. */
function isThere(db: Db, last: number): boolean {
  const version = userVersion(db);
  if (version > last) requireCompatible(db, last);
  return version >= last;
}

function requireCompatible(db: Db, last: number): void {
  const newer = db.get<{ name: string }>(
    'SELECT name FROM migrations WHERE number > :last AND breaking = 1 ORDER BY number LIMIT 1',
    { last },
  );
  if (newer === undefined) return;
  throw new UserError('store_newer', `${db.path} was changed by a newer version (${newer.name})`, {
    remedy: 'npm install --global spec-kitty-sync@latest',
    exitCode: EXIT.refused,
  });
}
