import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { PROJECT_ID } from '../../test/support/envelopes.ts';
import { ends, legacyPlace, migrateUntouched } from '../../test/support/legacy-place.ts';
import { oldQueue } from '../../test/support/old-home.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { legacyRowsOf, readLegacy } from './index.ts';

describe('a source is read without being touched', () => {
  it('with a write-ahead log that a living program holds', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'), { wal: true });
    queue.addEvents([1, 2]);
    expect(existsSync(`${queue.file}-wal`)).toBe(true);
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 2, 0, null]]);
    queue.addEvents([3]);
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 1, 2, null]]);
    queue.close();
  });

  it('with the log of a program that died', async () => {
    const at = legacyPlace();
    const made = oldQueue(path.join(at.old, 'made.db'), { wal: true });
    made.addEvents([1, 2]);
    copyFileSync(made.file, path.join(at.old, 'queue.db'));
    copyFileSync(`${made.file}-wal`, path.join(at.old, 'queue.db-wal'));
    made.close();
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 2, 0, null]]);
    expect(readdirSync(at.old)).toEqual(['made.db', 'queue.db', 'queue.db-wal']);
  });

  it('with a hot rollback journal: what was committed counts, and is not rolled back there', async () => {
    const at = legacyPlace();
    const file = path.join(at.old, 'queue.db');
    const made = oldQueue(path.join(at.old, 'made.db'));
    made.addEvents([1, 2]);
    // A cache of no pages makes SQLite write changed ones into the database in the middle of the transaction.
    made.db.pragma('cache_size = 1');
    made.db.exec('BEGIN');
    made.db.exec("UPDATE queue SET data = 'half a transaction ' || hex(zeroblob(4000))");
    made.db.exec(
      "INSERT INTO queue SELECT 10 + value, 'x' || value, 't', hex(zeroblob(9000)), 1, 0, NULL FROM json_each('[1,2,3,4,5,6,7,8,9]')",
    );
    copyFileSync(made.file, file);
    copyFileSync(`${made.file}-journal`, `${file}-journal`);
    made.db.exec('ROLLBACK');
    made.close();
    const raw = readFileSync(file);
    expect(raw.includes('half a transaction')).toBe(true);
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 2, 0, null]]);
  });

  it('while a program holds it locked', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.db.exec('BEGIN EXCLUSIVE');
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 1, 0, null]]);
    queue.db.exec('COMMIT');
    queue.close();
  });

  it('on a medium that takes no writing', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.close();
    chmodSync(queue.file, 0o444);
    chmodSync(at.old, 0o555);
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 1, 0, null]]);
    chmodSync(at.old, 0o755);
  });

  it('through a link, once, under its real name', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(tempDir(), 'elsewhere.db'));
    queue.addEvents([1]);
    queue.close();
    symlinkSync(queue.file, path.join(at.old, 'queue.db'));
    const migration = await migrateUntouched(at);
    expect(ends(migration)).toEqual([['legacy', 1, 0, null]]);
    expect(migration.sources[0]?.source.path).toBe(queue.file);
  });
});

describe('what is no queue', () => {
  it('is reported, source by source, and holds up no other', async () => {
    const at = legacyPlace();
    const good = oldQueue(path.join(at.old, 'queues', 'queue-0f.db'));
    good.addEvents([1]);
    good.close();
    writeFileSync(path.join(at.old, 'queue.db'), '');
    writeFileSync(path.join(at.old, 'queues', 'queue-0a.db'), 'text, whatever its name says');
    const foreign = new Database(path.join(at.old, 'queues', 'queue-0b.db'));
    foreign.exec('CREATE TABLE cookies (name TEXT)');
    foreign.close();
    const odd = new Database(path.join(at.old, 'queues', 'queue-0c.db'));
    odd.exec('CREATE TABLE queue (id INTEGER PRIMARY KEY)');
    odd.close();
    symlinkSync('/nowhere/at/all', path.join(at.old, 'queues', 'queue-0d.db'));
    mkdirSync(path.join(at.old, 'queues', 'queue-0e.db'));
    writeFileSync(path.join(at.old, 'queues', 'notes.txt'), 'mine');
    const migration = await migrateUntouched(at);
    expect(ends(migration)).toEqual([
      ['legacy', 0, 0, null],
      ...['0a', '0b', '0c', '0d', '0e'].map((digest) => [digest, 0, 0, 'error']),
      ['0f', 1, 0, null],
    ]);
    expect(migration.unknown).toEqual([path.join(at.old, 'queues', 'notes.txt')]);
    const status = legacyRowsOf(at.home.store(PROJECT_ID), PROJECT_ID, readLegacy(at.home));
    expect(status.unreadable.map((file) => path.basename(file))).toEqual(
      ['a', 'b', 'c'].map((digit) => `queue-0${digit}.db`),
    );
    expect(status.rows).toBe(0);
  });

  it('with a damaged page, gives what can be read, and says that it is not all', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents(Array.from({ length: 400 }, (_, n) => n));
    queue.close();
    const { length } = readFileSync(queue.file);
    truncateSync(queue.file, length - 40_960);
    const migration = await migrateUntouched(at);
    expect(migration.sources[0]?.error).toMatch(/malformed|corrupt|image/);
  });
});
