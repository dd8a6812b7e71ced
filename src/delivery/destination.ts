import type { Db } from '../base/index.ts';
import {
  currentSyncTarget,
  modeInForce,
  type Home,
  type ResolvedSyncTarget,
  type SyncMode,
} from '../home/index.ts';
import { parseEndpoint, type Endpoint } from '../receivers/index.ts';
import { listRoutes, readActive, routeById, type Route } from './routes.ts';

/** Where a project's facts go when nobody names a target, and why there. */
export interface Destination {
  /** Null when the stored word is no mode: then nothing is sent. */
  readonly mode: SyncMode | null;
  /** Whether the project chose the mode, the machine offers it, or nobody said anything. */
  readonly source: 'project' | 'home' | 'default';
  readonly authority: ResolvedSyncTarget;
  /** Null in a mode without delivery, and where no server is named yet. */
  readonly endpoint: Endpoint | null;
  /** The route to it; null while the project never named it. */
  readonly route: Route | null;
}

/**
 * The destination of a project. An unset mode is TEAMSPACE with whatever server is resolved; a server that only
 * the environment names has a route only if somebody granted it, so the environment can narrow and never widen.
 * @throws UserError `config_corrupt`, `split_brain`, `invalid_url`, `session_unreadable`.
 */
export async function findDestination(
  home: Home,
  db: Db,
  options: { readonly processWideOverride: boolean; readonly flagServerUrl?: string | null },
): Promise<Destination> {
  const config = await home.config();
  const active = readActive(db);
  const activeRoute = active?.routeId == null ? null : routeById(db, active.routeId);
  const { mode, source } = modeInForce(active?.mode ?? null, config.mode.value);
  const authority = await currentSyncTarget(home, {
    ...options,
    projectServerUrl:
      activeRoute?.target.kind === 'teamspace' ? activeRoute.target.canonicalUrl : null,
  });
  const base = { mode, source, authority };
  if (mode === 'TEAMSPACE') return teamspace(home, db, base, activeRoute);
  if (mode !== 'EXTERNAL_RECEIVER') return { ...base, endpoint: null, route: null };
  if (activeRoute !== null)
    return { ...base, endpoint: endpointOf(activeRoute), route: activeRoute };
  return offered(home, db, base, config.externalEndpoint.value);
}

type Base = Pick<Destination, 'mode' | 'source' | 'authority'>;

function teamspace(home: Home, db: Db, base: Base, active: Route | null): Destination {
  const server = base.authority.resolvedServerUrl;
  if (server === null) return { ...base, endpoint: null, route: null };
  const known = listRoutes(db).filter((route) => route.target.kind === 'teamspace');
  const endpoint = parseEndpoint(server, {
    kind: 'teamspace',
    allowHttp: known.some((route) => route.target.allowHttp),
    cwd: home.system.cwd,
  });
  const here = known.filter((route) => route.target.canonicalUrl === endpoint.canonicalUrl);
  return { ...base, endpoint, route: routeOfLogin(here, base.authority, active) };
}

/**
 * Of the routes to one server, the one of whoever is logged in there, else the unclaimed one. Without a login it
 * is the one that was active: the gate then says that the login is missing. Another account inherits nothing.
 */
function routeOfLogin(
  here: readonly Route[],
  { userId, teamSlug }: ResolvedSyncTarget,
  active: Route | null,
): Route | null {
  const mine = here.find(
    ({ target }) => target.user === (userId ?? '') && target.team === (teamSlug ?? ''),
  );
  const unclaimed = here.find(({ target }) => target.user === '' && target.team === '');
  const isLoggedOut = userId === null && teamSlug === null;
  const before = isLoggedOut
    ? (here.find((route) => route.id === active?.id) ??
      here.find((route) => route.grantedAt !== null))
    : undefined;
  return before ?? mine ?? unclaimed ?? null;
}

function offered(home: Home, db: Db, base: Base, text: string | null): Destination {
  if (text === null) return { ...base, endpoint: null, route: null };
  const endpoint = parseEndpoint(text, {
    kind: 'external',
    allowHttp: false,
    cwd: home.system.cwd,
  });
  const route = listRoutes(db).find(({ target }) => target.canonicalUrl === endpoint.canonicalUrl);
  return { ...base, endpoint, route: route ?? null };
}

function endpointOf(route: Route): Endpoint {
  const { target } = route;
  const cwd = '/';
  const text = target.kind === 'stub' ? target.canonicalUrl : target.postUrl;
  return parseEndpoint(text, { kind: 'external', allowHttp: target.allowHttp, cwd });
}
