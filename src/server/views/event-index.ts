import type { Millis } from '../../base/index.ts';
import type { Sql, SqlParam } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';
import type { EventFacts } from './facts.ts';

/** One event as people look for it. Texts are empty for what it does not say. */
export interface IndexedEvent {
  readonly projectId: string;
  readonly occurredAt: Millis;
  readonly eventId: string;
  readonly type: string;
  readonly missionSlug: string;
  readonly wpId: string;
  readonly nodeId: string;
  /** Codes of what is odd about it. */
  readonly findings: readonly string[];
}

/** The place of an event among all others, by when it happened; ids decide between equal times. */
export type Place = Pick<IndexedEvent, 'occurredAt' | 'eventId' | 'projectId'>;

/** What is looked for; null and empty texts ask for nothing. */
export interface EventFilter {
  readonly project: string | null;
  readonly mission: string;
  readonly workPackage: string;
  readonly type: string;
  readonly node: string;
  readonly finding: string;
  /** Events that happened then or later. */
  readonly from: Millis | null;
  /** Events that happened before. */
  readonly to: Millis | null;
}

/** Where looking begins, and in which direction it goes: the first place is left out. */
export interface Start {
  readonly place: Place | null;
  readonly towards: 'older' | 'newer';
}

/** What was found, in the direction of looking. */
export interface Found {
  readonly events: readonly IndexedEvent[];
  /** From where to look on; null when nothing can be there. */
  readonly next: Place | null;
  /** True when looking ended before enough was found, because enough had been looked at. */
  readonly isCut: boolean;
}

/** Whether an event is one that is looked for. */
export function isWanted(filter: EventFilter, event: IndexedEvent): boolean {
  const { project, mission, workPackage, type, node, finding, from, to } = filter;
  return (
    (project === null || project === event.projectId) &&
    [
      [mission, event.missionSlug],
      [workPackage, event.wpId],
      [type, event.type],
      [node, event.nodeId],
    ].every(([wanted, given]) => wanted === '' || wanted === given) &&
    (finding === '' || event.findings.includes(finding)) &&
    (from === null || event.occurredAt >= from) &&
    (to === null || event.occurredAt < to)
  );
}

/** The same of an event that no index has yet. */
export function indexedFrom(projectId: string, facts: EventFacts): IndexedEvent {
  const { occurredAt, eventId, type, missionSlug, wpId, nodeId, findings } = facts;
  const codes = findings.map(({ code }) => code);
  const place = { projectId, occurredAt, eventId };
  return { ...place, type, missionSlug, wpId, nodeId: nodeId ?? '', findings: codes };
}

/** Rows of one statement, and rows that one look goes through at most. */
const ROWS_AT_ONCE = 500;
const ROWS_OF_A_LOOK = 5_000;

/**
 * Looks for events by the key that fits the filter best, and drops what the rest of the filter does not want. However
 * rare that is, a look ends after 5,000 rows and says from where to go on.
 */
export async function lookForEvents(
  sql: Sql,
  team: TeamScope,
  filter: EventFilter,
  { place, towards, limit }: Start & { readonly limit: number },
): Promise<Found> {
  const way = wayOf(filter);
  const events: IndexedEvent[] = [];
  let [at, looked] = [place, 0];
  while (looked < ROWS_OF_A_LOOK) {
    const count = way.isExact ? limit - events.length + 1 : ROWS_AT_ONCE;
    const rows = await rowsFrom(sql, team, { filter, way, start: { place: at, towards }, count });
    for (const row of rows) {
      if (!isWanted(filter, row)) continue;
      if (events.length === limit) return { events, next: events.at(-1) ?? null, isCut: false };
      events.push(row);
    }
    if (rows.length < count) return { events, next: null, isCut: false };
    looked += rows.length;
    at = rows.at(-1) ?? at;
  }
  return { events, next: at, isCut: true };
}

/** One key of the index, and what of the filter it answers. */
interface Way {
  readonly from: string;
  /** The column that is as the filter wants it, and how; null for a key without one. */
  readonly column: string | null;
  readonly value: string;
  /** Whether the filter wants nothing else than this key and a stretch of time. */
  readonly isExact: boolean;
}

