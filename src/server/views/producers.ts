import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { dayOf } from './fold.ts';
import type { LagCount } from './lags.ts';
import type { ProjectScope } from './tables.ts';

/** How many producers a page shows. */
export const MOST_PRODUCERS = 100;

/** Where counting gaps ends: a producer with more of them has many. */
export const MOST_GAPS = 100;

const DAY_MS = 86_400_000;

/** Days of arrival that lags are told of. */
export const LAG_DAYS = 7;

/** One that sent events of a project. */
export interface ProducerHealth {
  readonly nodeId: string;
  readonly events: number;
  readonly lastSeenAt: Millis;
  /** How long after it happened the last event arrived; negative when its clock is ahead. */
  readonly lastLagMs: Millis;
  /** Of the events of the last days, by length. */
  readonly lags: readonly LagCount[];
  /** Places where its clock jumps, counted up to `MOST_GAPS`. */
  readonly gaps: number;
  /** The numbers missing in the last of them, both ends included; null for none. */
  readonly lastGap: { readonly first: number; readonly last: number } | null;
}

const RUNS = `FROM producer_runs r WHERE r.team_id = d.team_id AND r.project_id = d.project_id
      AND r.node_id = d.node_id ORDER BY r.first_lamport DESC`;
const PRODUCERS = `
  SELECT d.node_id, d.events, d.last_seen_at, d.last_lag_ms,
    (SELECT count(*) FROM (SELECT 1 ${RUNS} LIMIT ${MOST_GAPS + 1}) few) AS runs,
    (SELECT r.first_lamport ${RUNS} LIMIT 1) AS next_first,
    (SELECT r.last_lamport ${RUNS} LIMIT 1 OFFSET 1) AS previous_last
  FROM producers d WHERE d.team_id = $1 AND d.project_id = $2
  ORDER BY d.last_seen_at DESC, d.node_id DESC LIMIT ${MOST_PRODUCERS}`;
// CROSS JOIN keeps SQLite from beginning with every lag of the project.
const LAGS = `
  SELECT l.node_id, l.within_ms, sum(l.events) AS events, max(l.most_ms) AS most_ms
  FROM (SELECT node_id FROM producers WHERE team_id = $1 AND project_id = $2
    ORDER BY last_seen_at DESC, node_id DESC LIMIT ${MOST_PRODUCERS}) d
  CROSS JOIN producer_lags l
  WHERE l.team_id = $1 AND l.project_id = $2 AND l.node_id = d.node_id AND l.day >= $3
  GROUP BY l.node_id, l.within_ms`;

/** The producers of a project that were heard of last, the last one first. */
export async function producerHealth(
  sql: Sql,
  scope: ProjectScope,
  now: Millis,
): Promise<readonly ProducerHealth[]> {
  type Row = {
    readonly node_id: string;
    readonly events: number;
    readonly last_seen_at: number;
    readonly last_lag_ms: number;
    readonly runs: number;
    readonly next_first: number | null;
    readonly previous_last: number | null;
  };
  const rows = await sql.all<Row>(PRODUCERS, scope);
  const lags = await lagsOf(sql, scope, dayOf(now - (LAG_DAYS - 1) * DAY_MS));
  return rows.map((row) => ({
    nodeId: row.node_id,
    events: row.events,
    lastSeenAt: row.last_seen_at,
    lastLagMs: row.last_lag_ms,
    lags: lags.get(row.node_id) ?? [],
    gaps: Math.max(0, row.runs - 1),
    lastGap:
      row.previous_last === null || row.next_first === null
        ? null
        : { first: row.previous_last + 1, last: row.next_first - 1 },
  }));
}

async function lagsOf(
  sql: Sql,
  scope: ProjectScope,
  day: string,
): Promise<ReadonlyMap<string, readonly LagCount[]>> {
  type Row = {
    readonly node_id: string;
    readonly within_ms: number;
    readonly events: number;
    readonly most_ms: number;
  };
  const lags = new Map<string, LagCount[]>();
  for (const row of await sql.all<Row>(LAGS, [...scope, day])) {
    const known = lags.get(row.node_id) ?? [];
    known.push({ withinMs: row.within_ms, events: row.events, mostMs: row.most_ms });
    lags.set(row.node_id, known);
  }
  return lags;
}

const SILENT = `
  SELECT project_id AS project, node_id AS node, last_seen_at AS seen FROM producers
  WHERE team_id = $1 AND last_seen_at >= $2 AND last_seen_at < $3 ORDER BY last_seen_at DESC LIMIT $4`;

export interface SilentProducer {
  readonly projectId: string;
  readonly nodeId: string;
  readonly lastSeenAt: Millis;
}

/** Producers of a team that were heard of last between two moments, the last one first, at most so many. */
export async function silentProducers(
  sql: Sql,
  team: TeamScope,
  [from, to]: readonly [from: Millis, to: Millis],
  limit: number,
): Promise<readonly SilentProducer[]> {
  type Row = { readonly project: string; readonly node: string; readonly seen: number };
  const rows = await sql.all<Row>(SILENT, [team, from, to, limit]);
  return rows.map(({ project, node, seen }) => ({
    projectId: project,
    nodeId: node,
    lastSeenAt: seen,
  }));
}
