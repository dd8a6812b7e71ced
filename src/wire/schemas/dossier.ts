import {
  anyObject,
  anyText,
  closed,
  count,
  flag,
  instant,
  lazily,
  list,
  matching,
  maybe,
  oneOf,
  open,
  rule,
  sha256,
  text,
} from './parts.ts';

// What the artifact index says, in both generations (wire contract 5.3). The first one was flat: the members that its
// upgrade reads are the ones it must have.

const CLASSES = ['input', 'workflow', 'output', 'evidence', 'policy', 'runtime'] as const;
const DRIFT_KINDS = [
  'artifact_added',
  'artifact_removed',
  'artifact_mutated',
  'anomaly_introduced',
  'anomaly_resolved',
  'manifest_version_changed',
] as const;

const namespace = lazily(() =>
  closed({
    project_uuid: text,
    mission_slug: text,
    target_branch: text,
    mission_type: text,
    manifest_version: text,
    step_id: maybe(anyText),
  }),
);

const identity = lazily(() =>
  closed({
    mission_type: text,
    path: text,
    artifact_class: oneOf(CLASSES),
    wp_id: maybe(anyText),
    run_id: maybe(anyText),
  }),
);

const contentRef = lazily(() =>
  closed({
    algorithm: oneOf(['sha256', 'sha512', 'md5']),
    hash: matching(/^[0-9a-fA-F]+$/),
    size_bytes: maybe(count),
    encoding: maybe(anyText),
  }),
);

const provenance = lazily(() =>
  closed({
    source_event_ids: maybe(list(anyText)),
    git_sha: maybe(anyText),
    git_ref: maybe(anyText),
    actor_id: maybe(anyText),
    actor_kind: maybe(oneOf(['human', 'llm', 'system'])),
    revised_at: maybe(anyText),
  }),
);

export const artifactIndexed = lazily(() =>
  closed({
    namespace: namespace(),
    artifact_id: identity(),
    content_ref: contentRef(),
    indexed_at: instant,
    provenance: maybe(provenance()),
    step_id: maybe(anyText),
    context_diagnostics: maybe(anyObject),
    supersedes: maybe(identity()),
  }),
);

export const artifactMissing = lazily(() =>
  closed({
    namespace: namespace(),
    expected_identity: identity(),
    manifest_step: text,
    checked_at: instant,
    last_known_ref: maybe(contentRef()),
    remediation_hint: maybe(anyText),
    context_diagnostics: maybe(anyObject),
  }),
);

export const snapshotComputed = lazily(() =>
  closed({
    namespace: namespace(),
    snapshot_hash: sha256,
    artifact_count: count,
    anomaly_count: count,
    computed_at: instant,
    algorithm: maybe(anyText),
    context_diagnostics: maybe(anyObject),
  }),
);

export const parityDriftDetected = lazily(() =>
  closed({
    namespace: namespace(),
    expected_hash: text,
    actual_hash: text,
    drift_kind: oneOf(DRIFT_KINDS),
    detected_at: instant,
    artifact_ids_changed: maybe(list(identity())),
    rebuild_hint: maybe(anyText),
    context_diagnostics: maybe(anyObject),
  }),
);

const flat = { feature_slug: maybe(text), mission_slug: maybe(text) };

interface FlatMission {
  readonly feature_slug?: unknown;
  readonly mission_slug?: unknown;
}

const namesMission = rule(
  'required',
  ({ feature_slug, mission_slug }: FlatMission) => (feature_slug ?? mission_slug ?? null) !== null,
  'or feature_slug is missing',
  ['mission_slug'],
);

const flatArtifact = {
  ...flat,
  artifact_key: text,
  artifact_class: oneOf([...CLASSES, 'other']),
  step_id: maybe(anyText),
};

export const artifactIndexedFirst = lazily(() =>
  open({
    ...flatArtifact,
    relative_path: text,
    content_hash_sha256: sha256,
    size_bytes: count,
    wp_id: maybe(anyText),
    required_status: maybe(anyText),
  }).check(namesMission),
);

export const artifactMissingFirst = lazily(() =>
  open({
    ...flatArtifact,
    expected_path_pattern: text,
    reason_code: text,
    reason_detail: maybe(anyText),
    blocking: maybe(flag),
  }).check(namesMission),
);

export const snapshotComputedFirst = lazily(() =>
  open({
    ...flat,
    snapshot_id: text,
    completeness_status: text,
    parity_hash_sha256: sha256,
    counts: open({ total: count, required_missing: count }),
  }).check(namesMission),
);

export const parityDriftDetectedFirst = lazily(() =>
  open({
    ...flat,
    local_parity_hash: text,
    baseline_parity_hash: text,
    missing_in_local: maybe(list(anyText)),
    missing_in_baseline: maybe(list(anyText)),
    severity: maybe(anyText),
  }).check(namesMission),
);
