import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import { isLane, type Lane } from './facts.ts';
import type { FindingRow } from './read.ts';
import type { ProjectScope } from './tables.ts';

// What is known of one work package.

/** How much of what has no end is looked at. */
const MOST_CHANGES = 5_000;
const MOST_FINDINGS = 100;

export interface PackageRow {
  readonly title: string | null;
  /** `genesis` until an event says another one. */
  readonly lane: Lane;
}

/** One work package of one mission. */
export type PackageKey = readonly [...ProjectScope, missionSlug: string, wpId: string];

const WORDS = `
  SELECT topic, value FROM last_words
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND wp_id = $4`;

/** What was last said of a work package; null for one that nobody spoke of. */
export async function packageRow(sql: Sql, key: PackageKey): Promise<PackageRow | null> {
  type Row = { readonly topic: string; readonly value: string };
  const words = new Map(
    (await sql.all<Row>(WORDS, key)).map(({ topic, value }) => [topic, value] as const),
  );
  const lane = words.get('lane') ?? '';
  if (words.size === 0 && (await changesOfPackage(sql, key, 1)).length === 0) return null;
  return { title: words.get('title') ?? null, lane: isLane(lane) ? lane : 'genesis' };
}

export interface PackageChange {
  readonly occurredAt: Millis;
  readonly eventId: string;
  readonly fromLane: string;
  readonly toLane: string;
  readonly actor: string;
}

const CHANGES = `
  SELECT occurred_at, event_id, from_lane, to_lane, actor FROM lane_changes
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND wp_id = $4
  ORDER BY occurred_at DESC, lamport DESC, event_id DESC LIMIT $5`;

/** The last changes of a work package's lane, in their order. */
export async function changesOfPackage(
  sql: Sql,
  key: PackageKey,
  limit = MOST_CHANGES,
): Promise<readonly PackageChange[]> {
  type Row = {
    readonly occurred_at: number;
    readonly event_id: string;
    readonly from_lane: string;
    readonly to_lane: string;
    readonly actor: string;
  };
  const rows = await sql.all<Row>(CHANGES, [...key, limit]);
  return rows.toReversed().map((row) => ({
    occurredAt: row.occurred_at,
    eventId: row.event_id,
    fromLane: row.from_lane,
    toLane: row.to_lane,
    actor: row.actor,
  }));
}

const FINDINGS = `
  SELECT occurred_at, event_id, code, detail FROM findings
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND wp_id = $4
  ORDER BY occurred_at DESC, event_id DESC LIMIT ${MOST_FINDINGS}`;

/** What is odd about events of a work package, the last one first. */
export async function findingsOfPackage(sql: Sql, key: PackageKey): Promise<readonly FindingRow[]> {
  type Row = Pick<FindingRow, 'code' | 'detail'> & {
    readonly occurred_at: number;
    readonly event_id: string;
  };
  const rows = await sql.all<Row>(FINDINGS, key);
  return rows.map(({ occurred_at: occurredAt, event_id: eventId, code, detail }) => ({
    occurredAt,
    eventId,
    code,
    detail,
  }));
}

const OF_PACKAGE = `
  SELECT namespace_id, path FROM artifacts
  WHERE team_id = $1 AND project_id = $2 AND path >= $4 AND path < $5 AND sha256 IS NOT NULL
    AND namespace_id = (SELECT l.namespace_id FROM dossiers l
      WHERE l.team_id = $1 AND l.project_id = $2 AND l.mission_slug = $3
      ORDER BY l.occurred_at DESC, l.lamport DESC, l.event_id DESC LIMIT 1)
  ORDER BY path LIMIT 20`;

export interface IndexedPath {
  readonly namespaceId: string;
  readonly path: string;
}

/** The indexed texts of a work package's own, in the namespace of its mission that was spoken of last. */
export async function artifactsOfPackage(
  sql: Sql,
  [team, projectId, slug, wpId]: PackageKey,
): Promise<readonly IndexedPath[]> {
  const start = `tasks/${wpId}`;
  // Behind every text that begins so, by bytes; `WP10.md` is none of `WP1`.
  const params = [team, projectId, slug, start, `${start}\u{10ffff}`];
  type Row = { readonly namespace_id: string; readonly path: string };
  const rows = await sql.all<Row>(OF_PACKAGE, params);
  return rows
    .filter(({ path }) => /^(?:[^/\dA-Za-z][^/]*)?\.md$/.test(path.slice(start.length)))
    .map(({ namespace_id: namespaceId, path }) => ({ namespaceId, path }));
}

/** A stay in a lane; `until` is null while it lasts. */
export interface Stay {
  readonly lane: Lane;
  readonly from: Millis;
  readonly until: Millis | null;
}

/** Walks through changes in their order. A lane that is none of the ten moves nothing. */
export function staysOf(changes: readonly PackageChange[]): readonly Stay[] {
  const stays: Stay[] = [];
  for (const { occurredAt, toLane } of changes) {
    const last = stays.at(-1);
    if (!isLane(toLane) || toLane === last?.lane) continue;
    if (last !== undefined) stays.splice(-1, 1, { ...last, until: occurredAt });
    stays.push({ lane: toLane, from: occurredAt, until: null });
  }
  return stays;
}

/** Milliseconds in each lane, in the order of the first stay; what lasts counts until `now`, unless the work is over. */
export function timeInLanes(stays: readonly Stay[], now: Millis): ReadonlyMap<Lane, number> {
  const times = new Map<Lane, number>();
  for (const { lane, from, until } of stays) {
    const end = until ?? (isOver(lane) ? from : Math.max(from, now));
    times.set(lane, (times.get(lane) ?? 0) + end - from);
  }
  return times;
}

/** Whether nothing more is expected to happen in a lane. */
export function isOver(lane: Lane): boolean {
  return lane === 'done' || lane === 'canceled';
}
