import { EXIT, UserError, type Db } from '../base/index.ts';
import {
  activate,
  countCovered,
  eventsStream,
  grant,
  headersOf,
  listRoutes,
  readActive,
  readFollow,
  redeliver,
  registerTarget,
  setHeaders,
  type Destination,
  type Route,
} from '../delivery/index.ts';
import { sessionFor, whyLoggedOut, type SyncMode } from '../home/index.ts';
import type { Endpoint } from '../receivers/index.ts';
import { textOption, type Context } from './io.ts';
import { STREAMS, type Workspace } from './workspace.ts';

/** A permission just given, in words and in numbers. */
export interface Granted {
  readonly route: Route;
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

export interface GrantRequest {
  readonly endpoint: Endpoint;
  /** The mode in which it becomes the project's active target; null leaves the active one as it is. */
  readonly mode: SyncMode | null;
  /** The command that names the target. */
  readonly by: string;
  readonly allowHttp: boolean;
  /** The route that the project has there already. */
  readonly existing: Route | null;
  /** Null keeps the headers that were configured before. */
  readonly headers?: readonly Header[] | null;
}

/** A header of an operator's own, its value in an environment variable. */
export interface Header {
  readonly name: string;
  readonly envVar: string;
}

/**
 * What naming a target inside a project does: the target is registered under the identity of this origin's
 * login, the grant is given for this checkout and, with a mode, it becomes the project's active target.
 * @throws UserError `usage` for an impossible `--from`.
 */
export function grantEndpoint(
  context: Context,
  workspace: Workspace,
  request: GrantRequest,
): Granted {
  const { db, checkoutId, now } = workspace;
  const { endpoint, mode, by, allowHttp, headers = null } = request;
  const from = readFrom(context);
  const fromNow = from === 'now';
  const owner = ownerOf(context, endpoint, request.existing);
  const before = listRoutes(db);
  const route = db.tx(() => {
    const target = registerTarget(db, endpoint, { ...owner, allowHttp, now });
    if (headers !== null) setHeaders(db, target.id, headers);
    const granted = grant(db, {
      targetId: target.id,
      checkoutId,
      by,
      fromNow,
      now,
      streams: STREAMS,
    });
    if (from === 'start' && startOf(db, granted) > 1) {
      redeliver(db, { routeId: granted.id, streams: STREAMS, now, fromStart: true });
    }
    if (mode !== null) activate(db, { mode, routeId: granted.id }, now);
    context.system.faults.at('grant.commit');
    return granted;
  });
  const isNew = before.find((each) => each.id === route.id)?.grantedAt == null;
  return describe(workspace, route, isNew && fromNow);
}

/** The endpoint of a destination. @throws UserError `target_unresolved` (exit 5), `mode_unavailable`. */
export function requireEndpoint(destination: Destination): Endpoint {
  if (destination.endpoint !== null) return destination.endpoint;
  const { mode } = destination;
  if (mode === 'TEAMSPACE' || mode === 'EXTERNAL_RECEIVER') {
    throw new UserError('target_unresolved', 'no receiver is named for this project', {
      remedy: NAME_A_RECEIVER,
      exitCode: EXIT.unconfigured,
    });
  }
  throw new UserError('mode_unavailable', `the mode ${mode ?? '(unknown)'} does not deliver`, {
    remedy: NAME_A_RECEIVER,
  });
}

/** A command that sets a target; an operator puts the address of a receiver in its place. */
export const NAME_A_RECEIVER =
  'spec-kitty sync mode EXTERNAL_RECEIVER --endpoint http://127.0.0.1:8765';

function readFrom(context: Context): 'now' | 'start' | null {
  const from = textOption(context.options, 'from');
  if (from === null || from === 'now' || from === 'start') return from;
  throw new UserError('usage', `--from takes \`now\` or \`start\`, not ${from}`, {
    remedy: 'spec-kitty sync opt-in --help',
    exitCode: EXIT.refused,
  });
}

/** A Teamspace target keeps its owner; a new one belongs to whoever is logged in there, or to nobody yet. */
function ownerOf(
  context: Context,
  endpoint: Endpoint,
  existing: Route | null,
): { readonly team: string; readonly user: string } {
  if (endpoint.kind !== 'teamspace' || endpoint.origin === null) return { team: '', user: '' };
  if (existing?.target.canonicalUrl === endpoint.canonicalUrl) {
    return { team: existing.target.team, user: existing.target.user };
  }
  const session = sessionFor(context.home, endpoint.origin);
  const isIn = whyLoggedOut(session, context.system.clock.now()) === null;
  // A login without a team owns nothing yet: it may claim the permission once it has one.
  if (!isIn || session?.team == null) return { team: '', user: '' };
  return { team: session.team, user: session.user ?? '' };
}

/** The position where a permission begins. */
function startOf(db: Db, route: Route): number {
  return readFollow(db, route.id, eventsStream)?.fromSeq ?? 1;
}

function describe(workspace: Workspace, route: Route, fromNow: boolean): Granted {
  const { db, project } = workspace;
  const start = startOf(db, route);
  const covered = countCovered(db, route.id, start);
  const leftOut = start === 1 ? 0 : countCovered(db, route.id, 1).events - covered.events;
  const since = covered.oldestAt === null ? null : new Date(covered.oldestAt).toISOString();
  const { target } = route;
  const headers = headersOf(db, target.id);
  const isActive = readActive(db)?.routeId === route.id;
  const send = isActive ? 'spec-kitty sync now' : `spec-kitty sync now --target ${target.publicId}`;
  const scope = fromNow
    ? 'what is recorded from now on'
    : `${covered.events} retained event(s)${since === null ? '' : `, recorded since ${since}`}, and what follows`;
  return {
    route,
    json: {
      target_id: target.publicId,
      canonical_url: target.canonicalUrl,
      project_uuid: project.id,
      covered_events: covered.events,
      covered_since: since,
      covered_without_payload: covered.away,
      from_now: fromNow,
      left_out: leftOut,
      headers: headers.map(({ name, envVar }) => ({ name, variable: envVar })),
    },
    lines: [
      `✓ This checkout of ${project.slug ?? project.id} may be sent to ${target.canonicalUrl}`,
      `  It covers ${scope}.`,
      ...(leftOut === 0
        ? []
        : [
            `  ${leftOut} event(s) recorded before stay out: \`spec-kitty sync opt-in --target ${target.publicId} --from start\` includes them.`,
          ]),
      ...(covered.away === 0
        ? []
        : [`  ${covered.away} more cannot be sent: their payloads were dropped or archived.`]),
      ...headers.map(
        ({ name, envVar }) => `  Sends the header ${name} from the variable ${envVar}.`,
      ),
      `  Withdraw it with \`spec-kitty sync opt-out\`; send with \`${send}\`.`,
    ],
  };
}
