import { sha256Hex, UserError, type Db, type Millis } from '../base/index.ts';
import {
  encodeSnapshot,
  MAX_SNAPSHOT_BYTES,
  snapshotKey,
  type ExternalResource,
  type ProjectId,
} from '../wire/index.ts';
import type { Binding } from './binding.ts';
import { mappingToWire, readCheckpoint, readMappings, shownIssues } from './store.ts';

/** One published state of a binding. */
export interface KeptSnapshot {
  readonly seq: number;
  readonly idempotencyKey: string;
  /** SHA-256 of its bytes. */
  readonly sha256: string;
  readonly resource: ExternalResource | null;
  readonly issues: number;
  readonly mappings: number;
  /** False when the state published last was the same: nothing new was kept. */
  readonly isNew: boolean;
}

export interface Publication {
  readonly projectId: ProjectId;
  readonly projectSlug: string | null;
  readonly checkoutId: number;
  readonly binding: Binding;
  readonly bindingId: number;
  readonly resource: ExternalResource | null;
  readonly now: Millis;
}

const LAST = `
  SELECT seq, idempotency_key, sha256 FROM snapshots
  WHERE provider = :provider AND workspace = :workspace ORDER BY seq DESC LIMIT 1`;
const KEEP = `
  INSERT INTO snapshots (project_id, checkout_id, provider, workspace, resource_type, resource_id,
    idempotency_key, sha256, bytes, payload, created_at)
  VALUES (:projectId, :checkoutId, :provider, :workspace, :resourceType, :resourceId,
    :idempotencyKey, :sha256, :bytes, :payload, :now)`;

/**
 * Keeps the state of a binding as it is now, unless it is the one that was published last. A state that comes back
 * after another one is kept again, for the receiver has the other one.
 * @throws UserError `usage` when the document would be larger than any receiver of ours takes, 32 MiB.
 */
export function keepSnapshot(db: Db, publication: Publication): KeptSnapshot {
  return db.tx(() => {
    const { binding, bindingId, resource, projectId, projectSlug, checkoutId, now } = publication;
    const { provider, workspace, doctrineMode, fieldOwners } = binding;
    const issues = shownIssues(db, bindingId);
    const mappings = readMappings(db, bindingId);
    const { cursor, updatedSince } = readCheckpoint(db, bindingId);
    const head = { provider, workspace, resource, cursor };
    const payload = encodeSnapshot({
      ...head,
      doctrineMode,
      fieldOwners,
      projectUuid: projectId,
      projectSlug,
      issues,
      mappings: mappings.map(mappingToWire),
      updatedSince,
    });
    requireSize(payload.length);
    const counts = { issues: issues.length, mappings: mappings.length };
    const idempotencyKey = snapshotKey({ ...head, ...counts });
    const sha256 = sha256Hex(payload);
    const known = { idempotencyKey, sha256, resource, ...counts };
    const last = db.get<{ seq: number; idempotency_key: string; sha256: string }>(LAST, {
      provider,
      workspace,
    });
    if (last?.idempotency_key === idempotencyKey && last.sha256 === sha256) {
      return { ...known, seq: last.seq, isNew: false };
    }
    const { rowid } = db.run(KEEP, {
      projectId,
      checkoutId,
      provider,
      workspace,
      idempotencyKey,
      sha256,
      payload,
      now,
      resourceType: resource?.type ?? null,
      resourceId: resource?.id ?? null,
      bytes: payload.length,
    });
    return { ...known, seq: rowid, isNew: true };
  });
}

function requireSize(bytes: number): void {
  if (bytes <= MAX_SNAPSHOT_BYTES) return;
  const sizes = `${bytes} bytes, and at most ${MAX_SNAPSHOT_BYTES} travel`;
  throw new UserError('usage', `the snapshot would have ${sizes}`, {
    remedy: 'spec-kitty tracker status',
  });
}
