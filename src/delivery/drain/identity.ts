import type { Db } from '../../base/index.ts';
import type { Home } from '../../home/index.ts';
import type { Blocked, Receiver, Stop } from '../../receivers/index.ts';
import type { Drain } from './drains.ts';
import { requireFence } from '../ledger.ts';
import { isBack, listSightings, noteSighting } from '../sightings.ts';
import { AGAIN } from './remedies.ts';
import { routeById, type Route } from '../routes.ts';
import { recordHealth, type Target } from '../targets.ts';

/** A route, the receiver at its end and the right to record what it says. */
export interface Line {
  readonly home: Home;
  readonly db: Db;
  readonly route: Route;
  readonly receiver: Receiver;
  readonly lease: Drain;
}

/** Who answers at a target, asked before anything is sent to it. */
export type Asked =
  | { readonly kind: 'stopped'; readonly stop: Stop }
  | { readonly kind: 'blocked'; readonly blocked: Blocked }
  | {
      readonly kind: 'ready';
      /** The target with what it said of itself just now. */
      readonly target: Target;
      /** The instance that is delivered to; null where the receiver names none. */
      readonly instanceId: string | null;
      /** False when it has no address to be asked at. */
      readonly hasAnswered: boolean;
    };

/**
 * Asks the receiver who it is and what it takes, and writes that down.
 * @param expected the instance that was delivered to so far, or null.
 * @throws FenceLost when another process drains this route: an answer that came late must not say who the receiver is.
 */
export async function askReceiver(
  line: Line,
  expected: string | null,
  signal: AbortSignal,
): Promise<Asked> {
  const { route } = line;
  const said = await probe(line, signal);
  if (said.kind === 'stopped') return said;
  if (said.kind === 'silent') {
    return { kind: 'ready', target: route.target, instanceId: expected, hasAnswered: false };
  }
  const { target, instanceId } = said;
  if (expected === null || instanceId === null || expected === instanceId) {
    return { kind: 'ready', target, instanceId: expected ?? instanceId, hasAnswered: true };
  }
  // Another instance. Replicas behind one address give themselves away by answering differently a moment later.
  const again = await probe(line, signal);
  if (again.kind === 'stopped') return again;
  const another = again.kind === 'answered' ? again.instanceId : instanceId;
  if (another !== instanceId) return { kind: 'blocked', blocked: replicas(target) };
  const isTurn = isBack(listSightings(line.db, target.id), instanceId);
  const blocked = isTurn ? replicas(target, acceptCommand(target)) : reset(target);
  return { kind: 'blocked', blocked };
}

/**
 * The stop for a batch that another instance answered than the one that is delivered to.
 * @param isConfirmed the other one answered in this drain as well, so that they take turns.
 */
export function anotherInstance(target: Target, isConfirmed: boolean): Stop {
  const code = isConfirmed ? 'replicas' : 'receiver_reset';
  const { detail } = isConfirmed ? replicas(target) : reset(target);
  return { kind: 'halt', httpStatus: null, code, detail, retryAfterMs: null };
}

/** What an operator is told of several stores behind one address. */
function replicas(target: Target, remedy = AGAIN): Blocked {
  return {
    reason: 'halted',
    detail: `several instances take turns at ${target.canonicalUrl}, each with data of its own: let one of them alone answer there`,
    remedy,
  };
}

function reset(target: Target): Blocked {
  return {
    reason: 'receiver_reset',
    detail: `${target.canonicalUrl} is another instance than the one that was delivered to: accept it as it is, or send it everything again with \`spec-kitty sync replay --target ${target.publicId} --redeliver\``,
    remedy: acceptCommand(target),
  };
}

/** The operator's word that whoever answers now is the receiver that was meant. */
export function acceptCommand(target: Target): string {
  return `spec-kitty sync targets accept ${target.publicId}`;
}

type Said =
  | { readonly kind: 'stopped'; readonly stop: Stop }
  | { readonly kind: 'silent' }
  | { readonly kind: 'answered'; readonly target: Target; readonly instanceId: string | null };

async function probe(line: Line, signal: AbortSignal): Promise<Said> {
  const { db, home, route, receiver, lease } = line;
  const answer = await receiver.probe(signal);
  if (answer.kind !== 'health') return answer;
  const now = home.system.clock.now();
  const { health } = answer;
  db.tx(() => {
    requireFence(db, lease, now);
    recordHealth(db, route.target.id, health, now);
    noteSighting(db, route.target.id, health, now);
  });
  const target = routeById(db, route.id)?.target ?? route.target;
  return { kind: 'answered', target, instanceId: health.serverInstanceId };
}
