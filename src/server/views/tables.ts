import { forRows, type Sql, type SqlParam } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { applyDossiers, DOSSIER_TABLES } from './dossier/tables.ts';
import type { EventFacts } from './facts.ts';
import { type Change, joinRuns, type Run, type SaidWord } from './fold.ts';

/** One project of one team: the first columns of every key here. */
export type ProjectScope = readonly [team: TeamScope, projectId: string];

const LOCK = `
  INSERT INTO view_cursors (team_id, project_id, arrival) VALUES ($1, $2, 0)
  ON CONFLICT (team_id, project_id) DO UPDATE SET arrival = view_cursors.arrival RETURNING arrival`;
const ADVANCE = 'UPDATE view_cursors SET arrival = $1 WHERE team_id = $2 AND project_id = $3';

const ADD_MISSION = `
  INSERT INTO missions (team_id, project_id, mission_slug, events, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (team_id, project_id, mission_slug) DO UPDATE SET events = missions.events + excluded.events,
    first_at = CASE WHEN excluded.first_at < missions.first_at THEN excluded.first_at ELSE missions.first_at END,
    last_at = CASE WHEN excluded.last_at > missions.last_at THEN excluded.last_at ELSE missions.last_at END`;
const SAY = `
  INSERT INTO last_words (team_id, project_id, mission_slug, wp_id, topic, value, occurred_at, lamport, event_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (team_id, project_id, mission_slug, wp_id, topic) DO UPDATE SET value = excluded.value,
    occurred_at = excluded.occurred_at, lamport = excluded.lamport, event_id = excluded.event_id
  WHERE (excluded.occurred_at, excluded.lamport, excluded.event_id)
    > (last_words.occurred_at, last_words.lamport, last_words.event_id)`;
