import { sessionFor, sessionHttp } from '../../home/index.ts';
import type { Route } from '../../delivery/index.ts';
import { findEvent } from '../../journal/index.ts';
import { NOT_LOOKED_AT } from '../../legacy/index.ts';
import { endsInBatchPath } from '../../receivers/index.ts';
import { gatherProject } from '../../report/index.ts';
import {
  asArray,
  asObject,
  asText,
  member,
  parseJson,
  PATHS,
  type JsonObject,
} from '../../wire/index.ts';
import type { Context } from '../io.ts';
import { STREAMS, type Workspace } from '../workspace.ts';

/** Our books beside what the receiver itself lists. */
export interface Proof {
  readonly isBalanced: boolean;
  /** Delivered, as the ledger has it. */
  readonly delivered: Counts;
  /** What the receiver lists of it: events of the same id and hash, texts it has stored; null when it lists nothing. */
  readonly held: Counts | null;
  /** It holds everything that we call delivered; null when it does not say. */
  readonly isHeld: boolean | null;
}

interface Counts {
  readonly events: number;
  readonly bodies: number;
}

const PAGE = 1_000;
const DEADLINE_MS = 30_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Asks the receiver of a route what it holds of this project, and compares. */
export async function proveDelivery(
  context: Context,
  workspace: Workspace,
  route: Route,
): Promise<Proof> {
  const { project, db, checkoutId } = workspace;
  const status = gatherProject(context.home, {
    projectId: project.id,
    db,
    streams: STREAMS,
    legacy: NOT_LOOKED_AT,
    here: { project, checkoutId },
  });
  const streams = status.routes.find((each) => each.route.id === route.id)?.streams ?? [];
  const delivered = (name: string): number =>
    streams.find(({ facts }) => facts.stream === name)?.books.delivered ?? 0;
  const ours = { events: delivered('events'), bodies: delivered('bodies') };
  const held = await askHoldings(context, workspace, route);
  return {
    isBalanced: streams.every(({ books }) => books.balanced),
    delivered: ours,
    held,
    isHeld: held === null ? null : held.events >= ours.events && held.bodies >= ours.bodies,
  };
}

type Ask = (path: string, query: Readonly<Record<string, string>>) => Promise<JsonObject | null>;

async function askHoldings(
  context: Context,
  { project, db }: Workspace,
  { target }: Route,
): Promise<Counts | null> {
  if (target.kind === 'stub' || !endsInBatchPath(target.postUrl)) return null;
  const ask = askerOf(context, target.canonicalUrl, project.id);
  const events = await listAll(ask, PATHS.eventList, {});
  const namespaces = await listAll(ask, PATHS.namespaceList, {});
  if (events === null || namespaces === null) return null;
  const known = events.filter((each) => {
    const found = findEvent(db, textIn(each, 'event_id'));
    return found !== null && found.sha256 === textIn(each, 'sha256');
  });
  let bodies = 0;
  for (const namespace of namespaces) {
    const artifacts = await listAll(ask, PATHS.artifactList, {
      mission: textIn(namespace, 'mission_slug'),
      branch: textIn(namespace, 'target_branch'),
      type: textIn(namespace, 'mission_type'),
      manifest: textIn(namespace, 'manifest_version'),
    });
    if (artifacts === null) return null;
    bodies += artifacts.reduce((sum, each) => sum + storedIn(each), 0);
  }
  return { events: known.length, bodies };
}

function askerOf({ home }: Context, base: string, project: string): Ask {
  const session = sessionFor(home, base);
  const http = session === null ? home.http : sessionHttp(home, session);
  return async (path, query) => {
    const reply = await http.send({
      method: 'GET',
      url: `${base}${path}?${new URLSearchParams({ ...query, project }).toString()}`,
      headers: {},
      body: null,
      deadlineMs: DEADLINE_MS,
      maxResponseBytes: MAX_ANSWER_BYTES,
    });
    if (reply.kind === 'failure' || reply.status !== 200) return null;
    const parsed = parseJson(reply.body);
    return parsed.ok ? asObject(parsed.value) : null;
  };
}

/** Every item of a list, page by page; null as soon as a page is none. */
async function listAll(
  ask: Ask,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly JsonObject[] | null> {
  const items: JsonObject[] = [];
  let after: string | null = null;
  do {
    const from: Readonly<Record<string, string>> = after === null ? {} : { after };
    const page = await ask(path, { ...query, ...from, limit: String(PAGE) });
    const listed = page === null ? null : asArray(member(page, 'items'));
    if (page === null || listed === null || listed === undefined) return null;
    for (const each of listed) {
      const item = each === null ? null : asObject(each);
      if (item !== null) items.push(item);
    }
    const following = cursorIn(page);
    // A list that does not move on has no end.
    if (following === after && following !== null) return null;
    after = following;
  } while (after !== null);
  return items;
}

/** A number or a text, as the list has it; null behind the last page. */
function cursorIn(page: JsonObject): string | null {
  const next = member(page, 'next_cursor');
  return typeof next === 'string' || typeof next === 'number' ? String(next) : null;
}

function storedIn(artifact: JsonObject): number {
  const versions = asArray(member(artifact, 'versions')) ?? [];
  return versions.filter((each) => {
    const version = each === null ? null : asObject(each);
    return version !== null && asText(member(version, 'stored_at')) !== null;
  }).length;
}

function textIn(object: JsonObject, key: string): string {
  return asText(member(object, key)) ?? '';
}
