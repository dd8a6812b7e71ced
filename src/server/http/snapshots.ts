import { sha256Hex } from '../../base/index.ts';
import {
  type Issue,
  type JsonObject,
  MAX_SNAPSHOT_BYTES,
  parseSnapshot,
  type SnapshotHead,
  snapshotKey,
} from '../../wire/index.ts';
import { coversProject, nameOf, type Visitor } from '../auth.ts';
import { claimProjects } from '../identity/projects.ts';
import { PAGE_DEFAULT, PAGE_MAX } from '../limits.ts';
import {
  pageOfSnapshots,
  type Resolution,
  resolveResource,
  type SnapshotEntry,
  snapshotWith,
  storeSnapshot,
} from '../store/snapshots.ts';
import { requireRoom } from '../operations/quotas.ts';
import type { Shares } from '../sharing/shares.ts';
import type { Store } from '../store/store.ts';
import { inflate } from './body.ts';
import { HttpError } from './errors.ts';
import { type PostRequest, readWithin, requireEncoding, requireJson } from './post.ts';
import { projectFor, type Query, toCount } from './query.ts';

type Members = Readonly<Record<string, unknown>>;

/** What tells a repeat from a new state, as the request's headers say it; null for a header that is not there. */
export interface SnapshotLabels {
  readonly idempotencyKey: string | null;
  readonly contentSha256: string | null;
}

/** What one snapshot did. */
export interface SnapshotReceipt {
  readonly status: 200 | 201;
  readonly answer: JsonObject;
  readonly bytes: number;
  /** Which it names; null for none. */
  readonly projectId: string | null;
}

export type ReceiveSnapshot = (
  request: PostRequest,
  labels: SnapshotLabels,
) => Promise<SnapshotReceipt>;

const HASH = /^[0-9a-f]{64}$/i;

/** Takes snapshots of trackers for one store: limits, judges, authorises, stores (wire contract 12). */
export function snapshotReceiver(store: Store, now: () => number, shares: Shares): ReceiveSnapshot {
  return async (request, labels) => {
    requireJson(request);
    const encoding = requireEncoding(request);
    requireLabel(labels.idempotencyKey, 'Idempotency-Key');
    requireLabel(labels.contentSha256, 'X-Content-SHA256');
    const { team } = request.visitor;
    return shares.snapshots.join(team)(async () => {
      const body = await readWithin(request, MAX_SNAPSHOT_BYTES);
      if (body === null) throw tooLarge();
      const snapshot = await inflate(body, encoding, MAX_SNAPSHOT_BYTES);
      if (snapshot.ok) {
        const taking = { request, labels, bytes: snapshot.value, now: now() };
        return shares.store.join(team)(() => take(store, taking));
      }
      if (snapshot.error === 'too_large') throw tooLarge();
      throw malformed([
        { pointer: '', rule: 'damaged', message: `the body is not valid ${encoding}` },
      ]);
    });
  };
}

interface Taking {
  readonly request: PostRequest;
  readonly labels: SnapshotLabels;
  readonly bytes: Uint8Array;
  readonly now: number;
}

async function take(
  store: Store,
  { request, labels, bytes, now }: Taking,
): Promise<SnapshotReceipt> {
  const sha256 = sha256Hex(bytes);
  if (labels.contentSha256 !== null && labels.contentSha256.toLowerCase() !== sha256) {
    throw new HttpError(422, 'hash_mismatch', 'X-Content-SHA256 is not the hash of the body');
  }
  const parsed = parseSnapshot(bytes);
  if (!parsed.ok) throw malformed(parsed.error);
  const head = parsed.value;
  const { visitor } = request;
  requireProject(visitor, head);
  const idempotencyKey = labels.idempotencyKey?.toLowerCase() ?? snapshotKey(head);
  const { team } = visitor;
  const { status, resolution } = await store.driver.of(team).tx(async (sql) => {
    const projects = new Set(head.projectUuid === null ? [] : [head.projectUuid]);
    await claimProjects(sql, team, projects, { actor: nameOf(visitor), now });
    const snapshot = { head, idempotencyKey, sha256, bytes };
    const stored = await storeSnapshot(sql, team, now, snapshot);
    await requireRoom(sql, team, stored === 'stored' ? bytes.length : 0);
    return {
      status: stored,
      resolution: await resolveResource(sql, team, head),
    };
  });
  const answer = {
    status,
    idempotency_key: idempotencyKey,
    content_hash: sha256,
    ...resolutionToWire(resolution),
  };
  const { projectUuid: projectId } = head;
  return { status: status === 'stored' ? 201 : 200, answer, bytes: bytes.length, projectId };
}