const ADD_LANE_CHANGE = `
  INSERT INTO lane_changes (team_id, project_id, mission_slug, occurred_at, lamport, event_id, wp_id, from_lane,
    to_lane, actor)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;
const ADD_FINDING = `
  INSERT INTO findings (team_id, project_id, mission_slug, occurred_at, event_id, code, detail,
    wp_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
const ADD_TO_INDEX = `
  INSERT INTO event_index (team_id, project_id, occurred_at, event_id, type, mission_slug, wp_id, node_id, findings)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
const ADD_PRODUCER = `
  INSERT INTO producers (team_id, project_id, node_id, events, last_seen_at, last_event_at, last_lag_ms)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (team_id, project_id, node_id) DO UPDATE SET events = producers.events + excluded.events,
    last_lag_ms = CASE WHEN (excluded.last_seen_at, -excluded.last_lag_ms)
      > (producers.last_seen_at, -producers.last_lag_ms) THEN excluded.last_lag_ms ELSE producers.last_lag_ms END,
    last_seen_at = CASE WHEN excluded.last_seen_at > producers.last_seen_at
      THEN excluded.last_seen_at ELSE producers.last_seen_at END,
    last_event_at = CASE WHEN excluded.last_event_at > producers.last_event_at
      THEN excluded.last_event_at ELSE producers.last_event_at END`;
const ADD_LAG = `
  INSERT INTO producer_lags (team_id, project_id, node_id, day, within_ms, events, most_ms)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (team_id, project_id, node_id, day, within_ms)
  DO UPDATE SET events = producer_lags.events + excluded.events,
    most_ms = CASE WHEN excluded.most_ms > producer_lags.most_ms THEN excluded.most_ms ELSE producer_lags.most_ms END`;
const ADD_TALLY = `
  INSERT INTO tallies (team_id, project_id, topic, name, count) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (team_id, project_id, topic, name) DO UPDATE SET count = tallies.count + excluded.count`;

/**
 * Takes the project's turn and says up to which arrival it is folded. Who holds the transaction is alone in the
 * project's views until it ends.
 */
export async function lockViews(sql: Sql, scope: ProjectScope): Promise<number> {
  const [row] = await sql.all<{ readonly arrival: number }>(LOCK, scope);
  return row?.arrival ?? 0;
}

/** Writes what a page of events changes, and that it is folded. The caller has the project's turn. */
export async function applyChange(
  sql: Sql,
  scope: ProjectScope,
  change: Change,
  arrival: number,
): Promise<void> {
  const add = (text: string, rows: readonly (readonly SqlParam[])[]) =>
    sql.insert(
      text,
      rows.map((row) => [...scope, ...row]),
    );
  const { missions, words, facts, producers, runs, lags, tallies } = change;
  await add(
    ADD_MISSION,
    missions.map((sum) => [sum.slug, sum.events, sum.firstAt, sum.lastAt]),
  );
  await add(SAY, words.map(wordRow));
  await add(ADD_LANE_CHANGE, facts.flatMap(laneRows));
  await add(ADD_FINDING, facts.flatMap(findingRows));
  await add(ADD_TO_INDEX, facts.map(indexRow));
  await applyDossiers(sql, scope, change.dossiers);
  await add(
    ADD_PRODUCER,
    producers.map((sum) => [
      sum.nodeId,
      sum.events,
      sum.lastSeenAt,
      sum.lastEventAt,
      sum.lastLagMs,
    ]),
  );
  await add(
    ADD_LAG,
    lags.map((sum) => [sum.nodeId, sum.day, sum.withinMs, sum.events, sum.mostMs]),
  );
  await addRuns(sql, scope, runs);
  await add(
    ADD_TALLY,
    tallies.map(({ topic, name, count }) => [topic, name, count]),
  );
  await sql.each(ADVANCE, [[arrival, ...scope]]);
}

function wordRow(word: SaidWord): readonly SqlParam[] {
  const { missionSlug, wpId, topic, value, occurredAt, lamport, eventId } = word;
  return [missionSlug, wpId, topic, value, occurredAt, lamport, eventId];
}

function laneRows(facts: EventFacts): readonly (readonly SqlParam[])[] {
  const { missionSlug, occurredAt, lamport, eventId, change } = facts;
  if (change === null) return [];
  const { wpId, fromLane, toLane, actor } = change;
  return [[missionSlug, occurredAt, lamport, eventId, wpId, fromLane, toLane, actor]];
}

function findingRows(facts: EventFacts): readonly (readonly SqlParam[])[] {
  const { missionSlug, wpId, occurredAt, eventId, findings } = facts;
  return findings.map(({ code, detail }) => [missionSlug, occurredAt, eventId, code, detail, wpId]);
}

function indexRow(facts: EventFacts): readonly SqlParam[] {
  const { occurredAt, eventId, type, missionSlug, wpId, nodeId, findings } = facts;
  const codes = findings.map(({ code }) => code).join(' ');
  return [occurredAt, eventId, type, missionSlug, wpId, nodeId ?? '', codes];
}

// Runs never touch, so of those before a new one only the nearest can reach it.
const MET_RUNS = `
  WITH given (team_id, project_id, node_id, first, last) AS (VALUES ($1, $2, $3, $4, $5))
  SELECT r.node_id, r.first_lamport, r.last_lamport
  FROM given g JOIN producer_runs r ON r.team_id = g.team_id AND r.project_id = g.project_id AND r.node_id = g.node_id
  WHERE r.first_lamport <= CAST(g.last AS BIGINT) + 1 AND r.last_lamport >= CAST(g.first AS BIGINT) - 1
    AND r.first_lamport >= coalesce((SELECT max(n.first_lamport) FROM producer_runs n
      WHERE n.team_id = g.team_id AND n.project_id = g.project_id AND n.node_id = g.node_id
        AND n.first_lamport <= CAST(g.first AS BIGINT)), CAST(g.first AS BIGINT))`;
const DROP_RUNS = `
  WITH gone (team_id, project_id, node_id, first) AS (VALUES ($1, $2, $3, $4))
  DELETE FROM producer_runs WHERE (team_id, project_id, node_id, first_lamport)
    IN (SELECT team_id, project_id, node_id, CAST(first AS BIGINT) FROM gone)`;
const ADD_RUN = `
  INSERT INTO producer_runs (team_id, project_id, node_id, first_lamport, last_lamport) VALUES ($1, $2, $3, $4, $5)`;

/** Joins new runs with what they meet of those that are there. */
async function addRuns(sql: Sql, scope: ProjectScope, runs: readonly Run[]): Promise<void> {
  type Row = {
    readonly node_id: string;
    readonly first_lamport: number;
    readonly last_lamport: number;
  };
  if (runs.length === 0) return;
  const given = runs.flatMap(({ nodeId, first, last }) => [...scope, nodeId, first, last]);
  const rows = await sql.all<Row>(forRows(MET_RUNS, runs.length), given);
  const met = rows.map((row) => ({
    nodeId: row.node_id,
    first: row.first_lamport,
    last: row.last_lamport,
  }));
  await sql.insert(
    DROP_RUNS,
    met.map(({ nodeId, first }) => [...scope, nodeId, first]),
  );
  await sql.insert(
    ADD_RUN,
    joinRuns([...met, ...runs]).map(({ nodeId, first, last }) => [...scope, nodeId, first, last]),
  );
}

export const VIEW_TABLES = [
  'missions',
  'last_words',
  'lane_changes',
  'findings',
  'event_index',
  'producers',
  'producer_runs',
  'producer_lags',
  'tallies',
  ...DOSSIER_TABLES,
] as const;

/** Empties a project's views and begins them anew. The caller has the project's turn. */
export async function emptyViews(sql: Sql, scope: ProjectScope): Promise<void> {
  for (const table of VIEW_TABLES) {
    await sql.each(`DELETE FROM ${table} WHERE team_id = $1 AND project_id = $2`, [scope]);
  }
  await sql.each(ADVANCE, [[0, ...scope]]);
}
