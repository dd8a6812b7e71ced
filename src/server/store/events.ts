import type { Millis } from '../../base/index.ts';
import type { EventId, ProjectId } from '../../wire/index.ts';
import type { Sql } from './driver.ts';
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
  | { readonly isNew: false; readonly storedSha256: string; readonly isErased: boolean };

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
  /** When its bytes were taken away; null while they are there. */
  readonly erasedAt: Millis | null;
}

export interface StoredEvent extends EventEntry {
  /** The envelope as it came; empty when it was erased. */
  readonly bytes: Uint8Array;
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
    received_at, erased_at`;

/** The rows lie in order of arrival; an expression keeps the planner from the project index, and from sorting. */
export const PAGE_OF_TEAM = `
  SELECT ${ENTRY} FROM events WHERE team_id || '' = $1 AND arrival > $2 AND arrival <= $3
  ORDER BY arrival LIMIT $4`;

export const PAGE_OF_PROJECT = `
  SELECT ${ENTRY} FROM events WHERE team_id = $1 AND project_id = $5 AND arrival > $2 AND arrival <= $3
  ORDER BY arrival LIMIT $4`;

export const BY_ID = `
  SELECT ${ENTRY}, payload FROM events WHERE team_id = $1 AND event_id = $2 ORDER BY arrival`;

/** One page in order of arrival. */
export async function pageOfEvents(sql: Sql, query: PageQuery): Promise<readonly EventEntry[]> {
  const params = [query.team, query.after, await sql.settled(), query.limit];
  const rows =
    query.projectId === null
      ? await sql.all<EventRow>(PAGE_OF_TEAM, params)
      : await sql.all<EventRow>(PAGE_OF_PROJECT, [...params, query.projectId]);
  return rows.map(toEntry);
}

/** Some of a team's events: those that arrived after one and up to another. */
export interface Between {
  readonly team: TeamScope;
  /** All projects of the team when null. */
  readonly projectId: string | null;
  readonly after: number;
  readonly upTo: number;
  readonly limit: number;
  readonly order: 'ASC' | 'DESC';
}

/** Events with their bytes, the first or the last of those between two arrivals. */
export async function eventsBetween(sql: Sql, between: Between): Promise<readonly StoredEvent[]> {
  const { team, projectId, after, upTo, limit, order } = between;
  const whose = projectId === null ? `team_id || '' = $1` : 'team_id = $1 AND project_id = $5';
  const rows = await sql.all<FullRow>(
    `
  SELECT ${ENTRY}, payload FROM events WHERE ${whose} AND arrival > $2 AND arrival <= $3
  ORDER BY arrival ${order} LIMIT $4`,
    [team, after, upTo, limit, ...(projectId === null ? [] : [projectId])],
  );
  return rows.map(toStored);
}

/** One page of a project's events with their bytes, in order of arrival. */
export async function settledPage(
  sql: Sql,
  query: PageQuery & { readonly projectId: string },
): Promise<readonly StoredEvent[]> {
  return eventsBetween(sql, { ...query, upTo: await sql.settled(), order: 'ASC' });
}

/** Every event of the team with one of these ids, with its bytes. */
export async function eventsWithIds(
  sql: Sql,
  team: TeamScope,
  ids: readonly string[],
): Promise<readonly StoredEvent[]> {
  const places = ids.map((_id, index) => `$${index + 2}`).join(', ');
  const rows = await sql.all<FullRow>(
    `SELECT ${ENTRY}, payload FROM events WHERE team_id = $1 AND event_id IN (${places})`,
    [team, ...ids],
  );
  return rows.map(toStored);
}

/** Every event of the team with this id: one for each project that has it. */
export async function eventsById(
  sql: Sql,
  team: TeamScope,
  eventId: string,
): Promise<readonly StoredEvent[]> {
  const rows = await sql.all<FullRow>(BY_ID, [team, eventId]);
  return rows.map(toStored);
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
  readonly erased_at: number | null;
}

interface FullRow extends EventRow {
  readonly payload: Uint8Array;
}

function toStored(row: FullRow): StoredEvent {
  return { ...toEntry(row), bytes: row.payload };
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
    erasedAt: row.erased_at,
  };
}
