import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { manualClock } from '../../test/support/manual-clock.ts';
import { refusal, thrownBy } from '../../test/support/refusal.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { AssertionFailure } from './assert.ts';
import { systemClock, type Clock } from './clock.ts';
import { type Db, isBusy, openDb, requireSqlite, sqliteCode, type OpenOptions } from './sqlite.ts';

const INSERT = 'INSERT INTO t (id, name) VALUES (:id, :name)';
const NAMES = 'SELECT name FROM t ORDER BY id';

function open(file: string, options: Partial<OpenOptions> = {}): Db {
  const db = openDb(file, { clock: systemClock(), ...options });
  onTestFinished(() => {
    db.close();
  });
  return db;
}

/** A file with one table, and two connections to it. */
function pair(clock: Clock = systemClock()): { readonly a: Db; readonly b: Db; file: string } {
  const file = path.join(tempDir(), 'pair.db');
  const a = open(file, { clock });
  a.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT');
  return { a, b: open(file, { clock }), file };
}

function names(db: Db): readonly string[] {
  return db.all<{ name: string }>(NAMES).map((row) => row.name);
}

function pragma(db: Db, name: string): unknown {
  return Object.values(db.get<Record<string, unknown>>(`PRAGMA ${name}`) ?? {})[0];
}

describe('a connection', () => {
  it('flushes every commit, keeps a WAL, checks foreign keys and trusts no schema, each time it is opened', () => {
    const { a, b } = pair();
    for (const db of [a, b]) {
      expect(pragma(db, 'journal_mode')).toBe('wal');
      expect(pragma(db, 'synchronous')).toBe(2);
      expect(pragma(db, 'foreign_keys')).toBe(1);
      expect(pragma(db, 'trusted_schema')).toBe(0);
      expect(pragma(db, 'auto_vacuum')).toBe(2);
      expect(pragma(db, 'busy_timeout')).toBe(0);
    }
  });

  it('reads and never writes when it is opened readonly', () => {
    const { a, file } = pair();
    a.run(INSERT, { id: 1, name: 'one' });
    const reader = open(file, { readonly: true });
    expect(names(reader)).toEqual(['one']);
    expect(pragma(reader, 'foreign_keys')).toBe(1);
    expect(() => reader.run(INSERT, { id: 2, name: 'two' })).toThrow(/readonly/);
  });

  it('does not create a file that is only to be read', () => {
    const file = path.join(tempDir(), 'absent.db');
    expect(refusal(() => open(file, { readonly: true })).code).toBe('store_unreadable');
  });

  it.each(['3.51.2', '3.50.9', '3.51', '2.99.99', ''])('refuses SQLite %j', (version) => {
    const error = refusal(() => {
      requireSqlite(version);
    });
    expect(error.code).toBe('sqlite_too_old');
    expect(error.message).toContain('3.51.3');
    expect(error.remedy).not.toBeNull();
  });

  it.each(['3.51.3', '3.51.10', '3.52.0', '4.0.0'])('accepts SQLite %s', (version) => {
    expect(() => {
      requireSqlite(version);
    }).not.toThrow();
  });

  it.each([
    ['a directory', (file: string) => mkdirSync(file)],
    [
      'not a database',
      (file: string) => writeFileSync(file, 'these bytes are no database '.repeat(50)),
    ],
  ])('says that %s cannot be opened, for reading or writing', (_what, make) => {
    const file = path.join(tempDir(), 'odd.db');
    make(file);
    for (const readonly of [false, true]) {
      const error = refusal(() => open(file, { readonly }));
      expect(error.code).toBe('store_unreadable');
      expect(error.message).toContain(file);
      expect(error.remedy).not.toBeNull();
    }
  });

  it('says that a file in no directory cannot be opened', () => {
    const file = path.join(tempDir(), 'no', 'such', 'place.db');
    expect(refusal(() => open(file)).code).toBe('store_unreadable');
  });

  it('waits, then says busy, when another process holds the whole file', () => {
    const file = path.join(tempDir(), 'held.db');
    const holder = open(file);
    holder.exec('PRAGMA journal_mode = DELETE; CREATE TABLE t (id INTEGER); BEGIN EXCLUSIVE');
    const clock = manualClock();
    expect(refusal(() => open(file, { clock, waitMs: 80 })).code).toBe('busy');
    expect(clock.monotonic()).toBe(80);
  });
});

