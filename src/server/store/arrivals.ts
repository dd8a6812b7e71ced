import type { Sql } from './driver.ts';
import { eventsBetween, type StoredEvent } from './events.ts';
import type { TeamScope } from './team-scope.ts';

/** Arrivals of all teams that one look goes through at most. */
const STRETCH = 10_000;

const LAST = 'SELECT max(arrival) AS last FROM events';

/** The last arrival up to which everything that will ever be there is there; 0 for none. */
export async function lastArrival(sql: Sql): Promise<number> {
  const settled = await sql.settled();
  if (settled < Number.MAX_SAFE_INTEGER) return settled;
  const [row] = await sql.all<{ readonly last: number | null }>(LAST);
  return row?.last ?? 0;
}

export interface Arrivals {
  readonly team: TeamScope;
  /** All projects of the team when null. */
  readonly projectId: string | null;
  readonly limit: number;
}

/** What arrived after a cursor, in its order, and from where to go on. */
export interface Arrived {
  readonly events: readonly StoredEvent[];
  readonly upTo: number;
  /** Whether nothing more is there now. */
  readonly isLast: boolean;
}

/** Events with their bytes that arrived after a cursor, out of the next stretch of arrivals. */
export async function arrivalsAfter(
  sql: Sql,
  { team, projectId, limit }: Arrivals,
  after: number,
): Promise<Arrived> {
  const last = await lastArrival(sql);
  const end = Math.min(after + STRETCH, last);
  if (end <= after) return { events: [], upTo: after, isLast: true };
  const order = 'ASC';
  const events = await eventsBetween(sql, { team, projectId, after, upTo: end, limit, order });
  const isFull = events.length === limit;
  const upTo = isFull ? (events.at(-1)?.cursor ?? end) : end;
  return { events, upTo, isLast: upTo === last };
}

/** The last arrivals before `upTo` and with it, the last one first. */
export async function arrivalsBefore(
  sql: Sql,
  { team, projectId, limit }: Arrivals,
  upTo: number,
): Promise<readonly StoredEvent[]> {
  const after = Math.max(0, upTo - STRETCH);
  return eventsBetween(sql, { team, projectId, after, upTo, limit, order: 'DESC' });
}
