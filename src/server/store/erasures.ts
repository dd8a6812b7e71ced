import type { Millis } from '../../base/index.ts';
import type { Sql } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

/** One event whose bytes are still there. */
export interface Erasable {
  readonly arrival: number;
  readonly eventId: string;
  readonly bytes: Uint8Array;
}

/** A project of a team. */
export type ProjectScope = readonly [team: TeamScope, projectId: string];

interface Row {
  readonly arrival: number;
  readonly event_id: string;
  readonly payload: Uint8Array;
}

const ERASABLE = `
  SELECT arrival, event_id, payload FROM events
  WHERE team_id = $1 AND project_id = $2 AND arrival > $3 AND received_at < $4 AND erased_at IS NULL
  ORDER BY arrival LIMIT $5`;

/** Events of a project behind `after` that arrived before a moment, in order of arrival. */
export async function erasableEvents(
  sql: Sql,
  scope: ProjectScope,
  range: { readonly after: number; readonly before: Millis; readonly limit: number },
): Promise<readonly Erasable[]> {
  const rows = await sql.all<Row>(ERASABLE, [...scope, range.after, range.before, range.limit]);
  return rows.map(toErasable);
}

const WITH_ID = `
  SELECT project_id, arrival, event_id, payload FROM events
  WHERE team_id = $1 AND event_id = $2 AND erased_at IS NULL`;

/** The events of a team with an id: one for each project that sent it. */
export async function erasableWithId(
  sql: Sql,
  team: TeamScope,
  eventId: string,
): Promise<readonly (Erasable & { readonly projectId: string })[]> {
  type Found = Row & { readonly project_id: string };
  const rows = await sql.all<Found>(WITH_ID, [team, eventId]);
  return rows.map((row) => ({ ...toErasable(row), projectId: row.project_id }));
}

function toErasable(row: Row): Erasable {
  return { arrival: row.arrival, eventId: row.event_id, bytes: row.payload };
}

const TAKE_BYTES = `
  UPDATE events SET payload = $1, aggregate_id = '', erased_at = $2
  WHERE team_id = $3 AND project_id = $4 AND event_id = $5 AND erased_at IS NULL`;
const NO_BYTES = new Uint8Array();

/** Takes the bytes of events away, and what a sender wrote into their columns. Id, hash and times stay. */
export async function eraseBytes(
  sql: Sql,
  [team, projectId]: ProjectScope,
  events: readonly Erasable[],
  now: Millis,
): Promise<void> {
  await sql.each(
    TAKE_BYTES,
    events.map(({ eventId }) => [NO_BYTES, now, team, projectId, eventId]),
  );
}

const FORGET_TEXT = [
  'DELETE FROM artifact_versions WHERE team_id = $1 AND project_id = $2 AND path = $3 AND sha256 = $4',
  'DELETE FROM artifacts WHERE team_id = $1 AND project_id = $2 AND path = $3 AND sha256 = $4',
];
const FORGET_BODY = `
  DELETE FROM bodies WHERE team_id = $1 AND project_id = $2 AND sha256 = $3 AND NOT EXISTS (
    SELECT 1 FROM artifact_versions v
    WHERE v.team_id = bodies.team_id AND v.project_id = bodies.project_id AND v.sha256 = bodies.sha256)
  RETURNING length(content) AS bytes`;

/** Forgets a version of a path, with its text when nothing else has it. @returns bytes of texts that went. */
export async function eraseText(
  sql: Sql,
  scope: ProjectScope,
  { path, sha256 }: { readonly path: string; readonly sha256: string },
): Promise<number> {
  for (const statement of FORGET_TEXT) await sql.each(statement, [[...scope, path, sha256]]);
  const gone = await sql.all<{ readonly bytes: number }>(FORGET_BODY, [...scope, sha256]);
  return gone.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Removes what a table has of a project. The name is one of the schema's own. @returns rows. */
export async function emptyOfProject(
  sql: Sql,
  table: string,
  scope: ProjectScope,
): Promise<number> {
  const [count] = await sql.each(`DELETE FROM ${table} WHERE team_id = $1 AND project_id = $2`, [
    scope,
  ]);
  return count ?? 0;
}
