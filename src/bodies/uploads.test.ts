import { describe, expect, it } from 'vitest';
import { ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { PROJECT_ID } from '../../test/support/envelopes.ts';
import { sha256Hex } from '../base/index.ts';
import { namespaceOf } from './namespace.ts';
import { bodiesStream } from './stream.ts';
import { placesTaken, storeUpload, type Stored, type Upload } from './uploads.ts';

const HERE = namespaceOf(PROJECT_ID, {
  missionSlug: '100-x',
  targetBranch: 'main',
  missionType: 'software-dev',
  manifestVersion: '1',
});
const LIMITS = { now: 1_000, capacity: 100 };

function upload(text: string, change: Partial<Upload> = {}): Upload {
  const content = Buffer.from(text);
  return {
    namespace: HERE,
    path: 'spec.md',
    content,
    sha256: sha256Hex(content),
    checkoutId: 1,
    indexSeq: null,
    eligible: true,
    origin: 'prepare',
    ...change,
  };
}

function store(trial: LedgerTrial, each: Upload, capacity = 100): Stored {
  return trial.db.tx(() => storeUpload(trial.db, each, { ...LIMITS, capacity }));
}

function kept(trial: LedgerTrial): readonly object[] {
  return trial.db.all('SELECT seq, mission_slug, target_branch, artifact_path, bytes FROM uploads');
}

function blobs(trial: LedgerTrial): readonly string[] {
  return trial.db
    .all<{ content: Uint8Array }>('SELECT content FROM blobs ORDER BY blob_id')
    .map(({ content }) => Buffer.from(content).toString());
}

/** Makes the trial's route say that `n` bodies were delivered. */
function deliver(trial: LedgerTrial, n: number): void {
  const genId = trial.generation(trial.grant('a'), bodiesStream).id;
  trial.db.run('INSERT INTO delivery_counts (gen_id, state, n) VALUES (:genId, 2, :n)', {
    genId,
    n,
  });
}

describe('storing an upload', () => {
  it('is once for namespace, path and hash, whatever the capacity', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    expect(store(trial, upload('a'))).toBe('enqueued');
    expect(store(trial, upload('a'))).toBe('already_in_queue');
    expect(store(trial, upload('a'), 1)).toBe('already_in_queue');
    expect(store(trial, upload('b'))).toBe('enqueued');
    const branch = { ...HERE, targetBranch: 'other' };
    expect(store(trial, upload('a', { namespace: branch }))).toBe('enqueued');
    expect(store(trial, upload('a', { path: 'plan.md' }))).toBe('enqueued');
    expect(kept(trial)).toEqual([
      { seq: 1, mission_slug: '100-x', target_branch: 'main', artifact_path: 'spec.md', bytes: 1 },
      { seq: 2, mission_slug: '100-x', target_branch: 'main', artifact_path: 'spec.md', bytes: 1 },
      { seq: 3, mission_slug: '100-x', target_branch: 'other', artifact_path: 'spec.md', bytes: 1 },
      { seq: 4, mission_slug: '100-x', target_branch: 'main', artifact_path: 'plan.md', bytes: 1 },
    ]);
    expect(blobs(trial)).toEqual(['a', 'b']);
  });

  it('refuses at the capacity and keeps nothing of what it refused', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    expect(store(trial, upload('a'), 2)).toBe('enqueued');
    expect(store(trial, upload('b'), 2)).toBe('enqueued');
    expect(store(trial, upload('c'), 2)).toBe('queue_full');
    expect(placesTaken(trial.db)).toBe(2);
    expect(blobs(trial)).toEqual(['a', 'b']);
  });

  it('gives back the places of what a receiver has', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    store(trial, upload('a'));
    store(trial, upload('b'));
    deliver(trial, 2);
    expect(placesTaken(trial.db)).toBe(0);
    expect(store(trial, upload('c'), 1)).toBe('enqueued');
    expect(store(trial, upload('d'), 1)).toBe('queue_full');
  });

  it('refuses a text that is not the one of its hash', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    expect(() => store(trial, upload('a', { sha256: sha256Hex('b') }))).toThrow('hash');
    expect(() => store(trial, upload(''))).toThrow('bytes');
    expect(kept(trial)).toEqual([]);
  });

  it('carries how far an old queue had got', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    const carried = { retryCount: 7, dueAt: 5_000, createdAt: 12 };
    store(trial, upload('a', { origin: 'legacy', checkoutId: null, carried }));
    expect(trial.db.get('SELECT retry_count, due_at, created_at, origin FROM uploads')).toEqual({
      retry_count: 7,
      due_at: 5_000,
      created_at: 12,
      origin: 'legacy',
    });
  });
});

describe('the rows', () => {
  it.each([
    ['immutable', `UPDATE uploads SET artifact_path = 'x'`],
    ['immutable', 'DELETE FROM uploads'],
    ['immutable', `UPDATE blobs SET content = zeroblob(1)`],
    ['immutable', 'DELETE FROM blobs'],
    ['CHECK', `INSERT INTO blobs (sha256, bytes, content) VALUES ('${'0'.repeat(64)}', 2, x'00')`],
    ['CHECK', `INSERT INTO blobs (sha256, bytes, content) VALUES ('zz', 1, x'00')`],
  ])('refuse: %s, %s', (why, sql) => {
    const trial = ledgerTrial();
    trial.capture(1);
    store(trial, upload('a'));
    expect(() => trial.db.run(sql)).toThrow(why);
    expect(blobs(trial)).toEqual(['a']);
  });

  it('are not replaced either', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    store(trial, upload('a'));
    const before = [kept(trial), blobs(trial)];
    trial.db.run(`REPLACE INTO blobs SELECT blob_id, sha256, 1, x'00' FROM blobs`);
    trial.db.run(`REPLACE INTO uploads SELECT * FROM uploads`);
    expect([kept(trial), blobs(trial)]).toEqual(before);
  });

  it('are refused for another project and without their text', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    const foreign = { ...HERE, projectUuid: 'another' };
    expect(() => store(trial, upload('a', { namespace: foreign }))).toThrow('FOREIGN KEY');
    const sql = `INSERT INTO uploads (project_id, eligible, origin, mission_slug, target_branch, mission_type,
      manifest_version, artifact_path, sha256, bytes, created_at)
      VALUES ('${PROJECT_ID}', 1, 'prepare', 'm', 'b', 't', '1', 'p', '${'0'.repeat(64)}', 1, 1)`;
    expect(() => trial.db.run(sql)).toThrow('is stored before it');
  });

  it('are loaded with their bytes in the order asked for', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    store(trial, upload('a'));
    store(trial, upload('b'));
    const loaded = bodiesStream.load(trial.db, [1, 2]);
    expect(loaded.map(({ seq, bytes }) => [seq, Buffer.from(bytes).toString()])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });
});