const INDEX = 'event_index e';
const BY_FINDING = `findings e JOIN event_index i ON i.team_id = e.team_id AND i.project_id = e.project_id
    AND i.occurred_at = e.occurred_at AND i.event_id = e.event_id`;

/** Of several keys the first one: missions are small, and what is odd is rare. */
function wayOf({ project, mission, workPackage, type, node, finding }: EventFilter): Way {
  const ways = [
    [INDEX, 'e.mission_slug', mission],
    [BY_FINDING, 'e.code', finding],
    [INDEX, 'e.node_id', node],
    [INDEX, 'e.type', type],
  ] as const;
  const asked = [mission, workPackage, type, node, finding].filter((text) => text !== '').length;
  const best = project === null ? undefined : ways.find(([, , value]) => value !== '');
  if (best === undefined) return { from: INDEX, column: null, value: '', isExact: asked === 0 };
  const [from, column, value] = best;
  return { from, column, value, isExact: asked === 1 };
}

interface Step {
  readonly filter: EventFilter;
  readonly way: Way;
  readonly start: Start;
  readonly count: number;
}

type Bound = readonly [occurredAt: Millis, eventId: string, projectId: string];

async function rowsFrom(sql: Sql, team: TeamScope, step: Step): Promise<readonly IndexedEvent[]> {
  const { filter, way, count } = step;
  const [low, high] = boundsOf(step);
  const params: SqlParam[] = [];
  const put = (value: SqlParam): string => `$${params.push(value)}`;
  const isOfTeam = filter.project === null;
  const whose = `e.team_id = ${put(team)}${isOfTeam ? '' : ` AND e.project_id = ${put(filter.project)}`}`;
  // The column stands in the order and in both bounds, not beside them: only its own key answers that, so no database
  // takes a longer way through another one.
  const columns = [
    ...(way.column === null ? [] : [way.column]),
    'e.occurred_at',
    'e.event_id',
    ...(isOfTeam ? ['e.project_id'] : []),
  ];
  const boundOf = ([at, id, projectId]: Bound): string =>
    [...(way.column === null ? [] : [way.value]), at, id, ...(isOfTeam ? [projectId] : [])]
      .map(put)
      .join(', ');
  const key = columns.join(', ');
  const order = step.start.towards === 'older' ? 'DESC' : 'ASC';
  const index = way.from === INDEX ? 'e' : 'i';
  const rows = await sql.all<Row>(
    `
  SELECT e.project_id, e.occurred_at, e.event_id, ${index}.type, e.mission_slug, ${index}.wp_id, ${index}.node_id,
    ${index}.findings
  FROM ${way.from} WHERE ${whose} AND (${key}) > (${boundOf(low)}) AND (${key}) < (${boundOf(high)})
  ORDER BY ${columns.map((column) => `${column} ${order}`).join(', ')} LIMIT ${put(count)}`,
    params,
  );
  return rows.map(toEvent);
}

/** What lies between: an event's id is never empty, so a moment with an empty one is before all events of it. */
function boundsOf({ filter, start: { place, towards } }: Step): readonly [low: Bound, high: Bound] {
  const low: Bound = [filter.from ?? Number.MIN_SAFE_INTEGER, '', ''];
  const high: Bound = [filter.to ?? Number.MAX_SAFE_INTEGER, '', ''];
  if (place === null) return [low, high];
  const here: Bound = [place.occurredAt, place.eventId, place.projectId];
  if (towards === 'older') return [low, isBehind(high, here) ? here : high];
  return [isBehind(here, low) ? here : low, high];
}

/** Whether a bound lies after another. */
function isBehind([at, id]: Bound, [otherAt, otherId]: Bound): boolean {
  return at > otherAt || (at === otherAt && id > otherId);
}

interface Row {
  readonly project_id: string;
  readonly occurred_at: number;
  readonly event_id: string;
  readonly type: string;
  readonly mission_slug: string;
  readonly wp_id: string;
  readonly node_id: string;
  readonly findings: string;
}

function toEvent(row: Row): IndexedEvent {
  return {
    projectId: row.project_id,
    occurredAt: row.occurred_at,
    eventId: row.event_id,
    type: row.type,
    missionSlug: row.mission_slug,
    wpId: row.wp_id,
    nodeId: row.node_id,
    findings: row.findings === '' ? [] : row.findings.split(' '),
  };
}
