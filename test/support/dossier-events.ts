import { sha256Hex } from '../../src/base/index.ts';
import { envelope, PROJECT } from './receiver-trial.ts';

/** What a dossier event of these tests says; everything has a default. */
export interface DossierOptions {
  readonly path?: string;
  readonly text?: string;
  readonly timestamp?: string;
  readonly lamport?: number;
  readonly project?: string;
  readonly namespace?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
  readonly members?: Readonly<Record<string, unknown>>;
}

export const NAMESPACE = {
  project_uuid: PROJECT,
  mission_slug: '042-demo',
  target_branch: 'main',
  mission_type: 'software-dev',
  manifest_version: '1',
};

/** The bytes of an event that indexes an artifact. */
export function indexed(number: number, options: DossierOptions = {}): Buffer {
  const { path = 'spec.md', text = '# Spec\n' } = options;
  return dossierEvent(number, 'MissionDossierArtifactIndexed', options, {
    artifact_id: { mission_type: 'software-dev', path, artifact_class: 'input' },
    content_ref: {
      algorithm: 'sha256',
      hash: sha256Hex(text),
      size_bytes: Buffer.byteLength(text),
      ...options.content,
    },
    indexed_at: '2026-03-14T09:26:53+00:00',
    context_diagnostics: { artifact_key: 'input.spec.main', required_status: 'required' },
  });
}

/** The bytes of an event that says an artifact is not there. */
export function missing(number: number, reason: string, options: DossierOptions = {}): Buffer {
  const { path = 'spec.md' } = options;
  return dossierEvent(number, 'MissionDossierArtifactMissing', options, {
    expected_identity: { mission_type: 'software-dev', path, artifact_class: 'input' },
    manifest_step: 'default',
    checked_at: '2026-03-14T09:26:53+00:00',
    context_diagnostics: { artifact_key: 'input.spec.main', reason_code: reason },
  });
}

/** The bytes of an event that sums a mission up. */
export function summed(number: number, options: DossierOptions = {}): Buffer {
  return dossierEvent(number, 'MissionDossierSnapshotComputed', options, {
    snapshot_hash: sha256Hex(''),
    artifact_count: 0,
    anomaly_count: 0,
    computed_at: '2026-03-14T09:26:53+00:00',
  });
}

/** The bytes of an event that says how a mission differs from its baseline. */
export function drifted(
  number: number,
  hashes: { readonly expected: string; readonly actual: string },
  options: DossierOptions & { readonly kind?: string } = {},
): Buffer {
  return dossierEvent(number, 'MissionDossierParityDriftDetected', options, {
    expected_hash: hashes.expected,
    actual_hash: hashes.actual,
    drift_kind: options.kind ?? 'anomaly_introduced',
    detected_at: '2026-03-14T09:26:53+00:00',
  });
}

/** The bytes of an event of the first generation, which knows the mission alone. */
export function flatIndexed(number: number, options: DossierOptions = {}): Buffer {
  const { path = 'spec.md', text = '# Spec\n' } = options;
  return envelope(number, {
    event_type: 'MissionDossierArtifactIndexed',
    aggregate_type: 'MissionDossier',
    payload: {
      feature_slug: '042-demo',
      artifact_key: 'input.spec.main',
      artifact_class: 'other',
      relative_path: path,
      content_hash_sha256: sha256Hex(text),
      size_bytes: Buffer.byteLength(text),
      required_status: 'required',
      ...options.members,
    },
    ...placed(number, options),
  });
}

function dossierEvent(
  number: number,
  type: string,
  options: DossierOptions,
  payload: Readonly<Record<string, unknown>>,
): Buffer {
  const { project = PROJECT } = options;
  const namespace = { ...NAMESPACE, project_uuid: project, ...options.namespace };
  return envelope(number, {
    event_type: type,
    aggregate_type: 'MissionDossier',
    payload: { namespace, ...payload, ...options.members },
    ...placed(number, options),
  });
}

function placed(number: number, options: DossierOptions): Readonly<Record<string, unknown>> {
  return {
    project_uuid: options.project ?? PROJECT,
    timestamp: options.timestamp ?? '2026-03-14T09:26:53+00:00',
    lamport_clock: options.lamport ?? number,
  };
}
