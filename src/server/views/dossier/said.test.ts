import { expect, it } from 'vitest';
import { NAMESPACE } from '../../../../test/support/dossier-events.ts';
import { envelope, OTHER_PROJECT } from '../../../../test/support/receiver-trial.ts';
import { parseEnvelope } from '../../../wire/index.ts';
import { missionAlone } from '../../dossier.ts';
import { readDossierSaid, type Reading } from './said.ts';

const HASH = 'AB'.repeat(32);
const LOW = HASH.toLowerCase();
const IDENTITY = { mission_type: 'software-dev', path: 'spec.md', artifact_class: 'input' };
const NAMES = {
  missionSlug: '042-demo',
  targetBranch: 'main',
  missionType: 'software-dev',
  manifestVersion: '1',
};

function read(what: string, payload: Readonly<Record<string, unknown>>): Reading {
  const type = `MissionDossier${what}`;
  const parsed = parseEnvelope(envelope(7, { event_type: type, payload }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return readDossierSaid(type, parsed.value.envelope, '042-demo');
}

function nested(what: string, payload: Readonly<Record<string, unknown>>): Reading {
  return read(what, { namespace: NAMESPACE, ...payload });
}

it('reads what is there, in both generations', () => {
  const word = {
    kind: 'artifact',
    path: 'spec.md',
    artifactClass: 'input',
    artifactKey: 'input.spec.main',
    need: 'required',
    isPresent: true,
    sha256: LOW,
    reason: '',
  };
  const notes = { artifact_key: 'input.spec.main', required_status: 'required' };
  expect(
    nested('ArtifactIndexed', {
      artifact_id: IDENTITY,
      content_ref: { algorithm: 'sha256', hash: HASH },
      context_diagnostics: notes,
    }),
  ).toEqual({ said: { names: NAMES, what: word }, issue: null });
  expect(
    read('ArtifactIndexed', {
      feature_slug: '042-demo',
      ...notes,
      artifact_class: 'other',
      relative_path: 'spec.md',
      content_hash_sha256: HASH,
    }),
  ).toEqual({
    said: { names: missionAlone('042-demo'), what: { ...word, artifactClass: 'runtime' } },
    issue: null,
  });
});

it.each([
  ['a step that has to produce it', { manifest_step: 'plan' }, 'required'],
  ['no step', { manifest_step: 'default' }, 'optional'],
  ['its status', { context_diagnostics: { required_status: 'optional' } }, 'optional'],
  [
    'that it blocks',
    { manifest_step: 'default', context_diagnostics: { blocking: 'True' } },
    'required',
  ],
  ['that it does not block', { context_diagnostics: { blocking: 'False' } }, 'optional'],
  ['nothing of the kind', {}, 'required'],
])('takes what is missing as required or not by %s', (_name, members, need) => {
  const { said } = nested('ArtifactMissing', { expected_identity: IDENTITY, ...members });
  expect(said?.what).toMatchObject({ path: 'spec.md', isPresent: false, need, sha256: null });
});

it('reads why something is missing, in both generations', () => {
  const later = { expected_identity: IDENTITY, context_diagnostics: { reason_code: 'unreadable' } };
  expect(nested('ArtifactMissing', later).said?.what).toMatchObject({ reason: 'unreadable' });
  const first = { mission_slug: 'x', expected_path_pattern: 'docs/**/*.md', blocking: false };
  expect(read('ArtifactMissing', { ...first, reason_code: 'not_found' }).said?.what).toMatchObject({
    path: 'docs/**/*.md',
    reason: 'not_found',
    need: 'optional',
  });
  const silent = { expected_identity: IDENTITY };
  expect(nested('ArtifactMissing', silent).said?.what).toMatchObject({ reason: 'unknown' });
});

it.each([
  ['texts', { required_artifacts: '5', required_present: '3' }, [5, 3, 'incomplete']],
  ['other names', { required: '5', required_present: '5' }, [5, 5, 'complete']],
  ['what is amiss', { required_artifacts: '5' }, [5, 4, 'incomplete']],
  ['a status alone', { completeness_status: 'complete' }, [null, null, 'complete']],
  ['that nobody knows', { completeness_status: 'unknown', required: '0' }, [0, 0, 'unknown']],
  ['nothing', {}, [null, null, 'incomplete']],
  ['what cannot be', { required: '2', required_present: '3' }, [null, null, 'incomplete']],
  ['what is no number', { required: '-2', required_present: 'x' }, [null, null, 'incomplete']],
])('reads the figures of a snapshot from %s', (_name, notes, [required, present, completeness]) => {
  const facts = { snapshot_hash: HASH, artifact_count: 9, anomaly_count: 1 };
  const { said } = nested('SnapshotComputed', { ...facts, context_diagnostics: notes });
  expect(said?.what).toEqual({
    kind: 'report',
    topic: 'snapshot',
    driftKind: '',
    parityHash: LOW,
    baselineHash: '',
    completeness,
    artifacts: 9,
    required,
    present,
  });
});

it('reads the first generation’s snapshots and differences', () => {
  const counts = { total: 8, required: 4, required_present: 4, required_missing: 0 };
  const snapshot = { mission_slug: 'x', parity_hash_sha256: HASH, completeness_status: 'complete' };
  expect(read('SnapshotComputed', { ...snapshot, counts }).said?.what).toMatchObject({
    parityHash: LOW,
    completeness: 'complete',
    artifacts: 8,
    required: 4,
    present: 4,
  });
  const drift = { mission_slug: 'x', local_parity_hash: 'b', baseline_parity_hash: 'A' };
  expect(read('ParityDriftDetected', drift).said?.what).toMatchObject({
    topic: 'drift',
    driftKind: 'anomaly_introduced',
    parityHash: 'b',
    baselineHash: 'a',
  });
});

it.each([
  ['ArtifactIndexed', {}, 'names no path inside the mission', null],
  ['ArtifactIndexed', { artifact_id: { path: '../x' } }, 'names no path inside the mission', null],
  [
    'ArtifactIndexed',
    { artifact_id: { path: 'é'.repeat(600) } },
    'names a path longer than 1024 bytes',
    null,
  ],
  ['ArtifactIndexed', { artifact_id: IDENTITY }, 'states no SHA-256', { sha256: null }],
  ['ArtifactMissing', { expected_identity: 7 }, 'names no path inside the mission', null],
  ['SnapshotComputed', { snapshot_hash: 7 }, 'states no hash', null],
  ['ParityDriftDetected', { drift_kind: 'x' }, 'does not state both hashes', { driftKind: 'x' }],
  [
    'SnapshotComputed',
    { snapshot_hash: HASH, context_diagnostics: { required: 1, required_present: 2 } },
    'counts more required artifacts than there are',
    { required: null },
  ],
])('keeps of an odd %s event what is plain in %j', (what, payload, issue, kept) => {
  const reading = nested(what, payload);
  expect(reading.issue).toBe(issue);
  if (kept === null) expect(reading.said).toEqual({ names: NAMES, what: null });
  else expect(reading.said?.what).toMatchObject(kept);
});

it('learns nothing from events of nobody’s mission, of another project, or of another kind', () => {
  const other = { namespace: { ...NAMESPACE, project_uuid: OTHER_PROJECT } };
  expect(read('SnapshotComputed', { ...other, snapshot_hash: HASH })).toEqual({
    said: null,
    issue: 'speaks of another project',
  });
  const parsed = parseEnvelope(envelope(1));
  if (!parsed.ok) throw new Error('the envelope of these tests is one');
  const { envelope: plain } = parsed.value;
  expect(readDossierSaid('MissionDossierSnapshotComputed', plain, '')).toEqual({
    said: null,
    issue: 'names no mission',
  });
  for (const type of ['WPAssigned', 'MissionDossierPainted', 'constructor']) {
    expect(readDossierSaid(type, plain, '042-demo')).toEqual({ said: null, issue: null });
  }
});
