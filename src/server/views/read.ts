import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { isLane, type Lane } from './facts.ts';
import type { ProjectScope } from './tables.ts';

/** How much one page shows of what has no end. */
export const MOST_PROJECTS = 200;
const MOST_MISSIONS = 500;
const MOST_CHANGES = 5_000;
/** Findings of a mission that are read, the last ones. */
export const MOST_FINDINGS = 100;
const MOST_PRODUCERS = 100;

export interface ProjectRow {
  readonly id: string;
  /** What its last event calls it; null for none. */
  readonly name: string | null;
  readonly missions: number;
  readonly events: number;
  /** When the last event arrived; null before the first was folded. */
  readonly lastSeenAt: Millis | null;
}

const NAME = `
  (SELECT value FROM last_words w WHERE w.team_id = p.team_id AND w.project_id = p.project_id AND w.mission_slug = ''
    AND w.wp_id = '' AND w.topic = 'title') AS name`;

const PROJECTS = `
  SELECT p.project_id AS id, ${NAME},
    (SELECT count(*) FROM missions m WHERE m.team_id = p.team_id AND m.project_id = p.project_id) AS missions,
    (SELECT sum(count) FROM tallies t WHERE t.team_id = p.team_id AND t.project_id = p.project_id
      AND t.topic = 'day') AS events,
    (SELECT max(last_seen_at) FROM producers d WHERE d.team_id = p.team_id AND d.project_id = p.project_id) AS seen
  FROM projects p WHERE p.team_id = $1 AND ($2 = '' OR p.project_id = $2)
  ORDER BY coalesce((SELECT max(last_seen_at) FROM producers d
    WHERE d.team_id = p.team_id AND d.project_id = p.project_id), 0) DESC, p.project_id LIMIT $3`;

/** The projects of a team, the one that was heard of last first; or the one with this id. */
export async function projectRows(
  sql: Sql,
  team: TeamScope,
  projectId: string | null = null,
): Promise<readonly ProjectRow[]> {
  type Row = {
    readonly id: string;
    readonly name: string | null;
    readonly missions: number;
    readonly events: number | null;
    readonly seen: number | null;
  };
  const rows = await sql.all<Row>(PROJECTS, [team, projectId ?? '', MOST_PROJECTS]);
  return rows.map(({ id, name, missions, events, seen }) => ({
    id,
    name,
    missions,
    events: events ?? 0,
    lastSeenAt: seen,
  }));
}

export interface MissionRow {
  readonly slug: string;
  readonly title: string | null;
  readonly type: string | null;
  readonly events: number;
  readonly firstAt: Millis;
  readonly lastAt: Millis;
}

const word = (topic: string): string =>
  `(SELECT value FROM last_words w WHERE w.team_id = m.team_id AND w.project_id = m.project_id
    AND w.mission_slug = m.mission_slug AND w.wp_id = '' AND w.topic = '${topic}') AS ${topic}`;

const MISSIONS = `
  SELECT m.mission_slug AS slug, ${word('title')}, ${word('type')}, m.events, m.first_at, m.last_at FROM missions m
  WHERE m.team_id = $1 AND m.project_id = $2 AND ($3 = '' OR m.mission_slug = $3)
  ORDER BY m.last_at DESC, m.mission_slug LIMIT $4`;

/** The missions of a project, the one with the last event first; or the one with this slug. */
export async function missionRows(
  sql: Sql,
  scope: ProjectScope,
  slug: string | null = null,
): Promise<readonly MissionRow[]> {
  type Row = Omit<MissionRow, 'firstAt' | 'lastAt'> & {
    readonly first_at: number;
    readonly last_at: number;
  };
  const rows = await sql.all<Row>(MISSIONS, [...scope, slug ?? '', MOST_MISSIONS]);
  return rows.map(({ first_at: firstAt, last_at: lastAt, ...row }) => ({
    ...row,
    firstAt,
    lastAt,
  }));
}

const LANE_COUNTS = `
  SELECT mission_slug AS slug, value AS lane, count(*) AS count FROM last_words
  WHERE team_id = $1 AND project_id = $2 AND topic = 'lane' GROUP BY mission_slug, value`;

/** How many work packages each mission of a project has in each lane. */
export async function laneCounts(
  sql: Sql,
  scope: ProjectScope,
): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
  type Row = { readonly slug: string; readonly lane: string; readonly count: number };
  const missions = new Map<string, Map<string, number>>();
  for (const { slug, lane, count } of await sql.all<Row>(LANE_COUNTS, scope)) {
    const lanes = missions.get(slug) ?? new Map<string, number>();
    missions.set(slug, lanes.set(lane, count));
  }
  return missions;
}

