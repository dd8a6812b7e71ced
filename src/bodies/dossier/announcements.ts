import { assert, uuidV5, type Ids, type Millis } from '../../base/index.ts';
import type { Draft } from '../../journal/index.ts';
import { aggregateOf, type EventId, type EventType, type JsonObject } from '../../wire/index.ts';
import { namespaceToWire, type NamespaceRef } from '../namespace.ts';
import type { Artifact } from './artifacts.ts';
import type { Snapshot } from './snapshot.ts';

// The four events of the artifact index (wire contract 5.3), later generation.

/** Who speaks, and of which mission. */
export interface Speaker {
  readonly namespace: NamespaceRef;
  /** What every envelope of this run states of the project and its git. */
  readonly origin: Pick<Draft, 'projectSlug' | 'gitBranch' | 'headCommitSha' | 'repoSlug'>;
  readonly ids: Ids;
  readonly now: Millis;
  /** What all events of the mission say alike: `now`, and the namespace under its names on the wire. */
  readonly instant: string;
  readonly place: ReturnType<typeof namespaceToWire>;
}

/** Somebody who speaks of one mission at one moment. */
export function speakerAt(about: Pick<Speaker, 'namespace' | 'origin' | 'ids' | 'now'>): Speaker {
  const instant = new Date(about.now).toISOString();
  return { ...about, instant, place: namespaceToWire(about.namespace) };
}

/** Says that an artifact is there, and the hash of its bytes. */
export function announceArtifact(speaker: Speaker, artifact: Artifact): Draft {
  assert(artifact.sha256 !== null, 'an artifact that is present has a hash');
  return draft(speaker, 'MissionDossierArtifactIndexed', {
    artifact_id: identity(speaker, artifact),
    content_ref: { algorithm: 'sha256', hash: artifact.sha256, size_bytes: artifact.bytes },
    indexed_at: speaker.instant,
    context_diagnostics: {
      artifact_key: artifact.key,
      required_status: artifact.requiredBy === null ? 'optional' : 'required',
    },
  });
}

/** Says that an artifact is not there, and why; `lastHash` is what was said of it before. */
export function announceMissing(
  speaker: Speaker,
  artifact: Pick<Artifact, 'path' | 'artifactClass' | 'key' | 'requiredBy'>,
  why: { readonly reason: string; readonly lastHash: string | null },
): Draft {
  const [code = why.reason, detail] = why.reason.split(': ');
  return draft(speaker, 'MissionDossierArtifactMissing', {
    expected_identity: identity(speaker, artifact),
    manifest_step: artifact.requiredBy ?? 'default',
    checked_at: speaker.instant,
    ...(why.lastHash === null
      ? {}
      : { last_known_ref: { algorithm: 'sha256', hash: why.lastHash } }),
    context_diagnostics: {
      artifact_key: artifact.key,
      reason_code: code,
      ...(detail === undefined ? {} : { reason_detail: detail }),
    },
  });
}

/** Says what a mission's artifacts amount to. */
export function announceSnapshot(speaker: Speaker, snapshot: Snapshot): Draft {
  return draft(speaker, 'MissionDossierSnapshotComputed', {
    snapshot_hash: snapshot.hash,
    artifact_count: snapshot.artifacts,
    anomaly_count: snapshot.required - snapshot.requiredPresent,
    computed_at: speaker.instant,
    algorithm: 'sha256',
    context_diagnostics: {
      snapshot_id: uuidV5(speaker.namespace.projectUuid, JSON.stringify([speaker.place, snapshot])),
      completeness_status: snapshot.completeness,
      required_artifacts: String(snapshot.required),
      required_present: String(snapshot.requiredPresent),
      optional_artifacts: String(snapshot.optional),
      optional_present: String(snapshot.optionalPresent),
    },
  });
}

/** Says that a mission is not what its baseline expects. */
export function announceDrift(speaker: Speaker, expected: string, actual: string): Draft {
  return draft(speaker, 'MissionDossierParityDriftDetected', {
    expected_hash: expected,
    actual_hash: actual,
    drift_kind: 'anomaly_introduced',
    detected_at: speaker.instant,
  });
}

function identity(
  { namespace }: Speaker,
  artifact: Pick<Artifact, 'path' | 'artifactClass'>,
): JsonObject {
  return {
    mission_type: namespace.missionType,
    path: artifact.path,
    artifact_class: artifact.artifactClass,
  };
}

function draft(speaker: Speaker, eventType: EventType, facts: JsonObject): Draft {
  const payload = { namespace: speaker.place, ...facts };
  const aggregate = aggregateOf(eventType, payload);
  assert(aggregate !== null, 'a dossier event says what it is about');
  return {
    eventId: speaker.ids.ulid() as EventId,
    eventType,
    aggregateId: aggregate.id,
    aggregateType: aggregate.type,
    payload,
    causationId: null,
    timestamp: speaker.instant,
    teamSlug: null,
    projectSlug: speaker.origin.projectSlug,
    gitBranch: speaker.origin.gitBranch,
    headCommitSha: speaker.origin.headCommitSha,
    repoSlug: speaker.origin.repoSlug,
  };
}
