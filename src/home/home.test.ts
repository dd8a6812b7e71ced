import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { faultsFrom, IntegrityError, openDb, type System } from '../base/index.ts';
import { parseProjectId, type ProjectId } from '../wire/index.ts';
import { checkoutId, openHome, rememberProject, type Home } from './home.ts';
import type { Http } from './http.ts';
import type { Project } from './project/project.ts';

function id(text: string): ProjectId {
  const parsed = parseProjectId(text);
  if (parsed === null) throw new Error(`${text} is no project id`);
  return parsed;
}

const P = id('11111111-1111-4111-8111-111111111111');
const LETTERS = 'abcdefab-1111-4111-8111-111111111111';
const Q = id('22222222-2222-4222-8222-222222222222');

function home(change: Partial<System> = {}, dir = tempDir()): Home {
  const opened = openHome({ ...testSystem(dir), ...change });
  onTestFinished(() => {
    opened.close();
  });
  return opened;
}

function modeOf(file: string): number {
  return statSync(file).mode & 0o777;
}

describe('openHome', () => {
  it('creates nothing until it is asked', () => {
    const opened = home();
    expect(opened.projectIds()).toEqual([]);
    expect(opened.system.files.lstat(opened.paths.root)).toBeNull();
  });

  it('opens a store once, names its project, and lists it', () => {
    const opened = home();
    const store = opened.store(Q);
    expect(opened.store(Q)).toBe(store);
    opened.store(P);
    expect(store.get('SELECT project_id, epoch, created_at FROM store')).toEqual({
      project_id: Q,
      epoch: 1,
      created_at: 1_760_000_000_000,
    });
    expect(opened.projectIds()).toEqual([P, Q]);
    expect(store.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
  });

  it('lists what is a store and nothing else', () => {
    const opened = home();
    opened.store(P);
    for (const name of [
      'notes.db',
      `${P}.spill`,
      `${LETTERS.toUpperCase()}.db`,
      `${Q}.db-wal`,
      `${Q}.txt`,
    ]) {
      writeFileSync(path.join(opened.paths.projects, name), '');
    }
    expect(opened.projectIds()).toEqual([P]);
  });

  it.each([0, 0o022, 0o077])('keeps everything private under umask %o', (umask) => {
    const before = process.umask(umask);
    try {
      const opened = home();
      opened.store(P).run("INSERT INTO checkouts (path, first_seen_at) VALUES ('/x', 1)");
      opened.machine();
      opened.log.info('test', {});
      const { paths } = opened;
      for (const dir of [paths.root, paths.projects, paths.logDir]) expect(modeOf(dir)).toBe(0o700);
      const store = paths.projectStore(P);
      for (const file of [store, `${store}-wal`, `${store}-shm`, paths.machine, paths.log]) {
        expect(modeOf(file)).toBe(0o600);
      }
    } finally {
      process.umask(before);
    }
  });

  it('refuses a store that names another project', () => {
    const dir = tempDir();
    const first = home({}, dir);
    first.store(P);
    first.close();
    const file = first.paths.projectStore(Q);
    writeFileSync(file, readFileSync(first.paths.projectStore(P)));
    const second = home({}, dir);
    expect(() => second.store(Q)).toThrow(IntegrityError);
    expect(() => second.store(Q)).toThrow(`${file} is the store of project ${P}`);
    expect(second.store(P).get('SELECT project_id FROM store')).toEqual({ project_id: P });
  });

  it.each(['store.create', 'store.migrated'])('opens again after dying at %s', (point) => {
    const dir = tempDir();
    const faults = faultsFrom(point, () => {
      throw new Error('struck');
    });
    const dying = home({ faults }, dir);
    expect(() => dying.store(P)).toThrow('struck');
    dying.close();
    expect(home({}, dir).store(P).get('SELECT project_id FROM store')).toEqual({ project_id: P });
  });

  it('refuses what is no database, without losing it', () => {
    const opened = home();
    mkdirSync(opened.paths.projects, { recursive: true });
    writeFileSync(opened.paths.projectStore(P), 'not a database, but somebody’s text\n'.repeat(50));
    expect(() => opened.store(P)).toThrow(/cannot open/);
    expect(readFileSync(opened.paths.projectStore(P), 'utf8')).toContain('somebody’s text');
  });

  it('waits for a lock as long as it is told', () => {
    const dir = tempDir();
    const holder = home({}, dir);
    holder.store(P).run('BEGIN IMMEDIATE');
    // Opening needs no lock; only the first write waits for the other one.
    const store = home({}, dir).store(P, { waitMs: 50 });
    const started = performance.now();
    expect(() => checkoutId(store, '/x', 1)).toThrow(/locked by another process \(waited 50 ms\)/);
    expect(performance.now() - started).toBeLessThan(1_000);
    holder.store(P).run('ROLLBACK');
    expect(checkoutId(store, '/x', 1)).toBe(1);
  });

  it('writes nothing when it opens what is there', () => {
    const dir = tempDir();
    const holder = home({}, dir);
    const wal = `${holder.paths.projectStore(P)}-wal`;
    const version = holder.store(P).dataVersion();
    const size = statSync(wal).size;
    home({}, dir).store(P);
    expect(statSync(wal).size).toBe(size);
    expect(holder.store(P).dataVersion()).toBe(version);
  });

  it('opens a forgotten store anew', () => {
    const opened = home();
    const first = opened.store(P);
    opened.forgetStore(P);
    opened.forgetStore(P);
    expect(opened.store(P)).not.toBe(first);
    expect(() => first.get('SELECT 1')).toThrow();
  });

  it('reads the configuration once and closes what it opened', async () => {
    const closed: string[] = [];
    const http: Http = {
      send: () => Promise.reject(new Error('unused')),
      close: () => {
        closed.push('http');
      },
    };
    const opened = openHome(testSystem(tempDir()), http);
    expect(await opened.config()).toBe(await opened.config());
    const store = opened.store(P);
    opened.machine();
    opened.close();
    expect(() => store.get('SELECT 1')).toThrow();
    expect(closed).toEqual(['http']);
    opened.close();
  });
});

describe('the log', () => {
  it('is one JSON object a line', () => {
    const opened = home();
    opened.log.info('delivery.batch', { n: 3 });
    opened.log.error('delivery.failed', { reason: 'dns' });
    const lines = readFileSync(opened.paths.log, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { at: '2025-10-09T08:53:20.000Z', level: 'info', event: 'delivery.batch', n: 3 },
      { at: '2025-10-09T08:53:20.000Z', level: 'error', event: 'delivery.failed', reason: 'dns' },
    ]);
  });

  it('never fails a command', () => {
    const opened = home();
    mkdirSync(opened.paths.root, { recursive: true });
    writeFileSync(opened.paths.logDir, 'in the way');
    opened.log.info('test', {});
    expect(readFileSync(opened.paths.logDir, 'utf8')).toBe('in the way');
  });

  it('is put aside when it has grown too large, one generation of it', () => {
    const opened = home();
    mkdirSync(opened.paths.logDir, { recursive: true });
    const long = `${'x'.repeat(999)}\n`.repeat(4_500);
    writeFileSync(opened.paths.log, long);
    writeFileSync(`${opened.paths.log}.1`, 'older');
    opened.log.info('next', {});
    expect(readFileSync(opened.paths.log, 'utf8')).toMatch(/^\{[^\n]*"event":"next"\}\n$/);
    expect(readFileSync(`${opened.paths.log}.1`, 'utf8')).toBe(long);
  });

  it('is not flushed line by line', () => {
    const flushes: (boolean | undefined)[] = [];
    const system = testSystem(tempDir());
    const files: System['files'] = {
      ...system.files,
      append: (file, data, mode, flush) => {
        flushes.push(flush);
        system.files.append(file, data, mode, flush);
      },
    };
    home({ ...system, files }).log.info('test', {});
    expect(flushes).toEqual([false]);
  });
});

