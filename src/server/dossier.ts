import { derivedId, type Millis } from '../base/index.ts';
import {
  asObject,
  asText,
  type Envelope,
  isArtifactPath,
  isNamespaceName,
  type JsonObject,
  member,
  type Namespace,
  parseProjectId,
} from '../wire/index.ts';

/** The namespace of a project's mission. Branch, type and version are empty where an event did not say them. */
export type NamespaceNames = Omit<Namespace, 'projectUuid'>;

/** What an event says of one artifact. */
export interface ArtifactFact {
  readonly path: string;
  readonly artifactClass: string;
  readonly artifactKey: string | null;
  readonly requiredStatus: string | null;
  /** Lower-case hexadecimal SHA-256 of the text; null when the artifact was deleted. */
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
}

/** What the artifact index learns from one event. */
export interface DossierFact {
  readonly projectId: string;
  readonly namespace: NamespaceNames;
  /** Null for an event that speaks of the namespace alone. */
  readonly artifact: ArtifactFact | null;
  readonly occurredAt: Millis;
  readonly lamport: number;
  readonly eventId: string;
}

const DOSSIER = 'MissionDossier';
const INDEXED = 'MissionDossierArtifactIndexed';
const MISSING = 'MissionDossierArtifactMissing';
const SHA256 = /^[0-9a-f]{64}$/i;

/** The index is keyed by paths, and a key of PostgreSQL ends at 2,704 bytes. */
const MAX_INDEXED_PATH_BYTES = 2_048;

/** Names one namespace of a project, whichever process asks. */
export function namespaceId(names: NamespaceNames): string {
  const { missionSlug, targetBranch, missionType, manifestVersion } = names;
  return derivedId('ns', [missionSlug, targetBranch, missionType, manifestVersion]);
}

/** The names under which events of the first generation, which know the mission alone, are kept. */
export function missionAlone(missionSlug: string): NamespaceNames {
  return { missionSlug, targetBranch: '', missionType: '', manifestVersion: '' };
}

/**
 * Reads a dossier event whose payload the catalogue accepts, in either generation (wire contract 5.3). Null for any
 * other event, and for one that names what no push could: another project than its envelope, or a path outside the
 * mission or too long for the index.
 */
export function readDossier(envelope: Envelope): DossierFact | null {
  const { eventType: type, payload, projectUuid } = envelope;
  if (projectUuid === null || !type.startsWith(DOSSIER)) return null;
  if (namesAnotherProject(envelope)) return null;
  const namespace = namespaceIn(payload);
  const artifact = artifactOf(type, payload);
  if (namespace === null || artifact === 'odd') return null;
  const { occurredAt, lamportClock: lamport, eventId } = envelope;
  return { projectId: projectUuid, namespace, artifact, occurredAt, lamport, eventId };
}

/** Whether the namespace of a dossier event belongs to another project than its envelope. */
export function namesAnotherProject({ payload, projectUuid }: Envelope): boolean {
  const nested = asObject(member(payload, 'namespace'));
  const stated = (nested === null ? null : member(nested, 'project_uuid')) ?? null;
  return stated !== null && parseProjectId(asText(stated) ?? '') !== projectUuid;
}

/** The namespace that a dossier event names, in either generation; null when it does not say enough. */
export function namespaceIn(payload: JsonObject): NamespaceNames | null {
  const nested = asObject(member(payload, 'namespace'));
  return nested === null ? flatNames(payload) : namesOf(nested);
}

/** An event of the first generation may say all four names; otherwise it is kept under its mission alone. */
function flatNames(payload: JsonObject): NamespaceNames | null {
  const missionSlug = slugIn(payload);
  return missionSlug === null ? null : (namesOf(payload) ?? missionAlone(missionSlug));
}

