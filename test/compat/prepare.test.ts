import { expect, it } from 'vitest';
import { speakerAt } from '../../src/bodies/dossier/announcements.ts';
import type { Artifact } from '../../src/bodies/dossier/artifacts.ts';
import { namespaceOf } from '../../src/bodies/index.ts';
import { prepareBodyUploads, type Preparation } from '../../src/bodies/prepare.ts';
import { sha256Hex } from '../../src/base/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { missionTrial, type MissionTrial } from '../support/mission-trial.ts';
import { describeVectors } from './vectors.ts';

interface Said {
  readonly status: string;
  readonly reason: string;
}

interface Recorded {
  readonly prepare_cases: readonly {
    readonly name: string;
    readonly path: string;
    readonly indexed: {
      readonly is_present: boolean;
      readonly error_reason: string | null;
      readonly size_bytes: number;
    };
    readonly outcome: Said & { readonly retryable: boolean; readonly content_hash_set: boolean };
    readonly second_run: Said;
  }[];
  readonly prepare_queue_full_with_capacity_2: readonly (Said & { readonly path: string })[];
}

/** Of the recorded files, their sizes alone are known. */
function contentOf(name: string, bytes: number): Buffer {
  if (name === 'binary_md') return Buffer.from([0xff, 0xfe, 0x00]);
  if (name === 'multibyte_at_limit') return Buffer.from('é'.repeat(bytes / 2));
  if (name === 'only_newline') return Buffer.from('\n');
  if (name === 'crlf') return Buffer.from('a\r\nb');
  return Buffer.from('x'.repeat(name.startsWith('size_lies') ? 1 : bytes));
}

function artifact(trial: MissionTrial, path: string, content: Buffer): Artifact {
  return {
    path,
    absolutePath: trial.put(path, content),
    artifactClass: 'output',
    key: 'artifact.x',
    requiredBy: null,
    sha256: sha256Hex(content),
    bytes: content.length,
    isPresent: true,
    error: null,
    stat: null,
    isUnchanged: false,
  };
}

function preparation({ run, root }: MissionTrial, capacity: number): Preparation {
  const namespace = namespaceOf(PROJECT_ID, {
    missionSlug: 'm',
    targetBranch: 'main',
    missionType: 'software-dev',
    manifestVersion: '1',
  });
  const { ids, clock } = run.journal.system;
  return {
    journal: run.journal,
    checkoutId: run.checkoutId,
    root,
    speaker: speakerAt({ namespace, origin: run.origin, ids, now: clock.now() }),
    capacity,
  };
}

function asSaid({ status, reason }: Said): Said {
  return { status, reason };
}

describeVectors<Recorded>('surface_filter.json', (recorded) => {
  it.each(recorded.prepare_cases)('preparing $name', ({ name, path, indexed, ...then }) => {
    const trial = missionTrial();
    const read = artifact(trial, path, contentOf(name, indexed.size_bytes));
    const listed: Artifact = {
      ...read,
      sha256: indexed.is_present ? read.sha256 : null,
      isPresent: indexed.is_present,
      error: indexed.error_reason,
      bytes: indexed.size_bytes,
    };
    const [first] = prepareBodyUploads(preparation(trial, 100), [listed]).outcomes;
    expect(first).toMatchObject(asSaid(then.outcome));
    expect(first?.retryable).toBe(then.outcome.retryable);
    expect(first?.contentHash !== null).toBe(then.outcome.content_hash_set);
    const [second] = prepareBodyUploads(preparation(trial, 100), [listed]).outcomes;
    expect(second).toMatchObject(asSaid(then.second_run));
  });

  it('preparing with two places', () => {
    const trial = missionTrial();
    const all = recorded.prepare_queue_full_with_capacity_2;
    // The path that comes again does so with another content.
    const seen = new Set<string>();
    const outcomes = all.flatMap(({ path }) => {
      const content = Buffer.from(`${path} ${seen.has(path) ? 'again' : 'once'}`);
      seen.add(path);
      return prepareBodyUploads(preparation(trial, 2), [artifact(trial, path, content)]).outcomes;
    });
    expect(outcomes.map((each) => ({ path: each.path, ...asSaid(each) }))).toEqual(
      all.map((each) => ({ path: each.path, ...asSaid(each) })),
    );
  });
});