/** A visitor for some projects speaks for a snapshot only when it names one of them. */
function requireProject(visitor: Visitor, { projectUuid }: SnapshotHead): void {
  const isCovered =
    projectUuid === null ? visitor.projects === 'all' : coversProject(visitor, projectUuid);
  if (isCovered) return;
  const about = { projectId: projectUuid };
  throw new HttpError(403, 'project_refused', 'this token is not for the project', { about });
}

function requireLabel(value: string | null, name: string): void {
  if (value === null || HASH.test(value)) return;
  throw malformed([
    { pointer: '', rule: 'wrong-form', message: `${name} must be 64 hexadecimal digits` },
  ]);
}

function malformed(issues: readonly Issue[]): HttpError {
  const message = issues.map((issue) => issue.message).join('; ');
  const details = issues.map(({ pointer, rule, message: detail }) => ({ pointer, rule, detail }));
  const about = { rule: issues[0]?.rule };
  return new HttpError(400, 'bad_request', message, { members: { details }, about });
}

function tooLarge(): HttpError {
  return new HttpError(413, 'payload_too_large', 'the snapshot is too large', {
    members: { limits: { max_snapshot_bytes: MAX_SNAPSHOT_BYTES } },
  });
}

/** One page of the stored snapshots, in the wire's names and without their documents. */
export async function readSnapshots(
  store: Store,
  visitor: Visitor,
  query: Query,
): Promise<Members> {
  const after = toCount(query['after'] ?? '0', 'after', Number.MAX_SAFE_INTEGER);
  const limit = Math.max(toCount(query['limit'] ?? String(PAGE_DEFAULT), 'limit', PAGE_MAX), 1);
  const projectId = projectFor(visitor, query['project']);
  if (projectId !== null && !coversProject(visitor, projectId)) return NOTHING;
  const options = { team: visitor.team, projectId, after, limit: limit + 1 };
  const found = await pageOfSnapshots(store.driver.of(visitor.team), options);
  const items = found.slice(0, limit);
  const next = found.length > limit ? (items.at(-1)?.cursor ?? null) : null;
  return { items: items.map(toWire), next_cursor: next };
}

const NOTHING: Members = { items: [], next_cursor: null };

/** The document of one snapshot, every byte as it came. @throws HttpError 404. */
export async function readSnapshot(
  store: Store,
  visitor: Visitor,
  text: string,
): Promise<Uint8Array> {
  const id = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  const found = id < 0 ? null : await snapshotWith(store.driver.of(visitor.team), visitor.team, id);
  const owner = found === null ? null : (found.projectId ?? found.statedProject);
  const isShown = owner === null ? visitor.projects === 'all' : coversProject(visitor, owner);
  if (found === null || !isShown) {
    throw new HttpError(404, 'not_found', 'no snapshot has this number here');
  }
  return found.bytes;
}

function toWire(entry: SnapshotEntry): Members {
  return {
    id: entry.id,
    cursor: entry.cursor,
    provider: entry.provider,
    workspace: entry.workspace,
    external_resource_type: entry.resource?.type ?? null,
    external_resource_id: entry.resource?.id ?? null,
    stated_project: entry.statedProject,
    ...resolutionToWire(entry),
    idempotency_key: entry.idempotencyKey,
    content_hash: entry.sha256,
    doctrine_mode: entry.doctrineMode,
    issues: entry.issues,
    mappings: entry.mappings,
    received_at: new Date(entry.receivedAt).toISOString(),
  };
}

function resolutionToWire({ by, projectId }: Resolution): {
  readonly resolved_by: string;
  readonly project: string | null;
} {
  return { resolved_by: by, project: projectId };
}
