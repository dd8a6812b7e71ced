import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { missionTrial } from '../../test/support/mission-trial.ts';
import { faultsFrom, sha256Hex, systemFiles, type Files } from '../base/index.ts';
import type { DossierRun } from './pipeline.ts';
import { MAX_BODY_BYTES } from './limits.ts';

const INDEXED = 'MissionDossierArtifactIndexed';
const MISSING = 'MissionDossierArtifactMissing';

type Trial = ReturnType<typeof missionTrial>;

/** The same run with other files. */
function withFiles(trial: Trial, change: Partial<Files>): Partial<DossierRun> {
  const { journal } = trial.run;
  const system = { ...journal.system, files: { ...systemFiles, ...change } };
  return { journal: { ...journal, system } };
}

describe('a mission', () => {
  it('is announced before its texts are kept, each text after its own event', () => {
    const trial = missionTrial();
    trial.put('spec.md', '# Spec');
    trial.put('meta.json', '{"target_branch":"2.x","mission_type":"software-dev"}');
    trial.put('tasks/WP01-a.md', 'one');
    const done = trial.sync();
    expect(trial.outcomes(done)).toEqual([
      'meta.json: skipped unsupported_surface',
      'spec.md: queued enqueued',
      'tasks/WP01-a.md: queued enqueued',
    ]);
    expect(trial.events().slice(0, 3)).toEqual([
      'ArtifactIndexed meta.json',
      'ArtifactIndexed spec.md',
      'ArtifactIndexed tasks/WP01-a.md',
    ]);
    expect(trial.events()[3]).toMatch(/^SnapshotComputed /);
    expect(done).toMatchObject({ events: 4, isUnchanged: false, problem: null, artifacts: 3 });
    expect(done.namespace).toMatchObject({ missionSlug: 'm', targetBranch: '2.x' });
    expect(trial.uploads()).toEqual(['spec.md # Spec', 'tasks/WP01-a.md one']);
    expect(
      trial.db.all(
        `SELECT e.aggregate_id, u.target_branch FROM uploads u JOIN events e ON e.seq = u.index_seq`,
      ),
    ).toEqual([
      { aggregate_id: 'm:spec.md', target_branch: '2.x' },
      { aggregate_id: 'm:tasks/WP01-a.md', target_branch: '2.x' },
    ]);
    expect(trial.payloads(INDEXED)[1]).toMatchObject({
      namespace: { mission_slug: 'm', target_branch: '2.x', manifest_version: '1' },
      artifact_id: { mission_type: 'software-dev', path: 'spec.md', artifact_class: 'input' },
      content_ref: { algorithm: 'sha256', hash: sha256Hex('# Spec'), size_bytes: 6 },
      context_diagnostics: { artifact_key: 'input.spec.main', required_status: 'required' },
    });
  });

  it('that is unchanged is not read again and says nothing', () => {
    const trial = missionTrial();
    for (const name of ['spec.md', 'plan.md', 'research/a.png', 'notes.txt']) trial.put(name, name);
    trial.put('research/bin.md', Buffer.from([0xff, 0xfe]));
    const first = trial.sync();
    const before = trial.events();
    let reads = 0;
    const count = (file: string): void => {
      if (!file.endsWith('.json')) reads += 1;
    };
    const counting = withFiles(trial, {
      readInside: (root, file, most) => {
        count(file);
        return systemFiles.readInside(root, file, most);
      },
      digestInside: (root, file) => {
        count(file);
        return systemFiles.digestInside(root, file);
      },
    });
    const again = trial.sync(counting);
    expect(again).toMatchObject({ isUnchanged: true, events: 0 });
    expect(reads).toBe(0);
    expect(trial.events()).toEqual(before);
    expect(trial.outcomes(again)).toEqual(
      trial
        .outcomes(first)
        .map((line) => line.replace('queued enqueued', 'already_exists already_in_queue')),
    );
    fs.utimesSync(path.join(trial.root, 'kitty-specs/m/spec.md'), 1, 1);
    expect(trial.sync(counting)).toMatchObject({ isUnchanged: false, events: 0 });
    expect(reads).toBe(2);
    expect(trial.sync(counting).isUnchanged).toBe(true);
  });

  it('ends with its current content announced, however it got there', () => {
    const trial = missionTrial();
    for (const text of ['A', 'B', 'A']) {
      trial.put('spec.md', text);
      trial.sync();
    }
    const hashes = trial.payloads(INDEXED).map((each) => each['content_ref']);
    expect(hashes).toMatchObject(['A', 'B', 'A'].map((text) => ({ hash: sha256Hex(text) })));
    expect(trial.uploads()).toEqual(['spec.md A', 'spec.md B']);
  });

  it('says what was deleted or renamed, once', () => {
    const trial = missionTrial();
    const file = trial.put('research/a.md', 'text');
    trial.sync();
    fs.renameSync(file, path.join(path.dirname(file), 'b.md'));
    const done = trial.sync();
    expect(done.deleted).toEqual(['research/a.md']);
    expect(trial.payloads(MISSING)).toMatchObject([
      {
        expected_identity: { path: 'research/a.md' },
        manifest_step: 'default',
        last_known_ref: { hash: sha256Hex('text') },
        context_diagnostics: { reason_code: 'deleted' },
      },
    ]);
    expect(trial.sync()).toMatchObject({ isUnchanged: true, deleted: [] });
    trial.put('research/a.md', 'text');
    trial.sync();
    expect(trial.payloads(INDEXED).map((each) => each['artifact_id'])).toMatchObject([
      { path: 'research/a.md' },
      { path: 'research/b.md' },
      { path: 'research/a.md' },
    ]);
  });

  it('says that something required cannot be read, once', () => {
    const trial = missionTrial();
    trial.put('spec.md', Buffer.from([0xff]));
    trial.put('img.png', Buffer.from([0xff]));
    trial.sync();
    trial.sync();
    expect(trial.payloads(MISSING)).toMatchObject([
      { manifest_step: 'specify', context_diagnostics: { reason_code: 'invalid_utf8' } },
    ]);
  });

  it('is worked in chunks that each stand alone', () => {
    const trial = missionTrial();
    for (let index = 0; index < 450; index += 1) trial.put(`research/${index}.md`, `text ${index}`);
    const done = trial.sync();
    expect(done.events).toBe(451);
    expect(trial.uploads()).toHaveLength(450);
  });
});

