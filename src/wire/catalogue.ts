import type { Issue } from './json/issue.ts';
import type { JsonObject } from './json/reader.ts';
import { explain } from './schemas/explain.ts';
import * as dossier from './schemas/dossier.ts';
import * as mission from './schemas/mission.ts';
import { type JsonSchema, toJsonSchema } from './schemas/json-schema.ts';
import type { Schema } from './schemas/parts.ts';
import * as proof from './schemas/proof.ts';
import * as work from './schemas/work.ts';

/** The later generation's schema of a type, then the first one's where it differs; a type may have one of them. */
type Generations = readonly [() => Schema, (() => Schema)?];

const CATALOGUE = {
  BenchmarkEvidenceAttached: [proof.benchmarkEvidenceAttached],
  BuildHeartbeat: [mission.buildHeartbeat],
  BuildRegistered: [mission.buildRegistered],
  DecisionInputAnswered: [mission.decisionInputAnswered],
  DecisionInputRequested: [mission.decisionInputRequested],
  DependencyResolved: [work.dependencyResolved],
  DiffSummaryRecorded: [mission.diffSummaryRecorded],
  ErrorLogged: [work.errorLogged],
  FeatureCompleted: [work.featureCompleted],
  FeatureCreated: [work.featureCreated],
  HistoryAdded: [work.history, work.historyFirst],
  HumanApprovalRecorded: [proof.humanApprovalRecorded],
  MissionClosed: [mission.missionClosed],
  MissionCompleted: [mission.missionCompleted],
  MissionCreated: [mission.missionCreated],
  MissionDossierArtifactIndexed: [dossier.artifactIndexed, dossier.artifactIndexedFirst],
  MissionDossierArtifactMissing: [dossier.artifactMissing, dossier.artifactMissingFirst],
  MissionDossierParityDriftDetected: [
    dossier.parityDriftDetected,
    dossier.parityDriftDetectedFirst,
  ],
  MissionDossierSnapshotComputed: [dossier.snapshotComputed, dossier.snapshotComputedFirst],
  MissionOriginBound: [mission.missionOriginBound],
  MissionRunCompleted: [mission.missionRun],
  MissionRunStarted: [mission.missionRun],
  MissionStarted: [mission.missionStarted],
  NextStepAutoCompleted: [mission.nextStepAutoCompleted],
  NextStepIssued: [mission.nextStepIssued],
  PhaseEntered: [mission.phaseEntered],
  ProofItemRecorded: [proof.proofItemRecorded],
  PullRequestLineageRecorded: [proof.pullRequestLineageRecorded],
  ReviewProofRecorded: [proof.reviewProofRecorded],
  SecurityScanCompleted: [proof.securityScanCompleted],
  TestEvidenceCaptured: [proof.testEvidenceCaptured],
  TokenUsageRecorded: [mission.tokenUsageRecorded],
  WPAssigned: [work.assigned],
  WPCreated: [work.created, work.createdFirst],
  WPStatusChanged: [work.statusChanged, work.statusChangedFirst],
} as const satisfies Readonly<Record<string, Generations>>;

export type EventType = keyof typeof CATALOGUE;

/** The types of both generations, by name (wire contract 5.1 to 5.3). */
export const EVENT_TYPES: readonly EventType[] = Object.keys(CATALOGUE).filter(isKnownType);

/** Whether the catalogue has a schema for the type. */
export function isKnownType(type: string): type is EventType {
  return Object.hasOwn(CATALOGUE, type);
}

/**
 * What is wrong with a payload of that type; empty when nothing is. Pointers start at the payload.
 * A payload that has all members which the later generation demands is judged by that one alone, so that its closed
 * schemas stay closed; otherwise either generation will do, and the issues of the nearer one are answered.
 */
export function judgePayload(type: string, payload: JsonObject): readonly Issue[] {
  if (!isKnownType(type)) {
    return [{ pointer: '', rule: 'unknown-type', message: `${type} is not in the catalogue` }];
  }
  const [later, first]: Generations = CATALOGUE[type];
  const issues = explain(later(), payload);
  if (first === undefined || !issues.some(lacksMember)) return issues;
  const others = explain(first(), payload);
  return others.length < issues.length ? others : issues;
}

/** The payloads of a type as JSON Schemas: the later generation, then the first one where it differs. */
export function payloadSchemas(type: EventType): readonly JsonSchema[] {
  const generations: Generations = CATALOGUE[type];
  return generations.flatMap((schema) => (schema === undefined ? [] : [toJsonSchema(schema())]));
}

function lacksMember({ rule, pointer }: Issue): boolean {
  return rule === 'required' && pointer.lastIndexOf('/') === 0;
}
