import type { KindWaiting } from '../../delivery/index.ts';
import type { WaitingRows } from '../../legacy/index.ts';
import type { Books, HomeStatus, RouteStatus } from '../../report/index.ts';

/** Every route of every project that could be read. */
export function routesOf(status: HomeStatus): readonly RouteStatus[] {
  return status.projects.flatMap((project) => project.status.routes);
}

/** The routes to each project's active target. */
export function currentRoutes(status: HomeStatus): readonly RouteStatus[] {
  return status.projects.flatMap(({ current }) => (current === null ? [] : [current]));
}

/** The routes to targets that are not the active one of their project. */
export function previousRoutes(status: HomeStatus): readonly RouteStatus[] {
  const current = new Set(currentRoutes(status));
  return routesOf(status).filter((route) => !current.has(route));
}

/** The sum of one column of the books over one stream of these routes, or over all. */
export function sumBooks(
  routes: readonly RouteStatus[],
  column: Exclude<keyof Books, 'balanced'>,
  stream: string | null = null,
): number {
  const chosen = routes.flatMap(({ streams }) =>
    streams.filter(({ facts }) => stream === null || facts.stream === stream),
  );
  return sum(chosen.map(({ books }) => books[column]));
}

/** What waits for these routes to take it: queued, and not yet opened. Routes without permission wait for nothing. */
export function sumWaiting(routes: readonly RouteStatus[], stream: string | null = null): number {
  const granted = routes.filter(({ route }) => route.grantedAt !== null);
  return sumBooks(granted, 'queued', stream) + sumBooks(granted, 'unopened', stream);
}

/** The most frequent types of the events that wait for the active targets, over the home, at most five. */
export function kindsWaiting(status: HomeStatus): readonly KindWaiting[] {
  const sums = new Map<string, number>();
  for (const { streams } of currentRoutes(status)) {
    for (const { facts } of streams.filter((each) => each.facts.stream === 'events')) {
      for (const { type, n } of facts.kinds ?? []) sums.set(type, (sums.get(type) ?? 0) + n);
    }
  }
  return [...sums]
    .map(([type, n]) => ({ type, n }))
    .sort((a, b) => b.n - a.n)
    .slice(0, MOST_KINDS);
}

const MOST_KINDS = 5;

/** Rows of old queues that are not accounted for yet, of every project and of none. */
export function legacyRows({ legacy }: HomeStatus): WaitingRows {
  const rows = [...legacy.waiting.values()];
  return {
    events: sum(rows.map((each) => each.events)),
    bodies: sum(rows.map((each) => each.bodies)),
  };
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
