import { sha256Hex, type Files } from '../../base/index.ts';
import { asObject, asText, member, parseJson, type JsonObject } from '../../wire/index.ts';
import { MAX_META_BYTES } from '../limits.ts';
import type { NamespaceRef } from '../namespace.ts';
import type { Artifact } from './artifacts.ts';

/** A mission's artifacts taken together. */
export interface Snapshot {
  /** SHA-256 of the sorted hashes of all artifacts that are present, one after the other. */
  readonly hash: string;
  readonly artifacts: number;
  readonly required: number;
  readonly requiredPresent: number;
  readonly optional: number;
  readonly optionalPresent: number;
  readonly completeness: 'complete' | 'incomplete' | 'unknown';
}

/** The snapshot of artifacts; `hasManifest` says whether anything is required of their mission type at all. */
export function takeSnapshot(
  artifacts: readonly Pick<Artifact, 'sha256' | 'isPresent' | 'requiredBy'>[],
  hasManifest: boolean,
): Snapshot {
  const hashes: string[] = [];
  let [required, requiredPresent] = [0, 0];
  for (const { sha256, requiredBy, isPresent } of artifacts) {
    if (sha256 !== null) hashes.push(sha256);
    if (requiredBy === null) continue;
    required += 1;
    if (isPresent) requiredPresent += 1;
  }
  hashes.sort();
  const whole = requiredPresent === required ? 'complete' : 'incomplete';
  return {
    hash: sha256Hex(hashes.join('')),
    artifacts: artifacts.length,
    required,
    requiredPresent,
    optional: artifacts.length - required,
    optionalPresent: hashes.length - requiredPresent,
    completeness: hasManifest ? whole : 'unknown',
  };
}

/** The hash that a mission is expected to have, by the baseline file of its project; null without one that fits. */
export function readBaseline(
  files: Files,
  root: string,
  key: { readonly namespace: NamespaceRef; readonly nodeId: string },
): string | null {
  const { namespace, nodeId } = key;
  const file = `${root}/.kittify/dossiers/${namespace.missionSlug}/parity-baseline.json`;
  const read = files.readInside(root, file, MAX_META_BYTES);
  const parsed = read.ok ? parseJson(read.bytes) : null;
  const baseline = parsed?.ok === true ? asObject(parsed.value) : null;
  const stated = baseline === null ? null : asObject(member(baseline, 'baseline_key'));
  if (baseline === null || stated === null) return null;
  const ours = [
    namespace.projectUuid,
    nodeId,
    namespace.missionSlug,
    namespace.targetBranch,
    namespace.missionType,
    namespace.manifestVersion,
  ];
  if (keyOf(stated).some((part, index) => part !== ours[index])) return null;
  return asText(member(baseline, 'parity_hash_sha256'));
}

/** The six parts, in the words of either generation. */
function keyOf(stated: JsonObject): readonly (string | null)[] {
  const text = (key: string): string | null => asText(member(stated, key));
  return [
    text('project_uuid'),
    text('node_id'),
    text('mission_slug') ?? text('feature_slug'),
    text('target_branch'),
    text('mission_type') ?? text('mission_key'),
    text('manifest_version'),
  ];
}
