import type { Millis } from '../../../base/index.ts';
import { parseEventId, parseProjectId } from '../../../wire/index.ts';
import { HttpError } from '../../http/errors.ts';
import type { Query } from '../../http/query.ts';
import type { EventFilter, Place, Start } from '../../views/event-index.ts';

/** A moment in UTC as a form writes it, a day alone, or either with seconds. */
const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)Z?)?$/;
const PLACE = /^(-?\d{1,15})_([\dA-Za-z-]{26,36})_([\da-f-]{36})$/;

/**
 * What an address asks for; a name without a text asks for nothing.
 * @throws HttpError 400 for a project that is no UUID, and a moment that is none.
 */
export function filterOf(query: Query): EventFilter {
  return {
    project: projectIn(query['project'] ?? ''),
    mission: query['mission'] ?? '',
    workPackage: query['wp'] ?? '',
    type: query['type'] ?? '',
    node: query['node'] ?? '',
    finding: query['finding'] ?? '',
    from: momentIn(query, 'from'),
    to: momentIn(query, 'to'),
  };
}

function projectIn(text: string): string | null {
  if (text === '') return null;
  const project = parseProjectId(text);
  if (project !== null) return project;
  throw new HttpError(400, 'bad_request', 'project must be a UUID');
}

function momentIn(query: Query, name: 'from' | 'to'): Millis | null {
  const text = query[name] ?? '';
  if (text === '') return null;
  const [, day, time = '00:00'] = MOMENT.exec(text) ?? [];
  const at = Date.parse(`${day ?? ''}T${time}Z`);
  if (!Number.isNaN(at)) return at;
  throw new HttpError(400, 'bad_request', `${name} must be a time in UTC such as 2026-03-14T09:26`);
}

/** The filter by the names of the address, in one order and without what asks for nothing. */
export function partsOf(filter: EventFilter): Readonly<Record<string, string>> {
  const { project, mission, workPackage, type, node, finding, from, to } = filter;
  const all = {
    project: project ?? '',
    mission,
    wp: workPackage,
    type,
    node,
    finding,
    from: momentOf(from),
    to: momentOf(to),
  };
  return Object.fromEntries(Object.entries(all).filter(([, text]) => text !== ''));
}

/** A moment as a form field takes it, empty for none. */
export function momentOf(at: Millis | null): string {
  if (at === null) return '';
  return new Date(at).toISOString().replace(/(?::00)?(?:\.000)?Z$/, '');
}

/** Where an address begins to look. @throws HttpError 400 for a place that is none. */
export function startOf(query: Query): Start {
  const [before, after] = [query['before'] ?? '', query['after'] ?? ''];
  const towards = after === '' ? 'older' : 'newer';
  const text = after === '' ? before : after;
  return { place: text === '' ? null : placeIn(text), towards };
}

function placeIn(text: string): Place {
  const [, at, id = '', project = ''] = PLACE.exec(text) ?? [];
  const [eventId, projectId] = [parseEventId(id), parseProjectId(project)];
  if (eventId !== null && projectId !== null) return { occurredAt: Number(at), eventId, projectId };
  throw new HttpError(400, 'bad_request', 'this place in the list is none');
}

/** A place as `startOf` reads it. */
export function textOf({ occurredAt, eventId, projectId }: Place): string {
  return `${occurredAt}_${eventId}_${projectId}`;
}
