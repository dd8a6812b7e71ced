import type { EventType } from './catalogue.ts';
import { asObject, asText, type JsonObject, type JsonValue, member } from './json/reader.ts';

/** What an event is about. */
export interface Aggregate {
  readonly type: string;
  readonly id: string;
}

/** For each part of the id, joined by colons, where it may stand: dotted paths best first, `=` before a constant. */
interface Source {
  readonly type: string;
  readonly parts: readonly (readonly string[])[];
}

const WORK_PACKAGE: Source = { type: 'WorkPackage', parts: [['wp_id']] };
const FEATURE: Source = { type: 'Feature', parts: [['feature_slug']] };
const BUILD: Source = { type: 'Build', parts: [['build_id', 'node_id', '=build']] };
const MISSION: Source = { type: 'Mission', parts: [['mission_id', 'mission_slug']] };
const RUN: Source = {
  type: 'Mission',
  parts: [['mission_id', 'run_id', 'mission_slug', '=mission-run']],
};
const ERROR: Source = { type: 'Mission', parts: [['=error']] };

/** The types that are missing here are the proofs: each is about its own subject. */
const SOURCES: Readonly<Partial<Record<EventType, readonly Source[]>>> = {
  BuildHeartbeat: [BUILD],
  BuildRegistered: [BUILD],
  DecisionInputAnswered: [RUN],
  DecisionInputRequested: [RUN],
  DependencyResolved: [WORK_PACKAGE],
  DiffSummaryRecorded: [MISSION],
  ErrorLogged: [WORK_PACKAGE, ERROR],
  FeatureCompleted: [FEATURE],
  FeatureCreated: [FEATURE],
  HistoryAdded: [WORK_PACKAGE],
  MissionClosed: [MISSION],
  MissionCompleted: [MISSION],
  MissionCreated: [MISSION],
  MissionDossierArtifactIndexed: [dossier('artifact_id.path', 'relative_path')],
  MissionDossierArtifactMissing: [dossier('expected_identity.path', 'expected_path_pattern')],
  MissionDossierParityDriftDetected: [dossier('=drift')],
  MissionDossierSnapshotComputed: [
    dossier('context_diagnostics.snapshot_id', 'snapshot_id', 'snapshot_hash'),
  ],
  MissionOriginBound: [MISSION],
  MissionRunCompleted: [RUN],
  MissionRunStarted: [RUN],
  MissionStarted: [MISSION],
  NextStepAutoCompleted: [RUN],
  NextStepIssued: [RUN],
  PhaseEntered: [MISSION],
  TokenUsageRecorded: [MISSION],
  WPAssigned: [WORK_PACKAGE],
  WPCreated: [WORK_PACKAGE],
  WPStatusChanged: [WORK_PACKAGE],
};

const SUBJECT_TYPES: ReadonlyMap<string | null, string> = new Map([
  ['work_package', 'WorkPackage'],
  ['build', 'Build'],
]);

function dossier(...item: readonly string[]): Source {
  const mission = ['namespace.mission_slug', 'mission_slug', 'feature_slug'];
  return { type: 'MissionDossier', parts: [mission, item] };
}

/**
 * The aggregate of an event whose producer named none, read from its payload (wire contract 5, aggregate columns).
 * Null when the payload lacks what would name it.
 */
export function aggregateOf(type: EventType, payload: JsonObject): Aggregate | null {
  const sources = SOURCES[type] ?? [subjectSource(payload)];
  for (const source of sources) {
    const parts = source.parts.map((places) => firstText(payload, places));
    if (!parts.includes(null)) return { type: source.type, id: parts.join(':') };
  }
  return null;
}

function subjectSource(payload: JsonObject): Source {
  const subject = firstText(payload, ['subject.subject_type']);
  return { type: SUBJECT_TYPES.get(subject) ?? 'Mission', parts: [['subject.subject_id']] };
}

function firstText(payload: JsonObject, places: readonly string[]): string | null {
  for (const place of places) {
    if (place.startsWith('=')) return place.slice(1);
    const text = asText(valueAt(payload, place.split('.')));
    if (text !== null && text !== '') return text;
  }
  return null;
}

function valueAt(payload: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = payload;
  for (const step of path) value = member(asObject(value) ?? {}, step);
  return value;
}