describe('checkouts and projects', () => {
  it('numbers a checkout on first sight', () => {
    const store = home().store(P);
    expect(checkoutId(store, '/a', 1)).toBe(1);
    expect(checkoutId(store, '/b', 2)).toBe(2);
    expect(checkoutId(store, '/a', 3)).toBe(1);
    expect(store.all('SELECT path, first_seen_at FROM checkouts')).toEqual([
      { path: '/a', first_seen_at: 1 },
      { path: '/b', first_seen_at: 2 },
    ]);
    expect(store.tx(() => checkoutId(store, '/c', 4))).toBe(3);
  });

  it('remembers where a project was seen last', () => {
    const opened = home();
    const project: Project = {
      id: P,
      slug: 'one',
      repoSlug: null,
      root: '/a',
      checkoutPath: '/a',
      git: null,
    };
    rememberProject(opened, project);
    rememberProject(opened, { ...project, slug: null, root: '/b' });
    expect(opened.machine().all('SELECT * FROM projects')).toEqual([
      { project_id: P, slug: null, root: '/b', last_seen_at: 1_760_000_000_000 },
    ]);
  });

  it('keeps the machine’s file apart from the stores', () => {
    const opened = home();
    opened.store(P);
    expect(opened.system.files.lstat(opened.paths.machine)).toBeNull();
    opened.machine();
    const direct = openDb(opened.paths.machine, { clock: opened.system.clock, readonly: true });
    expect(direct.all('SELECT project_id FROM projects')).toEqual([]);
    direct.close();
  });

  it.runIf(process.getuid?.() !== 0)('says which file it cannot open', () => {
    const opened = home();
    mkdirSync(opened.paths.projects, { recursive: true });
    writeFileSync(opened.paths.projectStore(P), '');
    chmodSync(opened.paths.projectStore(P), 0);
    expect(() => opened.store(P)).toThrow(opened.paths.projectStore(P));
  });
});
