import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { aggregateOf } from './aggregates.ts';
import { EVENT_TYPES, type EventType } from './catalogue.ts';
import type { JsonObject } from './json/reader.ts';

const GOLDENS = JSON.parse(
  readFileSync(new URL('../../test/wire/payloads.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, { readonly valid: readonly JsonObject[] }>>;

describe('aggregateOf', () => {
  it('finds the aggregate of every payload that the catalogue accepts', () => {
    for (const type of EVENT_TYPES) {
      for (const payload of GOLDENS[type]?.valid ?? []) {
        const aggregate = aggregateOf(type, payload);
        expect(aggregate?.type).toMatch(/^(WorkPackage|Feature|Build|Mission|MissionDossier)$/);
        expect(aggregate?.id).toMatch(/./);
      }
    }
  });

  const slug = '014-bücher';
  it.each<[EventType, JsonObject, string, string]>([
    ['WPCreated', { wp_id: 'WP01' }, 'WorkPackage', 'WP01'],
    ['ErrorLogged', { wp_id: 'WP01' }, 'WorkPackage', 'WP01'],
    ['ErrorLogged', { wp_id: null }, 'Mission', 'error'],
    ['FeatureCreated', { feature_slug: '014-books' }, 'Feature', '014-books'],
    ['BuildRegistered', { build_id: '', node_id: 'n1' }, 'Build', 'n1'],
    ['BuildHeartbeat', {}, 'Build', 'build'],
    ['MissionClosed', { mission_slug: slug }, 'Mission', slug],
    ['MissionCreated', { mission_slug: slug, mission_id: 'm1' }, 'Mission', 'm1'],
    ['NextStepIssued', { run_id: 'r1', mission_slug: slug }, 'Mission', 'r1'],
    ['MissionRunStarted', {}, 'Mission', 'mission-run'],
    [
      'MissionDossierArtifactIndexed',
      { namespace: { mission_slug: slug }, artifact_id: { path: 'spec.md' } },
      'MissionDossier',
      `${slug}:spec.md`,
    ],
    [
      'MissionDossierArtifactMissing',
      { feature_slug: '014-books', expected_path_pattern: 'plan.md' },
      'MissionDossier',
      '014-books:plan.md',
    ],
    [
      'MissionDossierSnapshotComputed',
      { mission_slug: slug, snapshot_id: 's1' },
      'MissionDossier',
      `${slug}:s1`,
    ],
    [
      'MissionDossierParityDriftDetected',
      { mission_slug: slug },
      'MissionDossier',
      `${slug}:drift`,
    ],
    ['ProofItemRecorded', { subject: { subject_type: 'build', subject_id: 'b1' } }, 'Build', 'b1'],
    ['ProofItemRecorded', { subject: { subject_id: 'x' } }, 'Mission', 'x'],
  ])('%s %j is about %s %s', (type, payload, aggregateType, id) => {
    expect(aggregateOf(type, payload)).toEqual({ type: aggregateType, id });
  });

  it.each<[EventType, JsonObject]>([
    ['WPCreated', {}],
    ['WPCreated', { wp_id: 7 }],
    ['MissionClosed', JSON.parse('{"__proto__":{"mission_slug":"x"}}') as JsonObject],
    ['MissionDossierArtifactIndexed', { artifact_id: { path: 'spec.md' } }],
    ['MissionDossierArtifactIndexed', { namespace: { mission_slug: 'm' }, artifact_id: 'spec.md' }],
    ['ProofItemRecorded', { subject: null }],
  ])('%s %j does not say', (type, payload) => {
    expect(aggregateOf(type, payload)).toBeNull();
  });
});
