import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sha256Hex, systemClock } from '../base/index.ts';
import { openHome, type Home } from '../home/index.ts';
import { capture } from '../journal/index.ts';
import { envelope, envelopeBytes, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { asPython, oldJournal, oldQueue, photograph } from '../../test/support/old-home.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { legacyRowsOf, migrateSources, readLegacy, type Migration } from './index.ts';

const OTHER = '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d' as typeof PROJECT_ID;

interface Place {
  /** What the earlier program wrote, and nobody else may. */
  readonly old: string;
  readonly home: Home;
}

/** Sources lie in a home of their own, so that a photograph of it shows any touch. */
function place(): Place {
  const dir = tempDir();
  const old = path.join(dir, 'old');
  mkdirSync(old);
  const env = { SPEC_KITTY_HOME: path.join(dir, 'home') };
  const home = openHome({ ...testSystem(dir, { env }), clock: systemClock() });
  onTestFinished(() => {
    home.close();
  });
  return { old, home };
}

async function migrate({ home, old }: Place): Promise<Migration> {
  const before = photograph(old);
  const migration = await migrateSources(home, { named: [old] });
  expect(photograph(old)).toEqual(before);
  return migration;
}

function ends(migration: Migration): readonly (readonly [string, number, number, string | null])[] {
  return migration.sources.map(({ source, tally, error }) => [
    source.digest,
    tally.imported,
    tally.identical,
    error === null ? null : 'error',
  ]);
}

function captured(home: Home, id = PROJECT_ID): number {
  return home.store(id).get<{ n: number }>('SELECT count(*) AS n FROM events')?.n ?? 0;
}

function aged(file: string): void {
  utimesSync(file, 1_780_000_000, 1_780_000_000);
}

describe('a source is read without being touched', () => {
  it('with a write-ahead log that a living program holds', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'), { wal: true });
    queue.addEvents([1, 2]);
    expect(existsSync(`${queue.file}-wal`)).toBe(true);
    expect(ends(await migrate(at))).toEqual([['legacy', 2, 0, null]]);
    queue.addEvents([3]);
    expect(ends(await migrate(at))).toEqual([['legacy', 1, 2, null]]);
    queue.close();
  });

  it('with the log of a program that died', async () => {
    const at = place();
    const made = oldQueue(path.join(at.old, 'made.db'), { wal: true });
    made.addEvents([1, 2]);
    copyFileSync(made.file, path.join(at.old, 'queue.db'));
    copyFileSync(`${made.file}-wal`, path.join(at.old, 'queue.db-wal'));
    made.close();
    expect(ends(await migrate(at))).toEqual([['legacy', 2, 0, null]]);
    expect(readdirSync(at.old)).toEqual(['made.db', 'queue.db', 'queue.db-wal']);
  });

  it('with a hot rollback journal: what was committed counts, and is not rolled back there', async () => {
    const at = place();
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
    expect(ends(await migrate(at))).toEqual([['legacy', 2, 0, null]]);
  });

  it('while a program holds it locked', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.db.exec('BEGIN EXCLUSIVE');
    expect(ends(await migrate(at))).toEqual([['legacy', 1, 0, null]]);
    queue.db.exec('COMMIT');
    queue.close();
  });

  it('on a medium that takes no writing', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.close();
    chmodSync(queue.file, 0o444);
    chmodSync(at.old, 0o555);
    expect(ends(await migrate(at))).toEqual([['legacy', 1, 0, null]]);
    chmodSync(at.old, 0o755);
  });

  it('through a link, once, under its real name', async () => {
    const at = place();
    const queue = oldQueue(path.join(tempDir(), 'elsewhere.db'));
    queue.addEvents([1]);
    queue.close();
    symlinkSync(queue.file, path.join(at.old, 'queue.db'));
    const migration = await migrate(at);
    expect(ends(migration)).toEqual([['legacy', 1, 0, null]]);
    expect(migration.sources[0]?.source.path).toBe(queue.file);
  });
});

describe('what is no queue', () => {
  it('is reported, source by source, and holds up no other', async () => {
    const at = place();
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
    const migration = await migrate(at);
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
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents(Array.from({ length: 400 }, (_, n) => n));
    queue.close();
    const { length } = readFileSync(queue.file);
    truncateSync(queue.file, length - 40_960);
    const migration = await migrate(at);
    expect(migration.sources[0]?.error).toMatch(/malformed|corrupt|image/);
  });
});

