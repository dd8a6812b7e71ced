import { asObject, asText, type Envelope, type JsonObject, member } from '../../../wire/index.ts';
import {
  indexedSubject,
  missionAlone,
  missingSubject,
  namesAnotherProject,
  type NamespaceNames,
  namespaceIn,
  notesOf,
  statedHash,
} from '../../dossier.ts';
import { shown } from '../names.ts';

// What events say of a mission's artifacts, to people: payloads outside their schema too, as far as they are plain.

export type Need = 'required' | 'optional' | '';
export type Completeness = 'complete' | 'incomplete' | 'unknown';

/** What an event says of one path. */
export interface ArtifactWord {
  readonly kind: 'artifact';
  readonly path: string;
  readonly artifactClass: string;
  readonly artifactKey: string;
  /** Empty when the event does not say. */
  readonly need: Need;
  readonly isPresent: boolean;
  /** Null for what is missing, and for a hash that is no SHA-256. */
  readonly sha256: string | null;
  /** Why it is missing; empty for what is there. */
  readonly reason: string;
}

/** How many artifacts are required and how many of these are there; null where nobody said it. */
export interface Figures {
  readonly required: number | null;
  readonly present: number | null;
}

/** What an event says of the dossier as a whole. */
export interface Report extends Figures {
  readonly kind: 'report';
  readonly topic: 'snapshot' | 'drift';
  /** How it differs from its baseline; empty for a snapshot. */
  readonly driftKind: string;
  /** Of the dossier as it is, and as it should be. Empty when not stated. */
  readonly parityHash: string;
  readonly baselineHash: string;
  readonly completeness: Completeness;
  readonly artifacts: number | null;
}

/** All that one event says of a dossier; `what` is null when it is too odd to say anything but that there is one. */
export interface DossierSaid {
  readonly names: NamespaceNames;
  readonly what: ArtifactWord | Report | null;
}

/** What is said, and what is odd about it. */
export interface Reading {
  readonly said: DossierSaid | null;
  readonly issue: string | null;
}

const NOT_ABOUT_DOSSIERS: Reading = { said: null, issue: null };
const RESOLVED = 'anomaly_resolved';

/** A client indexes no longer ones, and an index of PostgreSQL holds no longer ones. */
const MAX_PATH_BYTES = 1_024;

type What = readonly [what: ArtifactWord | Report | null, issue: string | null];

const READERS = new Map<string, (payload: JsonObject) => What>([
  ['MissionDossierArtifactIndexed', readIndexed],
  ['MissionDossierArtifactMissing', readMissing],
  ['MissionDossierSnapshotComputed', readSnapshot],
  ['MissionDossierParityDriftDetected', readDrift],
]);

/** Reads an event of the artifact index, of either generation (wire contract 5.3). Total. */
export function readDossierSaid(type: string, envelope: Envelope, missionSlug: string): Reading {
  const read = READERS.get(type);
  if (read === undefined) return NOT_ABOUT_DOSSIERS;
  if (missionSlug === '') return { said: null, issue: 'names no mission' };
  if (namesAnotherProject(envelope)) return { said: null, issue: 'speaks of another project' };
  const { payload } = envelope;
  const [what, issue] = read(payload);
  return { said: { names: namespaceIn(payload) ?? missionAlone(missionSlug), what }, issue };
}

/** Whether a report says that the dossier does not differ, or no longer does. */
export function saysNoDrift({
  driftKind,
  parityHash,
  baselineHash,
}: Pick<Report, 'driftKind' | 'parityHash' | 'baselineHash'>): boolean {
  return driftKind === RESOLVED || (parityHash !== '' && parityHash === baselineHash);
}

function readIndexed(payload: JsonObject): What {
  const subject = indexedSubject(payload);
  if (subject === null) return [null, 'names no path inside the mission'];
  const sha256 = statedHash(payload);
  const need = needOf(subject.requiredStatus);
  const word = wordOf(subject, { need, isPresent: true, sha256, reason: '' });
  return word === null ? TOO_LONG : [word, sha256 === null ? 'states no SHA-256' : null];
}

function readMissing(payload: JsonObject): What {
  const subject = missingSubject(payload);
  if (subject === null) return [null, 'names no path inside the mission'];
  const reason = shown(asText(member(notesOf(payload), 'reason_code')) ?? 'unknown');
  const need = needOf(subject.requiredStatus) || needOfMissing(payload);
  const word = wordOf(subject, { need, isPresent: false, sha256: null, reason });
  return word === null ? TOO_LONG : [word, null];
}

