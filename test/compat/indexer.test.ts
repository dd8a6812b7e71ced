import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { indexArtifacts, type Artifact } from '../../src/bodies/dossier/artifacts.ts';
import { manifestOf } from '../../src/bodies/dossier/manifests.ts';
import { takeSnapshot } from '../../src/bodies/dossier/snapshot.ts';
import { walkMission } from '../../src/bodies/dossier/walk.ts';
import { assert, systemFiles } from '../../src/base/index.ts';
import { sampleMissions } from '../support/command-line.ts';
import { tempDir } from '../support/temp-home.ts';
import { describeVectors, expectSame } from './vectors.ts';

interface RecordedArtifact {
  readonly relative_path: string;
  readonly artifact_class: string;
  readonly artifact_key: string;
  readonly required_status: string;
  readonly content_hash_sha256: string;
  readonly size_bytes: number;
  readonly is_present: boolean;
  readonly error_reason: string | null;
}

interface RecordedRun {
  readonly mission_type: string;
  readonly step_id: string | null;
  readonly parity_hash_sha256: string;
  readonly completeness_status: string;
  readonly upstream_raises?: string;
  readonly artifacts?: readonly RecordedArtifact[];
}

interface Recorded {
  readonly synthetic: readonly {
    readonly tree: string;
    readonly files?: Readonly<Record<string, { readonly text?: string; readonly base64?: string }>>;
    readonly runs?: readonly RecordedRun[];
    readonly indexed_paths?: readonly string[];
  }[];
  readonly cases: readonly (RecordedRun & { readonly mission_dir: string })[];
}

function index(root: string, mission: string, missionType: string): readonly Artifact[] {
  const tree = walkMission(systemFiles, mission);
  assert(tree !== null, 'the mission is there');
  const manifest = manifestOf(missionType);
  return indexArtifacts({ files: systemFiles, root, manifest, dossier: null }, tree);
}

/** Classes, hashes and presence of every artifact; keys and what is required of those at the top. */
function compare(all: readonly Artifact[], run: RecordedRun): void {
  // A name that Windows takes for a device is reported and left alone.
  const ours = all.filter(({ path: each }) => each !== 'nul.md');
  const recorded = (run.artifacts ?? []).filter(
    (each) => each.error_reason !== 'not_found' && each.relative_path !== 'nul.md',
  );
  expectSame(
    ours.map((each) => ({
      path: each.path,
      class: each.artifactClass,
      hash: each.sha256 ?? '',
      size: each.bytes,
      isPresent: each.isPresent,
      error: each.error,
    })),
    [...recorded]
      .sort((a, b) => (a.relative_path < b.relative_path ? -1 : 1))
      .map((each) => ({
        path: each.relative_path,
        class: each.artifact_class,
        hash: each.content_hash_sha256,
        size: each.size_bytes,
        isPresent: each.is_present,
        error: each.error_reason,
      })),
  );
  // Keys by the whole path: only those at the top are the recorded ones.
  for (const each of ours) {
    const theirs = recorded.find((one) => one.relative_path === each.path);
    if (each.path.includes('/') || theirs === undefined) continue;
    expect([each.path, each.key]).toEqual([each.path, theirs.artifact_key]);
    const status = each.requiredBy === null ? 'optional' : 'required';
    expect([each.path, status]).toEqual([each.path, theirs.required_status]);
  }
  const manifest = manifestOf(run.mission_type);
  if (ours.length === all.length) {
    expectSame(takeSnapshot(ours, manifest !== null).hash, run.parity_hash_sha256);
  }
}

describeVectors<Recorded>('indexer.json', ({ synthetic, cases }) => {
  it.each(synthetic.filter(({ files }) => files !== undefined))('tree $tree', ({ files, runs }) => {
    const root = tempDir();
    for (const [name, content] of Object.entries(files ?? {})) {
      const file = path.join(root, 'm', name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(
        file,
        Buffer.from(
          content.text ?? content.base64 ?? '',
          content.text === undefined ? 'base64' : 'utf8',
        ),
      );
    }
    fs.mkdirSync(path.join(root, 'm'), { recursive: true });
    for (const run of runs ?? []) {
      // Where the earlier program gave up on a name, ours has the artifact.
      if (run.upstream_raises !== undefined || run.step_id !== null) continue;
      compare(index(root, path.join(root, 'm'), run.mission_type), run);
    }
    expect(index(root, path.join(root, 'm'), 'software-dev').length).toBe(
      Object.keys(files ?? {}).filter((name) => !/(?:^|\/)\./.test(name)).length,
    );
  });

  it('a tree with links: the earlier program followed them, ours never does', () => {
    const recorded = synthetic.find(({ tree }) => tree === 'symlinks');
    expect(recorded?.indexed_paths).toContain('escape.md');
    const root = tempDir();
    const at = (name: string): string => path.join(root, 'm', name);
    fs.mkdirSync(at('real'), { recursive: true });
    fs.writeFileSync(path.join(root, 'outside.md'), 'secret');
    fs.writeFileSync(at('spec.md'), '# Spec\n');
    fs.writeFileSync(at('real/a.md'), 'a');
    fs.symlinkSync('spec.md', at('link.md'));
    fs.symlinkSync('real', at('dirlink'));
    fs.symlinkSync('missing', at('dangling.md'));
    fs.symlinkSync(path.join(root, 'outside.md'), at('escape.md'));
    const all = index(root, path.join(root, 'm'), 'software-dev');
    const present = all.filter((each) => each.isPresent).map((each) => each.path);
    expect(present).toEqual(['real/a.md', 'spec.md']);
    expect(all.filter((each) => each.error === 'symlink')).toHaveLength(4);
  });

  const samples = sampleMissions();
  it.skipIf(samples === null).each(cases)('mission $mission_dir', (run) => {
    const root = samples ?? '';
    const artifacts = index(root, path.join(root, run.mission_dir), run.mission_type);
    compare(artifacts, run);
    expect(artifacts.length).toBeGreaterThan(0);
  });
});