describe('every row is accounted for', () => {
  it('in the project it names, a new one too; without one apart', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'), { vintage: 'march' });
    queue.addEvents([1, 2]);
    queue.addEvents([3], { projectId: OTHER });
    const text = asPython(envelopeBytes(4));
    queue.add('E4', text.replace(PROJECT_ID, 'no project'));
    queue.add('E5', text.replace(`"${PROJECT_ID}"`, 'null'));
    queue.add('E6', 'NaN');
    queue.addBody({ path: 'spec.md', content: '# Spec\n', retries: 2 });
    queue.addBody({ path: 'plan.md', content: '# Plan\n', hash: 'cd'.repeat(32) });
    queue.close();
    const migration = await migrate(at);
    expect(migration.sources[0]?.tally).toMatchObject({
      ...{ rows: 8, imported: 5, identical: 0, conflict: 0, unreadable: 3, bodies: 2 },
    });
    expect([captured(at.home), captured(at.home, OTHER)]).toEqual([2, 1]);
    const loose = at.home.unassigned();
    expect(loose.all('SELECT event_id, project_id FROM unassigned_events')).toEqual([
      { event_id: eventId(4), project_id: null },
    ]);
    expect(loose.all('SELECT reason FROM import_unreadable ORDER BY row_id')).toEqual([
      { reason: expect.stringContaining('project_uuid') as unknown },
      { reason: expect.stringContaining('expected') as unknown },
    ]);
    const store = at.home.store(PROJECT_ID);
    expect(
      store.all('SELECT artifact_path, retry_count, due_at, created_at, origin FROM uploads'),
    ).toEqual([
      {
        artifact_path: 'spec.md',
        retry_count: 2,
        due_at: 1_780_272_429_250,
        created_at: 1_780_272_357_500,
        origin: 'legacy',
      },
    ]);
    const names = store.all('SELECT DISTINCT name FROM sqlite_schema WHERE name GLOB ?', ['*']);
    expect(names.length).toBeGreaterThan(0);
    expect(
      loose.all("SELECT name FROM sqlite_schema WHERE name IN ('routes', 'grants', 'targets')"),
    ).toEqual([]);
    expect(store.all('SELECT DISTINCT enqueued_at FROM imports WHERE part = 1')).toEqual([
      { enqueued_at: 1_780_000_000_000 },
    ]);
  });

  it('once, whatever the number of sources and the spelling of their JSON', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1, 2]);
    queue.addFailure('spec.md', 'namespace_not_found');
    queue.close();
    mkdirSync(path.join(at.old, 'queues'));
    copyFileSync(queue.file, path.join(at.old, 'queues', 'queue-aa.db'));
    oldJournal(path.join(at.old, 'event_journal', 'journal-acme.db'), [2, 3]);
    expect(ends(await migrate(at))).toEqual([
      ['legacy', 3, 0, null],
      ['aa', 1, 2, null],
      ['acme', 1, 1, null],
    ]);
    const store = at.home.store(PROJECT_ID);
    expect(captured(at.home)).toBe(3);
    expect(
      store.all(
        'SELECT count(*) AS n FROM imports i JOIN events e ON e.seq = i.seq WHERE event_id = ?',
        [eventId(2)],
      ),
    ).toEqual([{ n: 3 }]);
    expect(store.all('SELECT reason, failures FROM import_failures')).toHaveLength(2);
    expect(ends(await migrate(at)).map(([, imported]) => imported)).toEqual([0, 0, 0]);
  });

  it('and compared by value: number twins are two contents, spelling is none', async () => {
    const at = place();
    const first = oldQueue(path.join(at.old, 'queue.db'));
    const second = oldQueue(path.join(at.old, 'queues', 'queue-0a.db'));
    const twins: readonly (readonly [string, string, boolean])[] = [
      ['{"n":1}', '{"n":1.0}', false],
      ['{"n":12345678901234567890}', '{"n":12345678901234567891}', false],
      ['{"a":1,"b":"é"}', '{"b":"\\u00e9","a":1}', true],
      ['{"n":2}', '{"n":1,"n":2}', true],
    ];
    for (const [n, [one, other]] of twins.entries()) {
      first.add(eventId(n), Buffer.from(envelopeBytes(n, { payload: one })).toString());
      second.add(eventId(n), Buffer.from(envelopeBytes(n, { payload: other })).toString());
    }
    first.close();
    second.close();
    const migration = await migrate(at);
    expect(migration.sources[1]?.tally).toMatchObject({ identical: 2, conflict: 2 });
    expect(migration.conflicts).toBe(2);
    const kept = at.home
      .store(PROJECT_ID)
      .all<{ incoming: Buffer; existing: Buffer }>(
        'SELECT * FROM import_conflicts ORDER BY event_id',
      );
    expect(kept.map(({ incoming, existing }) => [incoming, existing].map(String))).toHaveLength(2);
    for (const { incoming, existing } of kept) expect(incoming.equals(existing)).toBe(false);
    expect((await migrate(at)).conflicts).toBe(2);
  });

  it('when one store cannot be written: its rows wait, the others are in', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.addEvents([2], { projectId: OTHER });
    queue.close();
    mkdirSync(at.home.paths.projects, { recursive: true });
    writeFileSync(at.home.paths.projectStore(OTHER), 'no store');
    const migration = await migrate(at);
    expect(migration.sources[0]).toMatchObject({ tally: { imported: 1, waiting: 1 } });
    expect(migration.sources[0]?.error).not.toBeNull();
    renameSync(at.home.paths.projectStore(OTHER), path.join(at.home.paths.root, 'gone'));
    at.home.forgetStore(OTHER);
    expect(ends(await migrate(at))).toEqual([['legacy', 1, 1, null]]);
  });
});