const TOO_LONG: What = [null, `names a path longer than ${MAX_PATH_BYTES} bytes`];

function wordOf(
  { path, artifactClass, artifactKey }: NonNullable<ReturnType<typeof indexedSubject>>,
  rest: Pick<ArtifactWord, 'need' | 'isPresent' | 'sha256' | 'reason'>,
): ArtifactWord | null {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return null;
  const names = { artifactClass: shown(artifactClass), artifactKey: shown(artifactKey ?? '') };
  return { kind: 'artifact', path, ...names, ...rest };
}

function needOf(stated: string | null): Need {
  return stated === 'required' || stated === 'optional' ? stated : '';
}

/** A missing artifact is required unless the event says that it blocks nothing or that no step has to produce it. */
function needOfMissing(payload: JsonObject): Need {
  const blocking = member(notesOf(payload), 'blocking') ?? null;
  // What was upgraded on its way has Python's words for it.
  if (blocking !== null)
    return blocking === false || blocking === 'False' ? 'optional' : 'required';
  return member(payload, 'manifest_step') === 'default' ? 'optional' : 'required';
}

function readSnapshot(payload: JsonObject): What {
  const hash = hashIn(payload, 'snapshot_hash', 'parity_hash_sha256');
  if (hash === '') return [null, 'states no hash'];
  const notes = notesOf(payload);
  const counts = asObject(member(payload, 'counts')) ?? notes;
  const missing = countIn(payload, 'anomaly_count') ?? countIn(counts, 'required_missing');
  const stated = figuresIn(counts, missing);
  const isOdd = (stated.present ?? 0) > (stated.required ?? Number.MAX_SAFE_INTEGER);
  const figures = isOdd ? NO_FIGURES : stated;
  const report: Report = {
    ...SAID_NOTHING,
    topic: 'snapshot',
    parityHash: hash,
    completeness: completenessOf(asText(member(notes, 'completeness_status')), figures, missing),
    artifacts: countIn(payload, 'artifact_count') ?? countIn(counts, 'total'),
    ...figures,
  };
  return [report, isOdd ? 'counts more required artifacts than there are' : null];
}

const NO_FIGURES: Figures = { required: null, present: null };
const SAID_NOTHING: Report = {
  kind: 'report',
  topic: 'drift',
  driftKind: '',
  parityHash: '',
  baselineHash: '',
  completeness: 'unknown',
  artifacts: null,
  ...NO_FIGURES,
};

function figuresIn(counts: JsonObject, missing: number | null): Figures {
  const required = countIn(counts, 'required_artifacts') ?? countIn(counts, 'required');
  if (required === null) return NO_FIGURES;
  const present = countIn(counts, 'required_present');
  if (present !== null) return { required, present };
  return missing === null ? NO_FIGURES : { required, present: Math.max(0, required - missing) };
}

function completenessOf(
  stated: string | null,
  { required, present }: Figures,
  missing: number | null,
): Completeness {
  if (stated === 'unknown') return 'unknown';
  if (required !== null && present !== null) return present < required ? 'incomplete' : 'complete';
  if (stated === 'complete' || stated === 'incomplete') return stated;
  return (missing ?? 0) > 0 ? 'incomplete' : 'unknown';
}

function readDrift(payload: JsonObject): What {
  const parityHash = hashIn(payload, 'actual_hash', 'local_parity_hash');
  const baselineHash = hashIn(payload, 'expected_hash', 'baseline_parity_hash');
  // The first generation did not say the kind (wire contract 5.3).
  const driftKind = shown(asText(member(payload, 'drift_kind')) ?? 'anomaly_introduced');
  const isWhole = parityHash !== '' && baselineHash !== '';
  const report: Report = { ...SAID_NOTHING, driftKind, parityHash, baselineHash };
  return [report, isWhole ? null : 'does not state both hashes'];
}

function hashIn(payload: JsonObject, ...keys: readonly string[]): string {
  const stated = keys.map((key) => asText(member(payload, key))).find((text) => text !== null);
  return shown((stated ?? '').trim().toLowerCase());
}

/** A count, which diagnostics spell as a text. */
function countIn(source: JsonObject, key: string): number | null {
  const value = member(source, key);
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
}
