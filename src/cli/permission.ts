import { UserError } from '../base/index.ts';
import {
  AGAIN,
  coversCheckout,
  findTarget,
  listRoutes,
  routeTo,
  type Destination,
  type DrainReport,
  type Route,
} from '../delivery/index.ts';
import { MODE_AXES } from '../home/index.ts';
import { gatherHere } from './gather/state.ts';
import { grantEndpoint, requireEndpoint } from './consent.ts';
import { flagOption, textOption, type Context } from './io.ts';
import type { Workspace } from './workspace.ts';

/**
 * The routes a drain is for: those that `--target` or `--all` name, else the active one; null when no route is
 * named and the mode does not deliver.
 * @throws UserError `mode_unavailable`: a target is named in a mode that sends nothing, or in none that is known.
 * @throws UserError `no_grant`, `checkout_not_covered`: nothing leaves without a permission for this project,
 * checkout and target. `target_unknown`, `target_unresolved`.
 */
export async function permittedRoutes(
  context: Context,
  workspace: Workspace,
  destination: Destination,
): Promise<readonly Route[] | null> {
  const named = namedRoutes(context, workspace);
  if (!delivers(destination)) {
    if (named === null) return null;
    throw new UserError(
      'mode_unavailable',
      `the mode ${destination.mode ?? '(unknown)'} sends nothing, whichever target is named`,
      { remedy: 'spec-kitty sync mode TEAMSPACE' },
    );
  }
  const routes = named ?? [await activeRoute(context, workspace, destination)];
  for (const route of routes) requireGrant(workspace, route);
  return routes;
}

function delivers(destination: Destination): boolean {
  return destination.mode !== null && MODE_AXES[destination.mode].delivery !== 'none';
}

function namedRoutes(context: Context, workspace: Workspace): readonly Route[] | null {
  const { db, checkoutId } = workspace;
  const reference = textOption(context.options, 'target');
  if (flagOption(context.options, 'all')) {
    const permitted = listRoutes(db).filter((route) => coversCheckout(db, route.id, checkoutId));
    if (permitted.length > 0) return permitted;
    throw noGrant('this checkout has no permission to be sent anywhere', optIn(null));
  }
  if (reference === null) return null;
  const target = findTarget(db, reference, context.system.cwd);
  const route = routeTo(db, target.id);
  if (route !== null) return [route];
  throw noGrant(
    `this project has no permission to be sent to ${target.canonicalUrl}`,
    optIn(target.publicId),
  );
}

/** The active route; a person may grant it here, a script is told the command. */
async function activeRoute(
  context: Context,
  workspace: Workspace,
  destination: Destination,
): Promise<Route> {
  const endpoint = requireEndpoint(destination);
  const { route } = destination;
  if (route?.grantedAt != null && coversCheckout(workspace.db, route.id, workspace.checkoutId)) {
    return route;
  }
  const what = `${whatWouldGo(context, workspace, route)} to ${endpoint.canonicalUrl}`;
  const answer = await context.io.ask(`${what}. Permit it for this checkout? [y/N] `);
  if (answer === null || !/^y(es)?$/i.test(answer.trim())) {
    throw noGrant(
      `${what}, and nobody permitted it for this checkout; nothing was sent`,
      optIn(null),
    );
  }
  return grantEndpoint(context, workspace, {
    endpoint,
    existing: route,
    mode: destination.mode ?? 'TEAMSPACE',
    by: 'sync now',
    allowHttp: route?.target.allowHttp ?? false,
  }).route;
}

/** What the target lacks, as a person who is asked needs to know it. `route` is the one the project has there. */
export function whatWouldGo(context: Context, workspace: Workspace, route: Route | null): string {
  const { project } = workspace;
  const status = gatherHere(context, workspace);
  const known = status.routes.find((each) => each.route.id === route?.id);
  const settled = (known?.streams ?? []).map(({ books }) => books.delivered + books.superseded);
  const { captured, ineligible } = status.journal;
  const retained = captured - ineligible - settled.reduce((sum, each) => sum + each, 0);
  const fresh = context.options['import'] === false ? 0 : (status.pending?.lines ?? 0);
  const lines = fresh === 0 ? '' : ` and ${fresh} new line(s)`;
  return `${retained} retained event(s)${lines} of ${project.slug ?? project.id} would go`;
}

function requireGrant(workspace: Workspace, route: Route): void {
  const { publicId, canonicalUrl } = route.target;
  if (route.grantedAt === null) {
    throw noGrant(
      `this project has no permission to be sent to ${canonicalUrl}; nothing was sent`,
      optIn(publicId),
    );
  }
  if (coversCheckout(workspace.db, route.id, workspace.checkoutId)) return;
  throw new UserError(
    'checkout_not_covered',
    `the permission for ${canonicalUrl} was given in another checkout; nothing was sent`,
    { remedy: optIn(publicId) },
  );
}

function noGrant(message: string, remedy: string): UserError {
  return new UserError('no_grant', message, { remedy });
}

function optIn(target: string | null): string {
  return target === null ? 'spec-kitty sync opt-in' : `spec-kitty sync opt-in --target ${target}`;
}

/** A drain of a target that was named, or of all: its remedy names the target too, else it would send elsewhere. */
export function addressed({ options }: Context, report: DrainReport): DrainReport {
  const { blocked, target } = report;
  const isNamed = textOption(options, 'target') !== null || flagOption(options, 'all');
  if (blocked?.remedy?.endsWith(AGAIN) !== true || !isNamed) return report;
  const remedy = `${blocked.remedy} --target ${target.publicId}`;
  return { ...report, blocked: { ...blocked, remedy } };
}