describe('a fact that is known from git', () => {
  it('is the same in whatever envelope it was queued; another time or payload is not', async () => {
    const at = place();
    const journal = {
      db: at.home.store(PROJECT_ID),
      projectId: PROJECT_ID,
      checkoutId: null,
      system: at.home.system,
    };
    capture(
      journal,
      [1, 2, 3].map((n) => ({ event: envelope(n), origin: 'import', source: null }) as const),
    );
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    const text = (n: number): string => asPython(envelopeBytes(n));
    queue.add(eventId(1), text(1).replace('"node_id": "a1b2', '"build_id": "b", "node_id": "ffff'));
    queue.add(eventId(2), text(2).replace('09:26:53', '09:26:54'));
    queue.add(eventId(3), text(3).replace('"actor": "tester"', '"actor": "another"'));
    queue.close();
    const [source] = (await migrate(at)).sources;
    expect(source?.tally).toMatchObject({ identical: 1, conflict: 2, imported: 0 });
    expect(journal.db.all('SELECT * FROM conflicts')).toEqual([]);
  });
});

describe('a body', () => {
  it('waits for the event that announces it, where that is known', async () => {
    const at = place();
    const sha256 = sha256Hex('# Spec\n');
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.add(
      eventId(1),
      asPython(
        envelopeBytes(1, {
          type: 'MissionDossierArtifactIndexed',
          payload: `{"namespace":{"mission_slug":"001-demo","target_branch":"main"},"relative_path":"spec.md","hash":"${sha256}"}`,
        }),
      ),
    );
    queue.addBody({ path: 'spec.md', content: '# Spec\n' });
    queue.addBody({ path: 'plan.md', content: '# Plan\n' });
    queue.close();
    await migrate(at);
    const rows = at.home.store(PROJECT_ID).all('SELECT artifact_path, index_seq FROM uploads');
    expect(rows).toEqual([
      { artifact_path: 'spec.md', index_seq: 1 },
      { artifact_path: 'plan.md', index_seq: null },
    ]);
  });
});

describe('status', () => {
  it('looks at an unchanged source by a stat alone', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.close();
    aged(queue.file);
    await migrate(at);
    chmodSync(queue.file, 0o000);
    const [source] = readLegacy(at.home).sources;
    expect(source).toMatchObject({ rows: 1, accounted: 1, blocked: null, error: null });
    expect((await migrate(at)).sources[0]).toMatchObject({ isUnchanged: true, error: null });
  });

  it('a dry run says the same and keeps nothing', async () => {
    const at = place();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.close();
    mkdirSync(path.join(at.old, 'queues'));
    copyFileSync(queue.file, path.join(at.old, 'queues', 'queue-aa.db'));
    const dry = await migrateSources(at.home, { named: [at.old], dryRun: true });
    expect(ends(dry)).toEqual([
      ['legacy', 1, 0, null],
      ['aa', 0, 1, null],
    ]);
    expect(existsSync(at.home.paths.projectStore(PROJECT_ID))).toBe(false);
  });
});

describe('whose a queue was', () => {
  it('is proven by its digest, and unknown otherwise', async () => {
    const at = place();
    mkdirSync(path.join(at.home.paths.root, 'sync', 'daemon'), { recursive: true });
    writeFileSync(
      at.home.paths.credentials,
      '[user]\nusername = " Alice@Example.com "\nteam_slug = "acme"\n[server]\nurl = "https://team.example/"\n',
    );
    writeFileSync(
      path.join(at.home.paths.root, 'sync', 'daemon', 'owner.json'),
      JSON.stringify({ server_url: 'https://spec-kitty-dev.fly.dev', auth_scope: 'https://x|y|z' }),
    );
    // disk contract 2.4, examples 1 and its later form; alice@… at the default server without a team; and a stranger.
    const later = 'd74fbcd629e27f670967e51e937506dabe68464a104e1a6e0935b54cb7af7ee8';
    const digests = ['f21f9f4901b34b90', 'ce692ad894e7cee2', '00000000deadbeef', later];
    for (const digest of digests) {
      oldQueue(path.join(at.old, 'queues', `queue-${digest}.db`)).close();
    }
    const { sources } = await migrate(at);
    expect(Object.fromEntries(sources.map(({ source, scope }) => [source.digest, scope]))).toEqual({
      f21f9f4901b34b90: 'https://spec-kitty-dev.fly.dev|alice@example.com|acme',
      ce692ad894e7cee2: 'https://spec-kitty-dev.fly.dev|alice@example.com|no-team',
      '00000000deadbeef': null,
      [later]: 'https://spec-kitty-dev.fly.dev|alice@example.com|acme',
    });
  });
});

describe('a process that dies', () => {
  it('leaves copies that the next one removes', async () => {
    const at = place();
    oldQueue(path.join(at.old, 'queue.db')).close();
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    const left = path.join(at.home.paths.root, `.reading-${gone.pid ?? 0}-12345-abc`);
    mkdirSync(left, { recursive: true });
    writeFileSync(path.join(left, '0.db'), 'x');
    await migrate(at);
    expect(readdirSync(at.home.paths.root).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
