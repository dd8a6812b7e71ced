import type { Sql, SqlParam } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import type { ProjectScope } from './tables.ts';

export interface Count {
  readonly name: string;
  readonly count: number;
}

const DAYS_OF_TEAM = `
  SELECT name, sum(count) AS count FROM tallies WHERE team_id = $1 AND topic = 'day' AND name >= $2
  GROUP BY name ORDER BY name`;

const OF_PROJECT = `
  SELECT name, count FROM tallies WHERE team_id = $1 AND project_id = $2 AND topic = $3 AND name >= $4 ORDER BY name`;

/** Events of a team by day of arrival, from a day on. */
export async function daysOfTeam(
  sql: Sql,
  team: TeamScope,
  from: string,
): Promise<readonly Count[]> {
  return sql.all<Count>(DAYS_OF_TEAM, [team, from]);
}

/** The counts of a project under a topic, from a name on. */
export async function countsOf(
  sql: Sql,
  scope: ProjectScope,
  topic: 'day' | 'type' | 'finding',
  from = '',
): Promise<readonly Count[]> {
  return sql.all<Count>(OF_PROJECT, [...scope, topic, from]);
}

/** What people may choose from when they look for events. */
export interface Names {
  readonly missions: readonly string[];
  readonly nodes: readonly string[];
  readonly types: readonly string[];
  readonly findings: readonly string[];
}

const MOST_NAMES = 200;

const NAMES = {
  missions: `SELECT mission_slug AS name FROM missions WHERE team_id = $1 AND project_id = $2
    ORDER BY mission_slug LIMIT $3`,
  nodes:
    'SELECT node_id AS name FROM producers WHERE team_id = $1 AND project_id = $2 ORDER BY node_id LIMIT $3',
};

const TALLIED = `
  SELECT DISTINCT name FROM tallies WHERE team_id = $1 AND topic = $2 ORDER BY name LIMIT $3`;

const TALLIED_OF_PROJECT = `
  SELECT name FROM tallies WHERE team_id = $1 AND topic = $2 AND project_id = $4 ORDER BY name LIMIT $3`;

/** Names that events have: of a project, or types and findings of the whole team. At most 200 of each. */
export async function namesFor(
  sql: Sql,
  team: TeamScope,
  projectId: string | null,
): Promise<Names> {
  const namesIn = async (text: string, params: readonly SqlParam[]): Promise<readonly string[]> =>
    (await sql.all<{ readonly name: string }>(text, params)).map(({ name }) => name);
  const tallied = (topic: 'type' | 'finding') =>
    projectId === null
      ? namesIn(TALLIED, [team, topic, MOST_NAMES])
      : namesIn(TALLIED_OF_PROJECT, [team, topic, MOST_NAMES, projectId]);
  const listed = async (text: string) =>
    projectId === null ? [] : namesIn(text, [team, projectId, MOST_NAMES]);
  return {
    missions: await listed(NAMES.missions),
    nodes: await listed(NAMES.nodes),
    types: await tallied('type'),
    findings: await tallied('finding'),
  };
}
