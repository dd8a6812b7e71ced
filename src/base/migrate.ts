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
 * Runs those of `migrations` that the database has not seen, all in one transaction; does nothing when there is none. What
 * ran is known by number, not by how far the numbers reached: branches land in another order than they were begun.
 * @throws UserError `store_newer` when a newer program made a breaking change to the file, `store_unreadable`
 * when the file is another program's, or the disk does not take the change.
 */
export function migrate(db: Db, migrations: readonly Migration[], now: Millis): void {
  try {
    if (missingSteps(db, migrations).length === 0) return;
    db.tx(() => {
      // Another process may have migrated while this one waited for the lock.
      runSteps(db, missingSteps(db, migrations), now);
    });
  } catch (error) {
    if (sqliteCode(error) === '') throw error;
    throw new UserError('store_unreadable', `cannot prepare ${db.path}: ${messageOf(error)}`, {
      ...(isDamaged(error) ? DAMAGED : { remedy: 'spec-kitty sync status' }),
      cause: error,
    });
  }
}

function runSteps(db: Db, steps: readonly Migration[], now: Millis): void {
  if (steps.length === 0) return;
  db.exec(LEDGER_OF_MIGRATIONS);
  for (const step of steps) {
    db.exec(step.sql);
    db.run(RECORD_MIGRATION, {
      number: step.number,
      name: step.name,
      sha256: sha256Hex(step.sql),
      breaking: step.breaking ? 1 : 0,
      now,
    });
  }
  const reached = Math.max(userVersion(db), ...steps.map(({ number }) => number));
  db.exec(`PRAGMA user_version = ${reached}`);
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

function missingSteps(db: Db, migrations: readonly Migration[]): readonly Migration[] {
  if (userVersion(db) === 0) return migrations;
  const ran = db.all<RanStep>('SELECT number, name, breaking FROM migrations');
  return stepsAfter(ran, migrations, db.path);
}

/** A step as a database remembers it. */
export interface RanStep {
  readonly number: number;
  readonly name: string;
  readonly breaking: number;
}

/**
 * Those of `migrations` that did not run in the store at `where`. What a newer program ran there is no concern where this
 * one can live with it.
 * @throws UserError `store_newer` where it cannot.
 */
export function stepsAfter(
  ran: readonly RanStep[],
  migrations: readonly Migration[],
  where: string,
): readonly Migration[] {
  const known = new Set(migrations.map(({ number }) => number));
  const newer = ran.find((step) => step.breaking === 1 && !known.has(step.number));
  if (newer !== undefined) {
    throw new UserError('store_newer', `${where} was changed by a newer version (${newer.name})`, {
      remedy: 'npm install --global spec-kitty-sync@latest',
      exitCode: EXIT.refused,
    });
  }
  const done = new Set(ran.map(({ number }) => number));
  return migrations.filter(({ number }) => !done.has(number));
}
