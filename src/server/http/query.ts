import { parseProjectId } from '../../wire/index.ts';
import type { Visitor } from '../auth.ts';
import { HttpError } from './errors.ts';

/** The members of a query as they came; absent ones are undefined. */
export type Query = Readonly<Partial<Record<string, string>>>;

/**
 * The project asked for; the only one of a token for one; null for all.
 * @throws HttpError 400 for what is no UUID, and for a token for several projects that names none.
 */
export function projectFor(visitor: Visitor, asked: string | undefined): string | null {
  if (asked !== undefined) {
    const project = parseProjectId(asked);
    if (project !== null) return project;
    throw new HttpError(400, 'bad_request', 'project must be a UUID');
  }
  const { projects } = visitor;
  if (projects === 'all') return null;
  const [only, another] = projects;
  if (only !== undefined && another === undefined) return only;
  throw projectRequired('this token is for several projects: name one');
}

/** The same where there is no answer for all projects. @throws HttpError 400. */
export function oneProject(visitor: Visitor, asked: string | undefined): string {
  const project = projectFor(visitor, asked);
  if (project !== null) return project;
  throw projectRequired('name the project');
}

function projectRequired(message: string): HttpError {
  return new HttpError(400, 'project_required', message);
}

/** A number of a query. @throws HttpError 400. */
export function toCount(text: string, name: string, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (value >= 0 && value <= most) return value;
  throw new HttpError(400, 'bad_request', `${name} must be an integer from 0 to ${most}`);
}