describe('a statement', () => {
  it('gives the first row, every row, or rows one by one', () => {
    const { a } = pair();
    expect(a.get(NAMES)).toBeUndefined();
    expect(a.run(INSERT, { id: 7, name: 'seven' })).toEqual({ changes: 1, rowid: 7 });
    a.run(INSERT, { id: 8, name: 'eight' });
    expect(a.get('SELECT name FROM t WHERE id = :id', { id: 8 })).toEqual({ name: 'eight' });
    expect(a.get(NAMES)).toEqual({ name: 'seven' });
    expect([...a.each(NAMES)]).toEqual([{ name: 'seven' }, { name: 'eight' }]);
    expect([...a.each('SELECT id FROM t WHERE id > :id', { id: 7 })]).toEqual([{ id: 8 }]);
    expect(a.run('DELETE FROM t').changes).toBe(2);
  });

  it('fails with the code of SQLite and leaves the connection usable', () => {
    const { a } = pair();
    a.run(INSERT, { id: 1, name: 'one' });
    const error = thrownBy(() => a.run(INSERT, { id: 1, name: 'again' }));
    expect(sqliteCode(error)).toBe('SQLITE_CONSTRAINT_PRIMARYKEY');
    expect(isBusy(error)).toBe(false);
    expect(names(a)).toEqual(['one']);
  });

  it.each([
    [null],
    ['text'],
    [new Error('plain')],
    [Object.assign(new Error('os'), { code: 'EIO' })],
  ])('has no code when %s was thrown elsewhere', (thrown) => {
    expect(sqliteCode(thrown)).toBe('');
  });

  it('ignores a code that is no text', () => {
    expect(sqliteCode(Object.assign(new Error('odd'), { code: 5 }))).toBe('');
  });

  it('waits as long as it may for a lock, then says busy', () => {
    const clock = manualClock();
    const { a, b, file } = pair(clock);
    a.exec('BEGIN IMMEDIATE');
    b.waitAtMost(250);
    const error = refusal(() => b.run(INSERT, { id: 1, name: 'one' }));
    expect(error.code).toBe('busy');
    expect(error.message).toContain(file);
    expect(error.message).toContain('250 ms');
    expect(clock.monotonic()).toBe(250);
    a.exec('ROLLBACK');
    expect(b.run(INSERT, { id: 1, name: 'one' }).changes).toBe(1);
  });

  it('goes on as soon as the other one lets go', () => {
    const clock = manualClock(() => {
      if (clock.monotonic() > 20 && a.inTransaction) a.exec('COMMIT');
    });
    const { a, b } = pair(clock);
    a.exec(`BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'first')`);
    b.run(INSERT, { id: 2, name: 'second' });
    expect(names(b)).toEqual(['first', 'second']);
    expect(clock.monotonic()).toBeLessThan(30);
  });
});

describe('a transaction', () => {
  it('is there for others once it has returned, and not before', () => {
    const { a, b } = pair();
    const value = a.tx(() => {
      a.run(INSERT, { id: 1, name: 'one' });
      expect(a.inTransaction).toBe(true);
      expect(names(b)).toEqual([]);
      return 'done';
    });
    expect(value).toBe('done');
    expect(a.inTransaction).toBe(false);
    expect(names(b)).toEqual(['one']);
  });

  it('takes everything back when its work throws, and throws the same', () => {
    const { a } = pair();
    const reason = new Error('no');
    expect(() =>
      a.tx(() => {
        a.run(INSERT, { id: 1, name: 'one' });
        throw reason;
      }),
    ).toThrow(reason);
    expect(names(a)).toEqual([]);
    expect(a.inTransaction).toBe(false);
  });

  it('joins the one around it: an inner failure that is let through takes back both', () => {
    const { a } = pair();
    const work = (fails: boolean): void => {
      a.tx(() => {
        a.run(INSERT, { id: 1, name: 'outer' });
        a.tx(() => {
          a.run(INSERT, { id: 2, name: 'inner' });
          if (fails) throw new Error('no');
        });
        expect(a.inTransaction).toBe(true);
      });
    };
    expect(() => {
      work(true);
    }).toThrow('no');
    expect(names(a)).toEqual([]);
    work(false);
    expect(names(a)).toEqual(['outer', 'inner']);
  });

  it('reports the failure itself when SQLite has rolled back already', () => {
    const { a } = pair();
    a.run(INSERT, { id: 1, name: 'one' });
    expect(() => a.tx(() => a.run(`INSERT OR ROLLBACK INTO t VALUES (1, 'again')`))).toThrow(
      /UNIQUE/,
    );
    expect(a.inTransaction).toBe(false);
  });

  it('refuses a promise and keeps nothing of it, inside of another one too', () => {
    const { a } = pair();
    const slow = async (): Promise<void> => {
      a.run(INSERT, { id: 1, name: 'one' });
      await Promise.resolve();
    };
    const ways: readonly (() => unknown)[] = [
      () => a.tx(slow),
      () => a.snapshot(() => Promise.resolve()),
      () =>
        a.tx(() => {
          void a.tx(slow);
        }),
      () =>
        a.snapshot(() => {
          void a.snapshot(() => Promise.resolve());
        }),
    ];
    for (const way of ways) expect(way).toThrow(AssertionFailure);
    expect(a.inTransaction).toBe(false);
    expect(names(a)).toEqual([]);
  });

  it('of two writers waits for the other one instead of failing half-way', () => {
    const clock = manualClock(() => {
      if (a.inTransaction) a.exec('COMMIT');
    });
    const { a, b } = pair(clock);
    a.exec(`BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'first')`);
    b.tx(() => {
      expect(names(b)).toEqual(['first']);
      b.run(INSERT, { id: 2, name: 'second' });
    });
    expect(names(a)).toEqual(['first', 'second']);
  });
});

describe('a snapshot', () => {
  it('does not see what others commit meanwhile', () => {
    const { a, b } = pair();
    b.run(INSERT, { id: 1, name: 'before' });
    a.snapshot(() => {
      expect(names(a)).toEqual(['before']);
      b.run(INSERT, { id: 2, name: 'meanwhile' });
      expect(a.snapshot(() => names(a))).toEqual(['before']);
    });
    expect(names(a)).toEqual(['before', 'meanwhile']);
  });

  it('does not stand in the way of a writer', () => {
    const { a, b } = pair();
    a.snapshot(() => {
      names(a);
      b.tx(() => b.run(INSERT, { id: 1, name: 'one' }));
    });
    expect(names(b)).toEqual(['one']);
  });
});

describe('dataVersion', () => {
  it('changes with the commits of others and not with its own', () => {
    const { a, b } = pair();
    const first = a.dataVersion();
    a.run(INSERT, { id: 1, name: 'own' });
    expect(a.dataVersion()).toBe(first);
    b.run(INSERT, { id: 2, name: 'other' });
    expect(a.dataVersion()).not.toBe(first);
  });
});
