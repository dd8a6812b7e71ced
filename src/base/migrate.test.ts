import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { childScript, startScript } from '../../test/support/child-script.ts';
import { manualClock } from '../../test/support/manual-clock.ts';
import { refusal } from '../../test/support/refusal.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { systemClock, type Clock } from './clock.ts';
import { EXIT, type UserError } from './errors.ts';
import { migrate, migration, type Migration } from './migrate.ts';
import { openDb, type Db } from './sqlite.ts';

const ONE = migration(
  1,
  'one',
  '-- owner: base\n-- breaking: no\nCREATE TABLE a (x INTEGER) STRICT;',
);
const TWO = migration(
  2,
  'two',
  '-- owner: base\n-- breaking: no\nCREATE TABLE b (x INTEGER) STRICT;',
);
const BREAKING = migration(3, 'three', '-- owner: base\n-- breaking: yes\nDROP TABLE a;');
const HARMLESS = migration(3, 'three', '-- owner: base\n-- breaking: no\nCREATE TABLE c (x) ;');

const OPENERS = 6;
const ROUNDS = 3;

function open(file: string, clock: Clock = systemClock()): Db {
  const db = openDb(file, { clock });
  onTestFinished(() => {
    db.close();
  });
  return db;
}

function fresh(): Db {
  return open(path.join(tempDir(), 'fresh.db'));
}

function tables(db: Db): readonly string[] {
  const sql = `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`;
  return db.all<{ name: string }>(sql).map((row) => row.name);
}

function history(db: Db): readonly object[] {
  return db.all('SELECT number, name, breaking, applied_at FROM migrations ORDER BY number');
}

function refused(db: Db, migrations: readonly Migration[]): UserError {
  return refusal(() => {
    migrate(db, migrations, 0);
  });
}

