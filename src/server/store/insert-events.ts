import { assert, type Millis } from '../../base/index.ts';
import type { ColumnSql, Sql, SqlParam } from './driver.ts';
import type { Arrival, NewEvent } from './events.ts';
import type { TeamScope } from './team-scope.ts';

// The one pair of statements that differs between databases: a row at a time is fastest inside this process, and
// whole columns at a time through a socket.
const INSERT_ROW = `
  INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, category, sha256,
    occurred_at, received_at, payload)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  ON CONFLICT (team_id, project_id, event_id) DO NOTHING`;

// A number is drawn for each event of the batch in its order, also for one that is there already, as SQLite does. The
// rows go in by key, so that two batches with the same events wait for each other instead of locking each other out.
const INSERT_COLUMNS = `
  WITH numbered AS MATERIALIZED (
    SELECT nextval('events_arrival_seq') AS arrival, given.*
    FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
      $11::integer[], $12::integer[])
      AS given (project_id, event_id, type, aggregate_type, aggregate_id, category, sha256, occurred_at, starts, bytes)
  )
  INSERT INTO events (arrival, team_id, project_id, event_id, type, aggregate_type, aggregate_id, category, sha256,
    occurred_at, received_at, payload)
  SELECT arrival, $1, project_id, event_id, type, aggregate_type, aggregate_id, category, sha256, occurred_at, $2,
    substring($13::bytea FROM starts FOR bytes)
  FROM numbered ORDER BY project_id COLLATE "C", event_id COLLATE "C", arrival
  ON CONFLICT (team_id, project_id, event_id) DO NOTHING
  RETURNING project_id, event_id`;

const STORED_HASH =
  'SELECT sha256, erased_at FROM events WHERE team_id = $1 AND project_id = $2 AND event_id = $3';

// LIMIT makes it an index search for each row; a plain join might read the whole table.
const STORED_HASHES = `
  SELECT stored.sha256, stored.erased_at
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS given (project_id, event_id, place)
  LEFT JOIN LATERAL (SELECT sha256, erased_at FROM events
    WHERE team_id = $1 AND project_id = given.project_id AND event_id = given.event_id LIMIT 1) stored ON true
  ORDER BY place`;

const NEW: Arrival = { isNew: true };

/**
 * Stores what is not there yet, in order, and says for each event what became of it. The unique key decides, so
 * two requests with one batch cannot both store it; the caller holds the transaction.
 */
export async function insertEvents(
  sql: Sql,
  team: TeamScope,
  now: Millis,
  events: readonly NewEvent[],
): Promise<ReadonlyMap<NewEvent, Arrival>> {
  const added =
    sql.columns === null
      ? await addRows(sql, team, now, events)
      : await addColumns(sql.columns, team, now, events);
  const known = events.filter((event) => !added.has(event));
  const stored = await storedHashes(sql, team, known);
  const arrivals = new Map<NewEvent, Arrival>();
  for (const event of added) arrivals.set(event, NEW);
  for (const [index, event] of known.entries()) {
    const row = stored[index];
    assert(typeof row?.sha256 === 'string', 'an event that was not added is there already');
    arrivals.set(event, {
      isNew: false,
      storedSha256: row.sha256,
      isErased: row.erased_at !== null,
    });
  }
  return arrivals;
}

type HashRow = { readonly sha256: string | null; readonly erased_at: number | null };

/** The hash of what is stored under the id of each event, in their order. */
async function storedHashes(
  sql: Sql,
  team: TeamScope,
  events: readonly NewEvent[],
): Promise<readonly (HashRow | undefined)[]> {
  if (events.length === 0) return [];
  const projects = events.map((event) => event.projectId);
  const ids = events.map((event) => event.eventId);
  if (sql.columns !== null) {
    return sql.columns<HashRow>(STORED_HASHES, [team, projects, ids]);
  }
  const rows: (HashRow | undefined)[] = [];
  for (const event of events) {
    const [row] = await sql.all<HashRow>(STORED_HASH, [team, event.projectId, event.eventId]);
    rows.push(row);
  }
  return rows;
}

async function addRows(
  sql: Sql,
  team: TeamScope,
  now: Millis,
  events: readonly NewEvent[],
): Promise<ReadonlySet<NewEvent>> {
  const added = await sql.each(
    INSERT_ROW,
    events.map((event) => toParams(team, now, event)),
  );
  return new Set(events.filter((_event, index) => added[index] === 1));
}

async function addColumns(
  columns: ColumnSql,
  team: TeamScope,
  now: Millis,
  events: readonly NewEvent[],
): Promise<ReadonlySet<NewEvent>> {
  type Row = { readonly project_id: string; readonly event_id: string };
  const rows = await columns<Row>(INSERT_COLUMNS, [team, now, ...toColumns(events)]);
  const added = new Set(rows.map((row) => `${row.project_id} ${row.event_id}`));
  // The first of a batch with an id was stored; another one behind it was not.
  return new Set(events.filter((event) => added.delete(`${event.projectId} ${event.eventId}`)));
}

function toColumns(events: readonly NewEvent[]): readonly (SqlParam | readonly SqlParam[])[] {
  let next = 1;
  const starts = events.map(({ bytes }) => {
    const start = next;
    next += bytes.length;
    return start;
  });
  return [
    events.map((event) => event.projectId),
    events.map((event) => event.eventId),
    events.map((event) => event.type),
    events.map((event) => event.aggregateType),
    events.map((event) => event.aggregateId),
    events.map((event) => event.category),
    events.map((event) => event.sha256),
    events.map((event) => event.occurredAt),
    starts,
    events.map(({ bytes }) => bytes.length),
    Buffer.concat(events.map(({ bytes }) => bytes)),
  ];
}

function toParams(team: TeamScope, now: Millis, event: NewEvent): readonly SqlParam[] {
  return [
    team,
    event.projectId,
    event.eventId,
    event.type,
    event.aggregateType,
    event.aggregateId,
    event.category,
    event.sha256,
    event.occurredAt,
    now,
    event.bytes,
  ];
}
