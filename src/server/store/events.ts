import { assert, type Millis } from '../../base/index.ts';
import type { EventId, ProjectId } from '../../wire/index.ts';
import type { Sql, SqlParam } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

/** What the receiver thinks of a payload it stores without understanding it. */
export type PayloadCategory = 'unknown_type' | 'unvalidated';

/** One event that is about to be stored. */
export interface NewEvent {
  readonly projectId: ProjectId;
  readonly eventId: EventId;
  readonly type: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly category: PayloadCategory | null;
  readonly sha256: string;
  readonly occurredAt: Millis;
  /** The element of the batch, exactly as it came. */
  readonly bytes: Uint8Array;
}

/** What became of it: stored now, or already there with this hash. */
export type Arrival =
  | { readonly isNew: true }
  | { readonly isNew: false; readonly storedSha256: string };

/** One stored event without its bytes. */
export interface EventEntry {
  /** Order of arrival; what `after` takes. */
  readonly cursor: number;
  readonly eventId: string;
  readonly projectId: string;
  readonly type: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly category: PayloadCategory | null;
  readonly sha256: string;
  readonly occurredAt: Millis;
  readonly receivedAt: Millis;
}

export interface StoredEvent extends EventEntry {
  /** The envelope as it came. */
  readonly bytes: Uint8Array;
}

const INSERT = `
  INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, category, sha256,
    occurred_at, received_at, payload)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  ON CONFLICT (team_id, project_id, event_id) DO NOTHING`;

const STORED_HASH =
  'SELECT sha256 FROM events WHERE team_id = $1 AND project_id = $2 AND event_id = $3';

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
  const added = await sql.each(
    INSERT,
    events.map((event) => toParams(team, now, event)),
  );
  const arrivals = new Map<NewEvent, Arrival>();
  for (const [index, event] of events.entries()) {
    const isNew = added[index] === 1;
    arrivals.set(event, isNew ? NEW : await knownArrival(sql, team, event));
  }
  return arrivals;
}

const NEW: Arrival = { isNew: true };

async function knownArrival(sql: Sql, team: TeamScope, event: NewEvent): Promise<Arrival> {
  const key = [team, event.projectId, event.eventId];
  const [row] = await sql.all<{ readonly sha256: string }>(STORED_HASH, key);
  assert(row !== undefined, 'an event that was not added is there already');
  return { isNew: false, storedSha256: row.sha256 };
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

export interface PageQuery {
  readonly team: TeamScope;
  /** All projects of the team when null. */
  readonly projectId: string | null;
  /** Events that arrived after this cursor; 0 is the beginning. */
  readonly after: number;
  readonly limit: number;
}

const ENTRY = `arrival, event_id, project_id, type, aggregate_type, aggregate_id, category, sha256, occurred_at,
    received_at`;

/** The rows lie in order of arrival; an expression keeps the planner from the project index, and from sorting. */
export const PAGE_OF_TEAM = `
  SELECT ${ENTRY} FROM events WHERE team_id || '' = $1 AND arrival > $2 ORDER BY arrival LIMIT $3`;

export const PAGE_OF_PROJECT = `
  SELECT ${ENTRY} FROM events WHERE team_id = $1 AND project_id = $4 AND arrival > $2
  ORDER BY arrival LIMIT $3`;

export const BY_ID = `
  SELECT ${ENTRY}, payload FROM events WHERE team_id = $1 AND event_id = $2 ORDER BY arrival`;

/** One page in order of arrival. */
export async function pageOfEvents(sql: Sql, query: PageQuery): Promise<readonly EventEntry[]> {
  const params = [query.team, query.after, query.limit];
  const rows =
    query.projectId === null
      ? await sql.all<EventRow>(PAGE_OF_TEAM, params)
      : await sql.all<EventRow>(PAGE_OF_PROJECT, [...params, query.projectId]);
  return rows.map(toEntry);
}

/** Every event of the team with this id: one for each project that has it. */
export async function eventsById(
  sql: Sql,
  team: TeamScope,
  eventId: string,
): Promise<readonly StoredEvent[]> {
  const rows = await sql.all<EventRow & { readonly payload: Uint8Array }>(BY_ID, [team, eventId]);
  return rows.map((row) => ({ ...toEntry(row), bytes: row.payload }));
}

interface EventRow {
  readonly arrival: number;
  readonly event_id: string;
  readonly project_id: string;
  readonly type: string;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly category: PayloadCategory | null;
  readonly sha256: string;
  readonly occurred_at: number;
  readonly received_at: number;
}

function toEntry(row: EventRow): EventEntry {
  return {
    cursor: row.arrival,
    eventId: row.event_id,
    projectId: row.project_id,
    type: row.type,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    category: row.category,
    sha256: row.sha256,
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
  };
}
