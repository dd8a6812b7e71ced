import { expect, it } from 'vitest';
import { needsLook, type RequiredArtifact, type SaidReport, standingOf } from './standing.ts';

function required(path: string, isPresent = true, artifactKey = path): RequiredArtifact {
  const reason = isPresent ? '' : 'not_found';
  const moment = { occurredAt: 1, lamport: 1, eventId: path };
  return { path, artifactClass: 'input', artifactKey, isPresent, reason, ...moment };
}

function report(occurredAt: number, members: Partial<SaidReport>): SaidReport {
  return {
    topic: 'snapshot',
    driftKind: '',
    parityHash: '',
    baselineHash: '',
    completeness: 'unknown',
    artifacts: null,
    required: null,
    present: null,
    occurredAt,
    lamport: 1,
    eventId: String(occurredAt),
    ...members,
  };
}

const snapshot = (at: number, parityHash: string): SaidReport => report(at, { parityHash });
const drift = (at: number, parityHash: string, driftKind = 'artifact_mutated'): SaidReport =>
  report(at, { topic: 'drift', parityHash, baselineHash: 'base', driftKind });
const counted = (present: number, all: number): SaidReport =>
  report(9, {
    required: all,
    present,
    completeness: present < all ? 'incomplete' : 'complete',
  });

it.each([
  ['nothing', [], [], ['unknown', null, null]],
  ['artifacts that are there', [required('a'), required('b')], [], ['complete', 2, 2]],
  ['one that is missing', [required('a'), required('b', false)], [], ['incomplete', 2, 1]],
  ['a snapshot alone', [], [counted(3, 5)], ['incomplete', 5, 3]],
  ['a snapshot that knows more', [required('a', false)], [counted(4, 5)], ['incomplete', 5, 4]],
  // Clients count what lies there: an artifact that was deleted is in no count of theirs.
  [
    'a snapshot that knows less',
    [required('a'), required('b', false)],
    [counted(1, 1)],
    ['incomplete', 2, 1],
  ],
  ['a snapshot that knows nothing', [], [report(9, {})], ['unknown', null, null]],
  [
    'a status without figures',
    [],
    [report(9, { completeness: 'complete' })],
    ['complete', null, null],
  ],
  ['the last of several snapshots', [], [counted(1, 5), counted(5, 5)], ['complete', 5, 5]],
] as const)('counts by %s', (_name, words, reports, wanted) => {
  const standing = standingOf(words, reports);
  expect([standing.completeness, standing.required, standing.present]).toEqual(wanted);
  expect(needsLook(standing)).toBe(wanted[0] === 'incomplete');
});

it('takes a missing pattern for answered by what came under its key', () => {
  const pattern = required('docs/**/*.md', false, 'docs');
  expect(standingOf([pattern], []).missing).toEqual([pattern]);
  expect(standingOf([pattern, required('docs/a/b.md', true, 'docs')], [])).toMatchObject({
    completeness: 'complete',
    required: 1,
    missing: [],
  });
  const plain = required('docs/c.md', false, 'docs');
  expect(standingOf([plain, required('docs/a/b.md', true, 'docs')], []).missing).toEqual([plain]);
});

it.each([
  ['nothing', [], 'none', null, null],
  ['snapshots alone', [snapshot(1, 'a'), snapshot(2, 'base')], 'none', null, null],
  ['a difference', [snapshot(1, 'a'), drift(2, 'a')], 'open', 2, null],
  ['more differences', [drift(2, 'a'), snapshot(3, 'b'), drift(4, 'b')], 'open', 2, null],
  ['a snapshot as its baseline', [drift(2, 'a'), snapshot(5, 'base')], 'gone', 2, 5],
  ['a resolution', [drift(2, 'a'), drift(6, 'b', 'anomaly_resolved')], 'gone', 2, 6],
  ['equal hashes', [drift(2, 'a'), drift(6, 'base')], 'gone', 2, 6],
  ['another one later', [drift(2, 'a'), snapshot(5, 'base'), drift(7, 'c')], 'open', 7, null],
  ['a resolution of nothing', [drift(6, 'b', 'anomaly_resolved')], 'none', null, null],
] as const)('says of %s whether a dossier drifts, and since when', (_name, reports, ...wanted) => {
  const { drift: found } = standingOf([], reports);
  expect([found.state, found.since, found.goneAt]).toEqual(wanted);
});

it('names the kinds of a difference, and doubts one that the dossier has changed since', () => {
  const kinds = [drift(1, 'a', 'x'), drift(2, 'a', 'y'), drift(3, 'b', 'x')];
  expect(standingOf([], kinds).drift).toMatchObject({
    kinds: ['x', 'y'],
    parityHash: 'b',
    baselineHash: 'base',
    isOutdated: false,
  });
  expect(standingOf([], [...kinds, snapshot(4, 'b')]).drift.isOutdated).toBe(false);
  expect(standingOf([], [...kinds, snapshot(4, 'c')]).drift.isOutdated).toBe(true);
  expect(standingOf([], [...kinds, snapshot(4, 'c'), drift(5, 'c')]).drift.isOutdated).toBe(false);
});
