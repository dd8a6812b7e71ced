import { asObject, asText, member, type Envelope, type JsonObject } from '../wire/index.ts';

/** What may become of a kind of event: whether it may leave the machine, and whether it may be discarded. */
export const FAMILIES = [
  'local_only',
  'explicitly_discardable',
  'teamspace_bound',
  'unknown',
] as const;

export type Family = (typeof FAMILIES)[number];

const LOCAL_ONLY: ReadonlySet<string> = new Set(['MissionReopened', 'FollowUpRecorded']);
const DISCARDABLE: ReadonlySet<string> = new Set(['BuildHeartbeat', 'PresenceHeartbeat']);
const INDEXED = 'MissionDossierArtifactIndexed';
const COALESCING: ReadonlySet<string> = new Set([INDEXED, 'MissionDossierSnapshotComputed']);

/**
 * The family of an event type. A type that no catalogue knows is `unknown`, which closes the door to
 * discarding it: it is kept and delivered like any fact.
 */
export function familyOf(type: string, isKnown: (type: string) => boolean): Family {
  if (LOCAL_ONLY.has(type)) return 'local_only';
  if (DISCARDABLE.has(type)) return 'explicitly_discardable';
  return isKnown(type) ? 'teamspace_bound' : 'unknown';
}

/** The slug of the mission an event speaks of, in the words of either generation; null when it names none. */
export function missionOf(envelope: Envelope): string | null {
  const { payload } = envelope;
  return missionIn(payload) ?? missionIn(asObject(member(payload, 'namespace')));
}

/**
 * What two events must share for the later one to stand for both: type, project, mission, target branch and
 * path. A missing part means that there is no key and the event always travels.
 */
export function coalesceKey(envelope: Envelope): string | null {
  if (!COALESCING.has(envelope.eventType)) return null;
  const branch = namedIn(envelope.payload, 'target_branch');
  const path = envelope.eventType === INDEXED ? artifactPath(envelope.payload) : '';
  const parts = [envelope.eventType, envelope.projectUuid, missionOf(envelope), branch, path];
  return parts.includes(null) ? null : JSON.stringify(parts);
}

/** The key of the events that announce one artifact: the same parts as above, where there is no envelope at hand. */
export function artifactKey(artifact: {
  readonly projectUuid: string;
  readonly missionSlug: string;
  readonly targetBranch: string;
  readonly path: string;
}): string {
  const { projectUuid, missionSlug, targetBranch, path } = artifact;
  return JSON.stringify([INDEXED, projectUuid, missionSlug, targetBranch, path]);
}

function missionIn(object: JsonObject | null): string | null {
  if (object === null) return null;
  return textIn(object, 'mission_slug') ?? textIn(object, 'feature_slug');
}

function namedIn(payload: JsonObject, key: string): string | null {
  const namespace = asObject(member(payload, 'namespace'));
  return (namespace === null ? null : textIn(namespace, key)) ?? textIn(payload, key);
}

function artifactPath(payload: JsonObject): string | null {
  const identity = asObject(member(payload, 'artifact_id'));
  return (identity === null ? null : textIn(identity, 'path')) ?? textIn(payload, 'relative_path');
}

function textIn(object: JsonObject, key: string): string | null {
  const text = asText(member(object, key));
  return text === '' ? null : text;
}
