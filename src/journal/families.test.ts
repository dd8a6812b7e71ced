import { describe, expect, it } from 'vitest';
import { envelope, PROJECT_ID } from '../../test/support/envelopes.ts';
import { EVENT_TYPES, isKnownType } from '../wire/index.ts';
import { coalesceKey, FAMILIES, familyOf, missionOf } from './families.ts';

const INDEXED = 'MissionDossierArtifactIndexed';
const COMPUTED = 'MissionDossierSnapshotComputed';

function keyOf(type: string, payload: object): string | null {
  return coalesceKey(envelope(1, { type, payload: JSON.stringify(payload) }).envelope);
}

describe('familyOf', () => {
  it.each([
    ['MissionReopened', 'local_only'],
    ['FollowUpRecorded', 'local_only'],
    ['BuildHeartbeat', 'explicitly_discardable'],
    ['PresenceHeartbeat', 'explicitly_discardable'],
    ['WPStatusChanged', 'teamspace_bound'],
    [INDEXED, 'teamspace_bound'],
    ['SomethingFromTomorrow', 'unknown'],
    ['constructor', 'unknown'],
    ['', 'unknown'],
  ])('of %s is %s', (type, family) => {
    expect(familyOf(type, isKnownType)).toBe(family);
  });

  it('knows every type of the catalogue', () => {
    for (const type of EVENT_TYPES) expect(familyOf(type, isKnownType)).not.toBe('unknown');
  });

  it('has four answers, in the order of their stored numbers', () => {
    expect(FAMILIES).toEqual([
      'local_only',
      'explicitly_discardable',
      'teamspace_bound',
      'unknown',
    ]);
  });
});

describe('missionOf', () => {
  it.each([
    [{ mission_slug: '001-demo' }, '001-demo'],
    [{ feature_slug: '001-demo' }, '001-demo'],
    [{ mission_slug: '001-demo', feature_slug: '002-other' }, '001-demo'],
    [{ namespace: { mission_slug: '001-demo' } }, '001-demo'],
    [{ namespace: { feature_slug: '001-demo' } }, '001-demo'],
    [{ mission_slug: '', namespace: { mission_slug: '001-demo' } }, '001-demo'],
    [{ mission_slug: 7, namespace: 'x' }, null],
    [{}, null],
  ])('of %j is %s', (payload, mission) => {
    expect(missionOf(envelope(1, { payload: JSON.stringify(payload) }).envelope)).toBe(mission);
  });
});

describe('coalesceKey', () => {
  const whole = {
    namespace: { mission_slug: '001-demo', target_branch: 'main' },
    artifact_id: { path: 'spec.md' },
  };

  it('joins type, project, mission, branch and path', () => {
    expect(keyOf(INDEXED, whole)).toBe(
      JSON.stringify([INDEXED, PROJECT_ID, '001-demo', 'main', 'spec.md']),
    );
    expect(keyOf(COMPUTED, whole)).toBe(
      JSON.stringify([COMPUTED, PROJECT_ID, '001-demo', 'main', '']),
    );
  });

  it('is the same in the words of the older generation', () => {
    const older = { feature_slug: '001-demo', target_branch: 'main', relative_path: 'spec.md' };
    expect(keyOf(INDEXED, older)).toBe(keyOf(INDEXED, whole));
  });

  it.each([
    [{ ...whole, artifact_id: {} }],
    [{ ...whole, artifact_id: { path: '' } }],
    [{ ...whole, artifact_id: 'spec.md' }],
    [{ ...whole, namespace: { mission_slug: '001-demo' } }],
    [{ ...whole, namespace: { target_branch: 'main' } }],
    [{}],
  ])('is none where a part is missing: %j', (payload) => {
    expect(keyOf(INDEXED, payload)).toBeNull();
  });

  it.each([
    [{ ...whole, namespace: { mission_slug: '001-demo', target_branch: 'other' } }],
    [{ ...whole, namespace: { mission_slug: '002-other', target_branch: 'main' } }],
    [{ ...whole, artifact_id: { path: 'plan.md' } }],
  ])('is another one for %j', (payload) => {
    expect(keyOf(INDEXED, payload)).not.toBeNull();
    expect(keyOf(INDEXED, payload)).not.toBe(keyOf(INDEXED, whole));
  });

  it('is none for types of which every event counts', () => {
    expect(keyOf('WPStatusChanged', whole)).toBeNull();
  });
});
