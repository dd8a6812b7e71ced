import type { Db, Millis } from '../../base/index.ts';
import {
  findMissingTeam,
  isSaasEnabled,
  sessionFor,
  sessionHttp,
  whyLoggedOut,
  type Home,
  type Session,
} from '../../home/index.ts';
import {
  checkGates,
  createHttpReceiver,
  createStubReceiver,
  isGate,
  type Blocked,
  type Receiver,
} from '../../receivers/index.ts';
import type { Route } from '../routes.ts';
import { acceptCommand } from './identity.ts';
import {
  headersOf,
  healthUrlOf,
  originOf,
  pushUrlOf,
  takesStream,
  type Target,
} from '../targets.ts';

/** A receiver that may speak, or the gate that is closed. */
export type Connection =
  | { readonly kind: 'ready'; readonly receiver: Receiver }
  | { readonly kind: 'blocked'; readonly blocked: Blocked };

/** What one drain brings along: a token in the place of the login's, and how long one snapshot may take. */
export interface OwnWay {
  readonly bearer: string | null;
  readonly snapshotMs: Millis;
}

/**
 * The receiver of a target with its credentials: the login of exactly this origin, and the headers whose values the
 * operator keeps in the environment. Asks the gates; opens no socket, except for a team that the login lacks, which
 * the server may have given it since.
 */
export async function connect(
  home: Home,
  db: Db,
  target: Target,
  own?: OwnWay,
): Promise<Connection> {
  if (target.kind === 'stub') {
    return { kind: 'ready', receiver: createStubReceiver(target.postUrl, home.system.files) };
  }
  const bearer = own?.bearer ?? null;
  const blocked =
    bearer === null ? await openGates(home, db, target) : gateOf(home, db, target, true);
  if (blocked !== null) return { kind: 'blocked', blocked };
  // A request that brings its own authorization goes out without the login.
  const authorization = bearer === null ? {} : { authorization: `Bearer ${bearer}` };
  const session = sessionOf(home, target);
  const receiver = createHttpReceiver({
    kind: target.kind,
    http: session === null ? home.http : sessionHttp(home, session),
    clock: home.system.clock,
    eventsUrl: target.postUrl,
    healthUrl: healthUrlOf(target),
    bodiesUrl: pushUrlOf(target, 'bodies'),
    snapshotsUrl: pushUrlOf(target, 'snapshots'),
    headers: { ...authorization, ...configuredHeaders(home, db, target).headers },
    brotli: target.acceptsBrotli,
    bodies: takesStream(target, 'bodies'),
    snapshots: takesStream(target, 'snapshots'),
    width: target.maxConcurrentBatches ?? 1,
    maxBytes: target.maxBatchBytes,
    ...(own === undefined ? {} : { deadlines: { snapshotMs: own.snapshotMs } }),
  });
  return { kind: 'ready', receiver };
}

/** The gate that is closed for a target as this machine stands now, or null. Asks nobody. */
export function gateOf(home: Home, db: Db, target: Target, hasOwnToken = false): Blocked | null {
  if (target.kind === 'stub') return null;
  const session = sessionOf(home, target);
  return checkGates({
    kind: target.kind,
    origin: originOf(target),
    saasEnabled: isSaasEnabled(home.system.env),
    session,
    hasOwnToken,
    loggedOut: whyLoggedOut(session, home.system.clock.now()),
    owner: { team: target.team, user: target.user },
    missingHeaderVariables: configuredHeaders(home, db, target).missing,
  });
}

/**
 * What stands on a route now: a gate that is closed, as far as `isWaiting` something would pass it, else what the last
 * drain wrote, unless that was a gate which has opened since.
 */
export function standingBlock(
  home: Home,
  db: Db,
  route: Route,
  isWaiting: boolean,
): Route['blocked'] {
  const { blocked, target } = route;
  const isGated = blocked !== null && isGate(blocked.reason);
  if (!isGated && !isWaiting) return mendable(route);
  const gate = gateOf(home, db, target);
  if (gate === null) return isGated ? null : mendable(route);
  const { reason, detail, remedy } = gate;
  return { reason, detail, at: isGated ? blocked.at : home.system.clock.now(), remedy };
}

/** Only an operator can say that another instance is meant as well. */
function mendable({ blocked, target }: Route): Route['blocked'] {
  return blocked?.reason === 'receiver_reset'
    ? { ...blocked, remedy: acceptCommand(target) }
    : blocked;
}

const WITHOUT_TEAM: ReadonlySet<string> = new Set(['missing_team', 'private_teamspace_gate']);

async function openGates(home: Home, db: Db, target: Target): Promise<Blocked | null> {
  const blocked = gateOf(home, db, target);
  if (blocked === null || !WITHOUT_TEAM.has(blocked.reason)) return blocked;
  const session = sessionOf(home, target);
  const found = session === null ? null : await findMissingTeam(home, session);
  return found === null ? blocked : gateOf(home, db, target);
}

function sessionOf(home: Home, target: Target): Session | null {
  const origin = originOf(target);
  return origin === null ? null : sessionFor(home, origin);
}

function configuredHeaders(
  home: Home,
  db: Db,
  target: Target,
): { readonly headers: Readonly<Record<string, string>>; readonly missing: readonly string[] } {
  const headers: Record<string, string> = {};
  const missing: string[] = [];
  for (const { name, envVar } of headersOf(db, target.id)) {
    const value = home.system.env[envVar];
    if (value === undefined || value === '') missing.push(envVar);
    else headers[name.toLowerCase()] = value;
  }
  return { headers, missing };
}
