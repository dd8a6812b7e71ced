import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { type Figure, keyOf, type Stream, type Sum } from './tally.ts';

const ADD = `
  INSERT INTO ingest_counts (team_id, project_id, hour, stream, result, rule, count, bytes)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (team_id, project_id, hour, stream, result, rule)
  DO UPDATE SET count = ingest_counts.count + excluded.count, bytes = ingest_counts.bytes + excluded.bytes`;

/**
 * Adds figures of one team to what is written already. In the order of their key, so that two processes that write the
 * same wait for each other instead of locking each other out.
 */
export async function addFigures(
  sql: Sql,
  team: TeamScope,
  figures: readonly Figure[],
): Promise<void> {
  const ordered = figures.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  await sql.each(
    ADD,
    ordered.map((each) => [
      team,
      each.projectId,
      each.hour,
      each.stream,
      each.result,
      each.rule,
      each.count,
      each.bytes,
    ]),
  );
}

const KNOWN = 'SELECT 1 AS one FROM projects WHERE team_id = $1 AND project_id = $2';

/** Whether a project is the team's. */
export async function isProjectOf(sql: Sql, team: TeamScope, projectId: string): Promise<boolean> {
  return (await sql.all(KNOWN, [team, projectId])).length > 0;
}

const OLDEST = 'SELECT min(hour) AS hour FROM ingest_counts WHERE team_id = $1';
const FORGET = 'DELETE FROM ingest_counts WHERE team_id = $1 AND hour = $2';

/** Removes the oldest hour of a team when it is before `before`. @returns false when there is none. */
export async function forgetHour(sql: Sql, team: TeamScope, before: Millis): Promise<boolean> {
  const [row] = await sql.all<{ readonly hour: number | null }>(OLDEST, [team]);
  const hour = row?.hour ?? before;
  if (hour >= before) return false;
  await sql.each(FORGET, [[team, hour]]);
  return true;
}

/** Whose figures: a project's of a team, or with an empty id the whole team's. */
export type Whose = readonly [team: TeamScope, projectId: string];

const BY_HOUR = `
  SELECT hour, stream, CASE WHEN result IN ('success', 'duplicate') THEN result ELSE 'refused' END AS fate,
    sum(count) AS count, sum(bytes) AS bytes
  FROM ingest_counts WHERE team_id = $1 AND project_id = $2 AND hour >= $3
  GROUP BY hour, stream, CASE WHEN result IN ('success', 'duplicate') THEN result ELSE 'refused' END`;

/** What an hour's items of one kind came to. */
export interface HourSum {
  readonly hour: Millis;
  readonly stream: Stream;
  readonly fate: 'success' | 'duplicate' | 'refused';
  readonly count: number;
  readonly bytes: number;
}

/** The figures of each hour from one on, refusals of all codes together. */
export async function sumsByHour(
  sql: Sql,
  whose: Whose,
  from: Millis,
): Promise<readonly HourSum[]> {
  return sql.all<HourSum>(BY_HOUR, [...whose, from]);
}

const REFUSALS = `
  SELECT stream, result, rule, sum(count) AS count, max(hour) AS hour,
    sum(CASE WHEN hour >= $4 THEN count ELSE 0 END) AS lately
  FROM ingest_counts
  WHERE team_id = $1 AND project_id = $2 AND hour >= $3 AND result NOT IN ('success', 'duplicate')
  GROUP BY stream, result, rule ORDER BY stream, result, rule`;

/** How often something was refused for one reason. */
export interface Refusal extends Pick<Sum, 'stream' | 'result' | 'rule' | 'count'> {
  /** Since the later one of the two moments. */
  readonly lately: number;
  /** The hour of the last time. */
  readonly hour: Millis;
}

/** What was refused from one hour on, and of that from a later one on. */
export async function refusalsFrom(
  sql: Sql,
  whose: Whose,
  [from, lately]: readonly [from: Millis, lately: Millis],
): Promise<readonly Refusal[]> {
  return sql.all<Refusal>(REFUSALS, [...whose, from, lately]);
}

/** Projects that one statement asks about. */
export const PROJECTS_AT_ONCE = 50;

const PLACES = Array.from({ length: PROJECTS_AT_ONCE }, (_, index) => `$${index + 3}`).join(', ');
const OF_PROJECTS = `
  SELECT project_id AS id, sum(CASE WHEN result = 'success' THEN count ELSE 0 END) AS stored,
    sum(CASE WHEN result IN ('success', 'duplicate') THEN 0 ELSE count END) AS refused
  FROM ingest_counts WHERE team_id = $1 AND hour >= $2 AND stream = 'events' AND project_id IN (${PLACES})
  GROUP BY project_id`;

export interface ProjectSum {
  readonly id: string;
  /** Events that were new. */
  readonly stored: number;
  readonly refused: number;
}

/** Events of at most 50 projects from an hour on; projects without any are left out. */
export async function sumsOfProjects(
  sql: Sql,
  team: TeamScope,
  from: Millis,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ProjectSum>> {
  const asked = Array.from({ length: PROJECTS_AT_ONCE }, (_, index) => ids[index] ?? '-');
  const rows = await sql.all<ProjectSum>(OF_PROJECTS, [team, from, ...asked]);
  return new Map(rows.map((row) => [row.id, row]));
}