describe('content', () => {
  it('of two namespaces is kept once and uploaded twice', () => {
    const trial = missionTrial();
    trial.put('spec.md', 'same');
    trial.sync();
    trial.put('meta.json', '{"target_branch":"other"}');
    trial.sync();
    expect(trial.db.all('SELECT target_branch, artifact_path FROM uploads')).toEqual([
      { target_branch: 'main', artifact_path: 'spec.md' },
      { target_branch: 'other', artifact_path: 'spec.md' },
    ]);
    expect(trial.db.all('SELECT bytes FROM blobs')).toEqual([{ bytes: 4 }]);
  });

  it.each<[string, string | Uint8Array, string]>([
    ['one byte less', 'x'.repeat(MAX_BODY_BYTES - 1), 'queued enqueued'],
    ['the limit', 'x'.repeat(MAX_BODY_BYTES), 'queued enqueued'],
    ['the limit in signs of four bytes', '🚀'.repeat(MAX_BODY_BYTES / 4), 'queued enqueued'],
    [
      'one byte more',
      'x'.repeat(MAX_BODY_BYTES + 1),
      `skipped oversized: ${MAX_BODY_BYTES + 1} bytes > ${MAX_BODY_BYTES} limit`,
    ],
    ['nothing', '', 'skipped empty_content'],
    ['a byte order mark alone', '\u{feff}', 'queued enqueued'],
    ['both line ends', 'a\r\nb\n', 'queued enqueued'],
    ['a NUL', 'a\0b', 'queued enqueued'],
    ['control characters', '\u0001'.repeat(MAX_BODY_BYTES), 'queued enqueued'],
    ['half a sign', Buffer.from([0x61, 0xc3]), 'skipped not_present: invalid_utf8'],
    ['UTF-16', Buffer.from('text', 'utf16le'), 'queued enqueued'],
    ['an image', Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'skipped not_present: invalid_utf8'],
  ])('of %s', (_what, content, outcome) => {
    const trial = missionTrial();
    trial.put('research/x.md', content);
    expect(trial.outcomes(trial.sync())).toEqual([`research/x.md: ${outcome}`]);
    const kept = trial.db.get<{ content: Uint8Array }>('SELECT content FROM blobs');
    if (outcome === 'queued enqueued')
      expect(Buffer.from(kept?.content ?? []).equals(Buffer.from(content))).toBe(true);
    else expect(kept).toBeUndefined();
  });

  it('that finds no place says so and follows an event of its own once there is one', () => {
    const trial = missionTrial();
    trial.put('plan.md', 'p');
    trial.put('spec.md', 's');
    expect(trial.outcomes(trial.sync({ capacity: 1 }))).toEqual([
      'plan.md: queued enqueued',
      'spec.md: failed queue_full',
    ]);
    const events = trial.events().length;
    const full = trial.sync({ capacity: 1 });
    expect(trial.outcomes(full)[1]).toBe('spec.md: failed queue_full');
    expect(trial.events()).toHaveLength(events);
    expect(trial.outcomes(trial.sync())[1]).toBe('spec.md: queued enqueued');
    expect(
      trial.db.get(
        'SELECT e.aggregate_id FROM uploads u JOIN events e ON e.seq = u.index_seq AND u.seq = 2',
      ),
    ).toEqual({ aggregate_id: 'm:spec.md' });
    expect(trial.sync().isUnchanged).toBe(true);
  });
});

