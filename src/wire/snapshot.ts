import { failed, ok, type Result, sha256Hex } from '../base/index.ts';
import { readOptional, readProject, readText, type Reading, refuse } from './envelope-fields.ts';
import type { ProjectId } from './ids.ts';
import type { Issue } from './json/issue.ts';
import { asArray, asObject, asText, type JsonObject, member, parseJson } from './json/reader.ts';
import { MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_KEYS, MAX_TEXT_CHARS } from './limits.ts';

/** What a tracker's binding points at: both fields, or neither. */
export interface ExternalResource {
  readonly type: string;
  readonly id: string;
}

/** The state of one tracker as a project sees it; the lists are JSON already. */
export interface Snapshot {
  readonly provider: string;
  readonly workspace: string;
  readonly resource: ExternalResource | null;
  readonly doctrineMode: string;
  readonly fieldOwners: Readonly<Record<string, string>>;
  readonly projectUuid: string | null;
  readonly projectSlug: string | null;
  /** Each one JSON object. */
  readonly issues: readonly string[];
  readonly mappings: readonly JsonObject[];
  readonly cursor: string | null;
  /** ISO 8601, or null. */
  readonly updatedSince: string | null;
}

/** What a receiver needs to know of a snapshot to file it; the rest stays in its bytes. */
export interface SnapshotHead {
  readonly provider: string;
  readonly workspace: string;
  /** Null too for clients that do not send the two fields. */
  readonly resource: ExternalResource | null;
  readonly projectUuid: ProjectId | null;
  readonly projectSlug: string | null;
  readonly doctrineMode: string | null;
  readonly issues: number;
  readonly mappings: number;
  readonly cursor: string | null;
}

/** The document: eleven members in the order of the contract (wire contract 12). */
export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const { resource, cursor, updatedSince } = snapshot;
  const head = JSON.stringify({
    provider: snapshot.provider,
    workspace: snapshot.workspace,
    external_resource_type: resource?.type ?? null,
    external_resource_id: resource?.id ?? null,
    doctrine_mode: snapshot.doctrineMode,
    doctrine_field_owners: snapshot.fieldOwners,
    project_uuid: snapshot.projectUuid,
    project_slug: snapshot.projectSlug,
  });
  const checkpoint = JSON.stringify({ cursor, updated_since: updatedSince });
  const issues = snapshot.issues.join(',');
  const mappings = JSON.stringify(snapshot.mappings);
  return Buffer.from(
    `${head.slice(0, -1)},"issues":[${issues}],"mappings":${mappings},"checkpoint":${checkpoint}}`,
  );
}

/**
 * The key that says which state of which resource this is (wire contract 12): a missing value is spelled `None`. It
 * counts issues and mappings and does not look into them, so a content hash travels beside it.
 */
export function snapshotKey(
  head: Pick<
    SnapshotHead,
    'provider' | 'workspace' | 'resource' | 'issues' | 'mappings' | 'cursor'
  >,
): string {
  const { provider, workspace, resource, issues, mappings, cursor } = head;
  const parts = [provider, workspace, resource?.type, resource?.id, issues, mappings, cursor];
  return sha256Hex(parts.map((part) => String(part ?? 'None')).join('|'));
}

/**
 * Reads what files a snapshot, of clients that send the two routing fields and of those that do not; unknown members
 * are left alone. Answers every issue found. Never throws.
 */
export function parseSnapshot(bytes: Uint8Array): Result<SnapshotHead, readonly Issue[]> {
  const parsed = parseJson(bytes, { maxBytes: MAX_SNAPSHOT_BYTES, maxKeys: MAX_SNAPSHOT_KEYS });
  if (!parsed.ok) return failed([parsed.error]);
  const fields = asObject(parsed.value);
  if (fields === null) {
    const message = 'a snapshot must be a JSON object';
    return failed([{ pointer: '', rule: 'wrong-type', message }]);
  }
  const reading: Reading = { fields, issues: [] };
  const checkpoint = asObject(member(fields, 'checkpoint'));
  const head = {
    provider: readText(reading, 'provider', MAX_TEXT_CHARS),
    workspace: readText(reading, 'workspace', MAX_TEXT_CHARS),
    resource: readResource(reading),
    projectUuid: readProject(reading),
    projectSlug: readOptional(reading, 'project_slug'),
    doctrineMode: readOptional(reading, 'doctrine_mode'),
    issues: readLength(reading, 'issues'),
    mappings: readLength(reading, 'mappings'),
    cursor: checkpoint === null ? null : asText(member(checkpoint, 'cursor')),
  };
  return reading.issues.length > 0 ? failed(reading.issues) : ok(head);
}

function readResource(reading: Reading): ExternalResource | null {
  const type = readOptional(reading, 'external_resource_type');
  const id = readOptional(reading, 'external_resource_id');
  if (type !== null && id !== null) return { type, id };
  if (type === null && id === null) return null;
  const missing = type === null ? 'external_resource_type' : 'external_resource_id';
  return refuse(reading, missing, 'required', 'must stand beside its sibling, or neither of them');
}

function readLength(reading: Reading, key: string): number {
  const list = asArray(member(reading.fields, key));
  if (list === null) refuse(reading, key, 'wrong-type', 'must be a list');
  return list?.length ?? 0;
}
