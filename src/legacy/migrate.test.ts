import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../base/index.ts';
import { capture } from '../journal/index.ts';
import { envelope, envelopeBytes, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import {
  aged,
  captured,
  ends,
  legacyPlace,
  migrateUntouched,
} from '../../test/support/legacy-place.ts';
import { asPython, oldJournal, oldQueue } from '../../test/support/old-home.ts';
import { migrateSources, readLegacy } from './index.ts';

const OTHER = '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d' as typeof PROJECT_ID;

describe('every row is accounted for', () => {
  it('in the project it names, a new one too; without one apart', async () => {
    const at = legacyPlace();
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
    const migration = await migrateUntouched(at);
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
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1, 2]);
    queue.addFailure('spec.md', 'namespace_not_found');
    queue.close();
    mkdirSync(path.join(at.old, 'queues'));
    copyFileSync(queue.file, path.join(at.old, 'queues', 'queue-aa.db'));
    oldJournal(path.join(at.old, 'event_journal', 'journal-acme.db'), [2, 3]);
    expect(ends(await migrateUntouched(at))).toEqual([
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
    expect(ends(await migrateUntouched(at)).map(([, imported]) => imported)).toEqual([0, 0, 0]);
  });

  it('and compared by value: number twins are two contents, spelling is none', async () => {
    const at = legacyPlace();
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
    const migration = await migrateUntouched(at);
    expect(migration.sources[1]?.tally).toMatchObject({ identical: 2, conflict: 2 });
    expect(migration.conflicts).toBe(2);
    const kept = at.home
      .store(PROJECT_ID)
      .all<{ incoming: Buffer; existing: Buffer }>(
        'SELECT * FROM import_conflicts ORDER BY event_id',
      );
    expect(kept.map(({ incoming, existing }) => [incoming, existing].map(String))).toHaveLength(2);
    for (const { incoming, existing } of kept) expect(incoming.equals(existing)).toBe(false);
    expect((await migrateUntouched(at)).conflicts).toBe(2);
  });

  it('when one store cannot be written: its rows wait, the others are in', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.addEvents([2], { projectId: OTHER });
    queue.close();
    mkdirSync(at.home.paths.projects, { recursive: true });
    writeFileSync(at.home.paths.projectStore(OTHER), 'no store');
    const migration = await migrateUntouched(at);
    expect(migration.sources[0]).toMatchObject({ tally: { imported: 1, waiting: 1 } });
    expect(migration.sources[0]?.error).not.toBeNull();
    renameSync(at.home.paths.projectStore(OTHER), path.join(at.home.paths.root, 'gone'));
    at.home.forgetStore(OTHER);
    expect(ends(await migrateUntouched(at))).toEqual([['legacy', 1, 1, null]]);
  });
});

describe('a fact that is known from git', () => {
  it('is the same in whatever envelope it was queued; another time or payload is not', async () => {
    const at = legacyPlace();
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
    const [source] = (await migrateUntouched(at)).sources;
    expect(source?.tally).toMatchObject({ identical: 1, conflict: 2, imported: 0 });
    expect(journal.db.all('SELECT * FROM conflicts')).toEqual([]);
  });
});

describe('a body', () => {
  it('waits for the event that announces it, where that is known', async () => {
    const at = legacyPlace();
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
    await migrateUntouched(at);
    const rows = at.home.store(PROJECT_ID).all('SELECT artifact_path, index_seq FROM uploads');
    expect(rows).toEqual([
      { artifact_path: 'spec.md', index_seq: 1 },
      { artifact_path: 'plan.md', index_seq: null },
    ]);
  });
});

describe('status', () => {
  it('looks at an unchanged source by a stat alone', async () => {
    const at = legacyPlace();
    const queue = oldQueue(path.join(at.old, 'queue.db'));
    queue.addEvents([1]);
    queue.close();
    aged(queue.file);
    await migrateUntouched(at);
    chmodSync(queue.file, 0o000);
    const [source] = readLegacy(at.home).sources;
    expect(source).toMatchObject({ rows: 1, accounted: 1, blocked: null, error: null });
    expect((await migrateUntouched(at)).sources[0]).toMatchObject({
      isUnchanged: true,
      error: null,
    });
  });

  it('a dry run says the same and keeps nothing', async () => {
    const at = legacyPlace();
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
    const at = legacyPlace();
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
    const { sources } = await migrateUntouched(at);
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
    const at = legacyPlace();
    oldQueue(path.join(at.old, 'queue.db')).close();
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    const left = path.join(at.home.paths.root, `.reading-${gone.pid ?? 0}-12345-abc`);
    mkdirSync(left, { recursive: true });
    writeFileSync(path.join(left, '0.db'), 'x');
    await migrateUntouched(at);
    expect(readdirSync(at.home.paths.root).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