function namesOf(source: JsonObject): NamespaceNames | null {
  const missionSlug = slugIn(source);
  const targetBranch = nameIn(source, 'target_branch');
  const missionType = nameIn(source, 'mission_type') ?? nameIn(source, 'mission_key');
  const manifestVersion = nameIn(source, 'manifest_version');
  if (missionSlug === null || targetBranch === null) return null;
  if (missionType === null || manifestVersion === null) return null;
  return { missionSlug, targetBranch, missionType, manifestVersion };
}

function slugIn(source: JsonObject): string | null {
  return nameIn(source, 'feature_slug') ?? nameIn(source, 'mission_slug');
}

function nameIn(source: JsonObject, key: string): string | null {
  const text = asText(member(source, key));
  return text !== null && isNamespaceName(text) ? text : null;
}

function artifactOf(type: string, payload: JsonObject): ArtifactFact | 'odd' | null {
  if (type === INDEXED) return indexedArtifact(payload);
  // An artifact that never was, or cannot be read just now, changes nothing that the index knows.
  if (type === MISSING && reasonOf(payload) === 'deleted') return deletedArtifact(payload);
  return null;
}

function indexedArtifact(payload: JsonObject): ArtifactFact | 'odd' {
  const subject = indexedSubject(payload);
  const sha256 = statedHash(payload);
  if (subject === null || !isIndexable(subject) || sha256 === null) return 'odd';
  const size = member(asObject(member(payload, 'content_ref')) ?? payload, 'size_bytes');
  const sizeBytes = typeof size === 'number' && Number.isSafeInteger(size) ? size : null;
  return { ...subject, sha256, sizeBytes };
}

function isIndexable({ path }: ArtifactSubject): boolean {
  return Buffer.byteLength(path) <= MAX_INDEXED_PATH_BYTES;
}

/** The SHA-256 that an indexing event states, in lower case; null when it states none. */
export function statedHash(payload: JsonObject): string | null {
  const content = asObject(member(payload, 'content_ref'));
  const algorithm = content === null ? 'sha256' : member(content, 'algorithm');
  const hash = content === null ? member(payload, 'content_hash_sha256') : member(content, 'hash');
  const sha256 = asText(hash) ?? '';
  return algorithm === 'sha256' && SHA256.test(sha256) ? sha256.toLowerCase() : null;
}

/** What an event indexes; null without a path inside the mission. */
export function indexedSubject(payload: JsonObject): ArtifactSubject | null {
  return subjectOf(payload, asObject(member(payload, 'artifact_id')), 'relative_path');
}

/** What an event says is missing; null without a path inside the mission. */
export function missingSubject(payload: JsonObject): ArtifactSubject | null {
  return subjectOf(
    payload,
    asObject(member(payload, 'expected_identity')),
    'expected_path_pattern',
  );
}

function deletedArtifact(payload: JsonObject): ArtifactFact | 'odd' {
  const subject = missingSubject(payload);
  return subject === null || !isIndexable(subject)
    ? 'odd'
    : { ...subject, sha256: null, sizeBytes: null };
}

function reasonOf(payload: JsonObject): string | null {
  return asText(member(notesOf(payload), 'reason_code'));
}

/** Where the later generation keeps what the first one wrote beside the rest. */
export function notesOf(payload: JsonObject): JsonObject {
  return asObject(member(payload, 'context_diagnostics')) ?? payload;
}

export type ArtifactSubject = Omit<ArtifactFact, 'sha256' | 'sizeBytes'>;

function subjectOf(
  payload: JsonObject,
  identity: JsonObject | null,
  flatPathKey: string,
): ArtifactSubject | null {
  const path = asText(member(identity ?? payload, identity === null ? flatPathKey : 'path'));
  if (path === null || !isArtifactPath(path)) return null;
  return {
    path,
    artifactClass: classOf(asText(member(identity ?? payload, 'artifact_class'))),
    artifactKey: asText(member(notesOf(payload), 'artifact_key')),
    requiredStatus: asText(member(notesOf(payload), 'required_status')),
  };
}

/** The first generation's `other` is the later one's `runtime` (wire contract 5.3). */
function classOf(stated: string | null): string {
  return stated === null || stated === 'other' ? 'runtime' : stated;
}