describe('a file that changes under the eyes', () => {
  it('is left for the next run when its text is not what the index said', () => {
    const trial = missionTrial();
    const file = trial.put('spec.md', 'old');
    const changing: Partial<Files> = {
      readInside: (root, name, most) => {
        if (name === file) fs.writeFileSync(file, 'new');
        return systemFiles.readInside(root, name, most);
      },
    };
    const done = trial.sync(withFiles(trial, changing));
    expect(done.outcomes).toMatchObject([{ reason: 'content_hash_mismatch', retryable: true }]);
    expect(trial.payloads(INDEXED)).toEqual([]);
    expect(trial.outcomes(trial.sync())).toEqual(['spec.md: queued enqueued']);
    expect(trial.uploads()).toEqual(['spec.md new']);
  });

  it('is left for the next run when it vanishes', () => {
    const trial = missionTrial();
    const file = trial.put('spec.md', 'old');
    const vanishing: Partial<Files> = {
      readInside: (root, name, most) => {
        if (name === file) fs.rmSync(file, { force: true });
        return systemFiles.readInside(root, name, most);
      },
    };
    expect(trial.outcomes(trial.sync(withFiles(trial, vanishing)))).toEqual([
      'spec.md: skipped deleted_after_scan',
    ]);
    expect(trial.sync()).toMatchObject({ outcomes: [], deleted: [] });
  });

  it('is read once through one descriptor: a write meanwhile is seen', () => {
    const trial = missionTrial();
    const file = trial.put('spec.md', 'old');
    const done = trial.sync(
      withFiles(trial, { digestInside: () => ({ ok: false, reason: 'changed' }) }),
    );
    expect(trial.outcomes(done)).toEqual(['spec.md: skipped not_present: changed']);
    expect(trial.events()).toEqual([]);
    expect(fs.readFileSync(file, 'utf8')).toBe('old');
    expect(trial.outcomes(trial.sync())).toEqual(['spec.md: queued enqueued']);
  });
});

describe('a problem', () => {
  it('of a mission is its outcome', () => {
    const trial = missionTrial();
    expect(trial.sync({}, 'nothing')).toMatchObject({ problem: { code: 'missing_directory' } });
    trial.put('meta.json', '{"target_branch":');
    trial.put('spec.md', 'x');
    expect(trial.sync()).toMatchObject({ problem: { code: 'meta_unreadable' }, outcomes: [] });
    expect(trial.events()).toEqual([]);
  });

  it('of an empty mission is none', () => {
    const trial = missionTrial();
    const done = trial.sync();
    expect(done).toMatchObject({ problem: null, outcomes: [], artifacts: 0 });
    expect(trial.payloads('MissionDossierSnapshotComputed')).toMatchObject([
      { snapshot_hash: sha256Hex(''), artifact_count: 0, anomaly_count: 0 },
    ]);
    expect(trial.sync().isUnchanged).toBe(true);
  });

  it('of the store becomes the outcome, and the next run converges', () => {
    for (const point of [
      'capture.begin',
      'prepare.file:2',
      'capture.commit',
      'capture.acknowledge',
    ]) {
      const trial = missionTrial(
        faultsFrom(point, () => {
          throw new Error('killed');
        }),
      );
      for (const name of ['spec.md', 'plan.md', 'tasks.md']) trial.put(name, name);
      expect(() => trial.sync()).toThrow('killed');
      const done = trial.sync();
      expect(done.problem).toBeNull();
      expect(trial.uploads()).toHaveLength(3);
      expect(trial.events()).toHaveLength(4);
      expect(trial.sync().isUnchanged).toBe(true);
    }
  });
});

describe('a look ahead', () => {
  it('says what would happen and writes nothing', () => {
    const trial = missionTrial();
    trial.put('spec.md', 'x');
    trial.put('plan.md', 'x');
    trial.put('note.txt', 'x');
    expect(trial.outcomes(trial.sync({ dryRun: true, capacity: 1 }))).toEqual([
      'note.txt: skipped unsupported_surface',
      'plan.md: queued enqueued',
      'spec.md: failed queue_full',
    ]);
    expect(trial.events()).toEqual([]);
    expect(trial.db.all('SELECT * FROM dossiers')).toEqual([]);
  });
});

describe('a baseline', () => {
  it('that a mission departs from is said once, while it lasts', () => {
    const trial = missionTrial();
    trial.put('spec.md', 'x');
    const place = path.join(trial.root, '.kittify/dossiers/m');
    fs.mkdirSync(place, { recursive: true });
    const expected = sha256Hex('what was');
    const key = {
      project_uuid: trial.db.get<{ id: string }>('SELECT project_id AS id FROM store')?.id,
      node_id: sha256Hex('myhost:alice').slice(0, 12),
      mission_slug: 'm',
      target_branch: 'main',
      mission_type: 'software-dev',
      manifest_version: '1',
    };
    const file = path.join(place, 'parity-baseline.json');
    const write = (baseline: object): void => {
      fs.writeFileSync(file, JSON.stringify(baseline));
    };
    write({ baseline_key: { ...key, target_branch: 'other' }, parity_hash_sha256: expected });
    trial.sync();
    expect(trial.payloads('MissionDossierParityDriftDetected')).toEqual([]);
    write({ baseline_key: key, parity_hash_sha256: expected });
    trial.sync();
    trial.sync();
    expect(trial.payloads('MissionDossierParityDriftDetected')).toMatchObject([
      { expected_hash: expected, actual_hash: sha256Hex(sha256Hex('x')) },
    ]);
  });
});
