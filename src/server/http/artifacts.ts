import { coversProject, type Visitor } from '../auth.ts';
import { type NamespaceNames, namespaceId } from '../dossier.ts';
import { PAGE_DEFAULT, PAGE_MAX } from '../limits.ts';
import { listArtifacts, listNamespaces } from '../operator.ts';
import { type ArtifactEntry, type NamespaceEntry, presentHash } from '../store/artifacts.ts';
import { bodyWithHash } from '../store/bodies.ts';
import type { Store } from '../store/store.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { HttpError } from './errors.ts';
import { oneProject, type Query, toCount } from './query.ts';

type Members = Readonly<Record<string, unknown>>;

/** One page of the namespaces that a project's events speak of, in the wire's names. */
export async function readNamespaces(
  store: Store,
  visitor: Visitor,
  query: Query,
): Promise<Members> {
  const project = projectRead(visitor, query);
  const page = await listNamespaces(store, { project, ...pageOf(query) }, visitor.team);
  return { items: page.items.map(namespaceToWire), next_cursor: page.nextCursor };
}

/** One page of a namespace's artifacts, with every content they had. */
export async function readArtifacts(
  store: Store,
  visitor: Visitor,
  query: Query,
): Promise<Members> {
  const project = projectRead(visitor, query);
  const options = { project, namespace: namespaceIn(query), ...pageOf(query) };
  const page = await listArtifacts(store, options, visitor.team);
  return { items: page.items.map(artifactToWire), next_cursor: page.nextCursor };
}

/** One stored text: the one with `hash`, or the present one of the path that the query names. */
export async function readBody(
  store: Store,
  visitor: Visitor,
  query: Query,
  hash?: string,
): Promise<Uint8Array> {
  const project = projectRead(visitor, query);
  const { team } = visitor;
  const wanted = hash ?? (await hashOfPath(store, [team, project], query));
  const body =
    wanted === null ? null : await bodyWithHash(store.driver.of(team), team, project, wanted);
  if (body === null) throw new HttpError(404, 'not_found', 'no such text is stored here');
  return body;
}

async function hashOfPath(
  store: Store,
  [team, project]: readonly [TeamScope, string],
  query: Query,
): Promise<string | null> {
  const path = query['path'];
  if (path === undefined) throw new HttpError(400, 'bad_request', 'name a path, or a hash');
  return presentHash(store.driver.of(team), [team, project, namespaceId(namespaceIn(query))], path);
}

/** What a token is not for looks exactly like what does not exist. */
function projectRead(visitor: Visitor, query: Query): string {
  const project = oneProject(visitor, query['project']);
  if (coversProject(visitor, project)) return project;
  throw new HttpError(404, 'not_found', 'nothing is here');
}

/** What is left out is the empty name under which events that know the mission alone are kept. */
function namespaceIn(query: Query): NamespaceNames {
  const missionSlug = query['mission'];
  if (missionSlug === undefined) throw new HttpError(400, 'bad_request', 'name the mission');
  return {
    missionSlug,
    targetBranch: query['branch'] ?? '',
    missionType: query['type'] ?? '',
    manifestVersion: query['manifest'] ?? '',
  };
}

function pageOf(query: Query): { readonly after: string; readonly limit: number } {
  const limit = toCount(query['limit'] ?? String(PAGE_DEFAULT), 'limit', PAGE_MAX);
  return { after: query['after'] ?? '', limit };
}

function namespaceToWire(entry: NamespaceEntry): Members {
  return {
    cursor: entry.id,
    mission_slug: entry.missionSlug,
    target_branch: entry.targetBranch,
    mission_type: entry.missionType,
    manifest_version: entry.manifestVersion,
  };
}

function artifactToWire(entry: ArtifactEntry): Members {
  const present = entry.versions.find(({ sha256 }) => sha256 === entry.sha256);
  return {
    path: entry.path,
    artifact_class: entry.artifactClass,
    artifact_key: entry.artifactKey,
    required_status: entry.requiredStatus,
    content_hash: entry.sha256,
    size_bytes: entry.sizeBytes,
    stored: (present?.storedAt ?? null) !== null,
    deleted: entry.sha256 === null,
    occurred_at: new Date(entry.occurredAt).toISOString(),
    event_id: entry.eventId,
    versions: entry.versions.map((version) => ({
      content_hash: version.sha256,
      size_bytes: version.sizeBytes,
      indexed_at: new Date(version.indexedAt).toISOString(),
      stored_at: version.storedAt === null ? null : new Date(version.storedAt).toISOString(),
    })),
  };
}