describe('migrate', () => {
  it('brings a new file to the last step and writes down each', () => {
    const db = fresh();
    migrate(db, [ONE, TWO], 5);
    expect(tables(db)).toEqual(['a', 'b', 'migrations']);
    expect(history(db)).toEqual([
      { number: 1, name: 'one', breaking: 0, applied_at: 5 },
      { number: 2, name: 'two', breaking: 0, applied_at: 5 },
    ]);
    expect(db.get('PRAGMA user_version')).toEqual({ user_version: 2 });
  });

  it('runs only what an older file lacks, and nothing at all when it is there', () => {
    const db = fresh();
    migrate(db, [ONE], 5);
    migrate(db, [ONE, TWO], 6);
    const before = db.dataVersion();
    migrate(db, [ONE, TWO], 7);
    expect(db.dataVersion()).toBe(before);
    expect(history(db)).toMatchObject([{ applied_at: 5 }, { applied_at: 6 }]);
  });

  it('runs a step that came in between, whatever number the file had reached', () => {
    for (const reached of [1, 3]) {
      const db = fresh();
      migrate(db, [ONE, HARMLESS], 5);
      db.exec(`PRAGMA user_version = ${reached}`);
      migrate(db, [ONE, TWO, HARMLESS], 6);
      expect(tables(db)).toEqual(['a', 'b', 'c', 'migrations']);
      expect(history(db)).toMatchObject([{ applied_at: 5 }, { applied_at: 6 }, { applied_at: 5 }]);
    }
  });

  it('does nothing without steps', () => {
    const db = fresh();
    migrate(db, [], 5);
    expect(tables(db)).toEqual([]);
  });

  it('leaves the file as it was when a step fails', () => {
    const db = fresh();
    migrate(db, [ONE], 5);
    const broken = migration(2, 'broken', 'CREATE TABLE b (x); CREATE TABLE a (x);');
    expect(() => {
      migrate(db, [ONE, broken], 6);
    }).toThrow();
    expect(tables(db)).toEqual(['a', 'migrations']);
    expect(db.get('PRAGMA user_version')).toEqual({ user_version: 1 });
    migrate(db, [ONE, TWO], 7);
    expect(tables(db)).toEqual(['a', 'b', 'migrations']);
  });

  it('reads from the head of a step whether an older program must stop', () => {
    expect(ONE.breaking).toBe(false);
    expect(BREAKING.breaking).toBe(true);
    expect(migration(4, 'four', 'SELECT 1; -- breaking: yes').breaking).toBe(false);
  });

  it('opens a file of a newer program as long as no step of it is breaking', () => {
    const db = fresh();
    migrate(db, [ONE, TWO, HARMLESS], 5);
    migrate(db, [ONE, TWO], 6);
    expect(history(db)).toHaveLength(3);
    expect(db.get('PRAGMA user_version')).toEqual({ user_version: 3 });
  });

  it('refuses a file in which a newer program made a breaking step, and says what to do', () => {
    const db = fresh();
    migrate(db, [ONE, TWO, BREAKING], 5);
    const error = refused(db, [ONE, TWO]);
    expect(error.code).toBe('store_newer');
    expect(error.exitCode).toBe(EXIT.refused);
    expect(error.message).toContain('three');
    expect(error.remedy).toContain('npm install');
  });

  it('refuses it too when the newer program came first by a moment', () => {
    const file = path.join(tempDir(), 'race.db');
    const newer = open(file);
    const clock = manualClock(() => {
      if (newer.inTransaction) newer.exec('COMMIT');
    });
    const older = open(file, clock);
    newer.exec('BEGIN IMMEDIATE');
    migrate(newer, [ONE, TWO, BREAKING], 5);
    expect(refused(older, [ONE]).code).toBe('store_newer');
    expect(history(newer)).toHaveLength(3);
  });

  it('leaves the work to another process that came first by a moment', () => {
    const file = path.join(tempDir(), 'race.db');
    const first = open(file);
    const clock = manualClock(() => {
      if (first.inTransaction) first.exec('COMMIT');
    });
    const second = open(file, clock);
    first.exec('BEGIN IMMEDIATE');
    migrate(first, [ONE, TWO], 5);
    migrate(second, [ONE, TWO], 6);
    expect(history(second)).toMatchObject([{ applied_at: 5 }, { applied_at: 5 }]);
  });

  it.each([
    ['of another program with a higher version', 'CREATE TABLE x (y); PRAGMA user_version = 99'],
    ['of another program with tables of the same name', 'CREATE TABLE a (y)'],
  ])('says that a file %s is not a store', (_what, sql) => {
    const db = fresh();
    db.exec(sql);
    const error = refused(db, [ONE, TWO]);
    expect(error.code).toBe('store_unreadable');
    expect(error.message).toContain(db.path);
    expect(error.remedy).not.toBeNull();
    expect(tables(db)).not.toContain('migrations');
  });
});

describe('several processes that open a new file at once', () => {
  it('all succeed, and each step ran once', { timeout: 60_000 }, async () => {
    const script = childScript(`
      import { existsSync } from 'node:fs';
      import { migrate, migration, openDb, systemClock } from './src/base/index.ts';
      const [file, gate] = process.argv.slice(2);
      const steps = ['a', 'b', 'c'].map((name, index) => migration(index + 1, name,
        '-- breaking: no\\nCREATE TABLE ' + name + ' (x INTEGER) STRICT; INSERT INTO ' + name + ' VALUES (1);'));
      console.log('ready');
      while (!existsSync(gate)) ;
      const db = openDb(file, { clock: systemClock() });
      migrate(db, steps, 5);
      console.log(db.all('SELECT number FROM migrations').length);
      db.close();
    `);
    for (let round = 0; round < ROUNDS; round += 1) {
      const dir = tempDir();
      const [file, gate] = [path.join(dir, 'new.db'), path.join(dir, 'gate')];
      const openers = Array.from({ length: OPENERS }, () => startScript(script, [file, gate]));
      await Promise.all(openers.map((opener) => opener.firstLine));
      writeFileSync(gate, '');
      for (const opener of openers) {
        expect(await opener.ended).toMatchObject({ code: 0, stderr: '', stdout: 'ready\n3\n' });
      }
      const db = open(file);
      for (const table of ['a', 'b', 'c']) {
        expect(db.all(`SELECT x FROM ${table}`)).toEqual([{ x: 1 }]);
      }
      expect(readFileSync(file).subarray(0, 15).toString()).toBe('SQLite format 3');
    }
  });
});
