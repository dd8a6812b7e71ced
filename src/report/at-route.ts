import { quoted } from '../base/index.ts';
import { AGAIN, againIn } from '../delivery/index.ts';
import type { RouteStatus } from './facts.ts';
import { found, type Found } from './finding.ts';
import type { KnownProject } from './home-status.ts';

/** A route of a project that status looked at. */
export interface AtRoute {
  readonly project: KnownProject;
  readonly route: RouteStatus;
}

export interface AtStream extends AtRoute {
  readonly stream: RouteStatus['streams'][number];
}

export function routesOf(projects: readonly KnownProject[]): readonly AtRoute[] {
  return projects.flatMap((project) => project.status.routes.map((route) => ({ project, route })));
}

export function streamsOf(projects: readonly KnownProject[]): readonly AtStream[] {
  return routesOf(projects).flatMap((at) => at.route.streams.map((stream) => ({ ...at, stream })));
}

/**
 * What is found at a target. A remedy is typed in the project it is for: elsewhere the finding names the project, and the
 * command goes there first.
 */
export function foundAt(project: KnownProject, detail: string, remedy: string): Found {
  const { isHere, slug, root, status } = project;
  return isHere
    ? found(detail, remedy)
    : found(
        `in the project ${slug ?? status.projectId}: ${detail}`,
        root === null ? null : `cd ${quoted(root)} && ${remedy}`,
      );
}

/** The command that sends to a target: the active one needs no name. A receiver that asked for a while gets it. */
export function sendTo(
  { current, status }: Pick<KnownProject, 'current' | 'status'>,
  { route, streams }: RouteStatus,
): string {
  const again =
    current?.route.id === route.id ? AGAIN : `${AGAIN} --target ${route.target.publicId}`;
  const until = Math.max(0, ...streams.map(({ facts }) => facts.pacing.retryAfterAt));
  return againIn(until - status.readAt, again);
}

export function isPermitted({ route }: RouteStatus): boolean {
  return route.grantedAt !== null;
}

export function urlOf({ route }: RouteStatus): string {
  return route.target.canonicalUrl;
}
