import type { Millis } from '../../base/index.ts';
import type { ResolvedSyncTarget } from '../../home/index.ts';
import type { Books, ProjectStatus, RouteStatus } from '../../report/index.ts';

/** A store that could not be read: nothing is known of it, which is a failing state. */
export interface UnknownProject {
  readonly projectId: string;
  readonly error: string;
  /** The store opened and contradicts itself. */
  readonly isDamaged: boolean;
}

/** A store that was read, and why only from a copy where that was so. */
export interface KnownProject {
  readonly status: ProjectStatus;
  readonly copied: string | null;
}

/** Everything `sync status` shows. */
export interface StatusView {
  readonly root: string;
  readonly configFile: string;
  readonly saasEnabled: boolean;
  readonly authority: ResolvedSyncTarget;
  readonly mode: string | null;
  /** Public id of the project's active target; null outside of a project or before one is named. */
  readonly activeTargetId: string | null;
  readonly projectSlug: string | null;
  readonly projects: readonly KnownProject[];
  readonly unknown: readonly UnknownProject[];
  readonly now: Millis;
}

/** Every route of every project that could be read. */
export function routesOf(view: StatusView): readonly RouteStatus[] {
  return view.projects.flatMap(({ status }) => status.routes);
}

/** The route to the project's active target, or null. */
export function currentRoute(view: StatusView): RouteStatus | null {
  return routesOf(view).find(({ route }) => route.target.publicId === view.activeTargetId) ?? null;
}

/** The sum of one column of the books over all streams of these routes. */
export function sumBooks(
  routes: readonly RouteStatus[],
  column: Exclude<keyof Books, 'balanced'>,
): number {
  return sum(routes.flatMap(({ streams }) => streams.map(({ books }) => books[column])));
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