export interface WorkPackage {
  readonly id: string;
  readonly title: string | null;
  /** `genesis` until an event says another one. */
  readonly lane: Lane;
}

const WORDS_OF_MISSION = `
  SELECT wp_id AS id, topic, value FROM last_words
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3 AND wp_id > '' ORDER BY wp_id`;

/** The work packages of a mission, by id. */
export async function workPackages(
  sql: Sql,
  scope: ProjectScope,
  slug: string,
): Promise<readonly WorkPackage[]> {
  type Row = { readonly id: string; readonly topic: string; readonly value: string };
  const packages = new Map<string, WorkPackage>();
  for (const { id, topic, value } of await sql.all<Row>(WORDS_OF_MISSION, [...scope, slug])) {
    const known = packages.get(id) ?? { id, title: null, lane: 'genesis' };
    const lane = topic === 'lane' && isLane(value) ? value : known.lane;
    packages.set(id, { id, lane, title: topic === 'title' ? value : known.title });
  }
  return [...packages.values()];
}

export interface ChangeRow {
  readonly occurredAt: Millis;
  readonly eventId: string;
  readonly wpId: string;
  readonly fromLane: string;
  readonly toLane: string;
  readonly actor: string;
}

const CHANGES = `
  SELECT occurred_at, event_id, wp_id, from_lane, to_lane, actor FROM lane_changes
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3
  ORDER BY occurred_at DESC, lamport DESC, event_id DESC LIMIT $4`;

/** The last changes of lanes in a mission, the first of them first. */
export async function laneChanges(
  sql: Sql,
  scope: ProjectScope,
  slug: string,
): Promise<readonly ChangeRow[]> {
  type Row = {
    readonly occurred_at: number;
    readonly event_id: string;
    readonly wp_id: string;
    readonly from_lane: string;
    readonly to_lane: string;
    readonly actor: string;
  };
  const rows = await sql.all<Row>(CHANGES, [...scope, slug, MOST_CHANGES]);
  return rows.toReversed().map((row) => ({
    occurredAt: row.occurred_at,
    eventId: row.event_id,
    wpId: row.wp_id,
    fromLane: row.from_lane,
    toLane: row.to_lane,
    actor: row.actor,
  }));
}

export interface FindingRow {
  readonly occurredAt: Millis;
  readonly eventId: string;
  readonly code: string;
  readonly detail: string;
}

const FINDINGS = `
  SELECT occurred_at, event_id, code, detail FROM findings
  WHERE team_id = $1 AND project_id = $2 AND mission_slug = $3
  ORDER BY occurred_at DESC, event_id DESC LIMIT $4`;

/** The last findings of a mission, the last one first. */
export async function findingsOf(
  sql: Sql,
  scope: ProjectScope,
  slug: string,
): Promise<readonly FindingRow[]> {
  type Row = {
    readonly occurred_at: number;
    readonly event_id: string;
    readonly code: string;
    readonly detail: string;
  };
  const rows = await sql.all<Row>(FINDINGS, [...scope, slug, MOST_FINDINGS]);
  return rows.map(({ occurred_at: occurredAt, event_id: eventId, ...row }) => ({
    occurredAt,
    eventId,
    ...row,
  }));
}

export interface ProducerRow {
  readonly nodeId: string;
  readonly events: number;
  readonly lastSeenAt: Millis;
  readonly lastEventAt: Millis;
  /** Places where its clock jumps. */
  readonly gaps: number;
}

const PRODUCERS = `
  SELECT d.node_id, d.events, d.last_seen_at, d.last_event_at,
    (SELECT count(*) FROM producer_runs r WHERE r.team_id = d.team_id AND r.project_id = d.project_id
      AND r.node_id = d.node_id) AS runs
  FROM producers d WHERE d.team_id = $1 AND d.project_id = $2 ORDER BY d.last_seen_at DESC, d.node_id DESC LIMIT $3`;

/** Who sent events of a project, the last one first. */
export async function producersOf(sql: Sql, scope: ProjectScope): Promise<readonly ProducerRow[]> {
  type Row = {
    readonly node_id: string;
    readonly events: number;
    readonly last_seen_at: number;
    readonly last_event_at: number;
    readonly runs: number;
  };
  const rows = await sql.all<Row>(PRODUCERS, [...scope, MOST_PRODUCERS]);
  return rows.map((row) => ({
    nodeId: row.node_id,
    events: row.events,
    lastSeenAt: row.last_seen_at,
    lastEventAt: row.last_event_at,
    gaps: row.runs - 1,
  }));
}
