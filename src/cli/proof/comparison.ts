import type { Db } from '../../base/index.ts';
import { bodiesStream, findUpload } from '../../bodies/index.ts';
import { eventsStream, listDelivered, type Route, type Stream } from '../../delivery/index.ts';
import { findEvent } from '../../journal/index.ts';
import { endsInBatchPath } from '../../receivers/index.ts';
import { asArray, asObject, asText, member, PATHS, type JsonObject } from '../../wire/index.ts';
import type { Context } from '../io.ts';
import type { Workspace } from '../workspace.ts';
import { askerOf, textIn, walkList, type Ask } from './listing.ts';

/** What a receiver lists, beside what it has confirmed. */
export interface Comparison {
  readonly events: Compared;
  readonly bodies: Compared;
}

/** One stream of it. Ids are quoted up to twenty. */
export interface Compared {
  /** Confirmed, as the ledger has it. */
  readonly delivered: number;
  /** Of those, listed by the receiver with the same hash. */
  readonly held: number;
  readonly absent: number;
  readonly absentIds: readonly string[];
  /** Listed under an id of ours with another hash. */
  readonly differing: number;
  readonly differingIds: readonly string[];
}

interface Tally {
  readonly delivered: number;
  held: number;
  /** Positions of what was confirmed and has not been listed. */
  readonly missing: Set<number>;
  readonly differing: string[];
}

const PAGE = 5_000;
const QUOTED = 20;

/**
 * Asks the receiver of a route for everything it has of this project and compares. The ledger is read first, so that
 * what is delivered meanwhile is not missed there.
 * @returns null when the receiver lists nothing, or does not answer to the end.
 */
export async function compareHoldings(
  context: Context,
  { project, db }: Workspace,
  { id: routeId, target }: Route,
): Promise<Comparison | null> {
  if (target.kind === 'stub' || !endsInBatchPath(target.postUrl)) return null;
  const events = tallyOf(db, eventsStream, routeId);
  const bodies = tallyOf(db, bodiesStream, routeId);
  const ask = askerOf(context, target.canonicalUrl, project.id);
  const isListed = await walkList(ask, PATHS.eventList, {}, (each) => {
    const id = textIn(each, 'event_id');
    const ours = findEvent(db, id);
    if (ours === null) return;
    const isOpen = events.missing.delete(ours.seq);
    if (ours.sha256 !== textIn(each, 'sha256')) events.differing.push(id);
    else if (isOpen) events.held += 1;
  });
  if (!isListed) return null;
  const areListed = await walkTexts(ask, ({ namespace, path, sha256 }) => {
    const place = { projectUuid: project.id, ...namespace };
    const seq = findUpload(db, { namespace: place, path, sha256 });
    if (seq !== null && bodies.missing.delete(seq)) bodies.held += 1;
  });
  if (!areListed) return null;
  return {
    events: compared(db, eventsStream, routeId, events),
    bodies: compared(db, bodiesStream, routeId, bodies),
  };
}

/** A text that a receiver has stored. */
interface Text {
  readonly namespace: Readonly<
    Record<'missionSlug' | 'targetBranch' | 'missionType' | 'manifestVersion', string>
  >;
  readonly path: string;
  readonly sha256: string;
}

async function walkTexts(ask: Ask, see: (text: Text) => void): Promise<boolean> {
  const namespaces: Text['namespace'][] = [];
  const isListed = await walkList(ask, PATHS.namespaceList, {}, (each) => {
    namespaces.push({
      missionSlug: textIn(each, 'mission_slug'),
      targetBranch: textIn(each, 'target_branch'),
      missionType: textIn(each, 'mission_type'),
      manifestVersion: textIn(each, 'manifest_version'),
    });
  });
  if (!isListed) return false;
  for (const namespace of namespaces) {
    const query = {
      mission: namespace.missionSlug,
      branch: namespace.targetBranch,
      type: namespace.missionType,
      manifest: namespace.manifestVersion,
    };
    const isRead = await walkList(ask, PATHS.artifactList, query, (each) => {
      const path = textIn(each, 'path');
      for (const sha256 of storedIn(each)) see({ namespace, path, sha256 });
    });
    if (!isRead) return false;
  }
  return true;
}

/** The hashes of an artifact's versions whose texts have arrived. */
function storedIn(artifact: JsonObject): readonly string[] {
  return (asArray(member(artifact, 'versions')) ?? []).flatMap((each) => {
    const version = each === null ? null : asObject(each);
    const isStored = version !== null && asText(member(version, 'stored_at')) !== null;
    return isStored ? [textIn(version, 'content_hash')] : [];
  });
}

function tallyOf(db: Db, stream: Stream, routeId: number): Tally {
  const missing = new Set<number>();
  for (const { seq } of walkDelivered(db, stream, routeId)) missing.add(seq);
  return { delivered: missing.size, held: 0, missing, differing: [] };
}

function* walkDelivered(
  db: Db,
  stream: Stream,
  routeId: number,
): Generator<{ readonly seq: number; readonly id: string }> {
  for (let after = 0; ; ) {
    const page = listDelivered(db, stream, { routeId, after, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

function compared(
  db: Db,
  stream: Stream,
  routeId: number,
  { delivered, held, missing, differing }: Tally,
): Compared {
  const absentIds: string[] = [];
  if (missing.size > 0) {
    for (const { seq, id } of walkDelivered(db, stream, routeId)) {
      if (missing.has(seq)) absentIds.push(id);
      if (absentIds.length === QUOTED) break;
    }
  }
  return {
    delivered,
    held,
    absent: missing.size,
    absentIds,
    differing: differing.length,
    differingIds: differing.slice(0, QUOTED),
  };
}
