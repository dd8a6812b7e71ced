import type { Millis } from '../../base/index.ts';
import { readEndpoint } from '../../home/index.ts';
import type { Blocked } from '../../receivers/index.ts';
import type { Stream } from '../stream.ts';
import { originOf } from '../targets.ts';
import { readPacing, restsUntil, type Pacing } from './pacing.ts';
import { AGAIN, againIn, isAhead } from './remedies.ts';
import type { DrainOptions } from './sending.ts';

/** How a stream ended: in peace, for a reason of its own, or for one that holds for the whole route. */
export interface Ended {
  readonly blocked: Blocked | null;
  readonly isOfRoute: boolean;
}

/**
 * A Retry-After is honoured by everyone, whichever stream it was said to; a backoff of our own by everyone but the
 * operator, and holds for its stream alone.
 */
export function pacingBlock(options: DrainOptions, stream: Stream): Ended | null {
  const { db, route, home, byOperator } = options;
  const now = home.system.clock.now();
  for (const each of options.streams) {
    const pacing = readPacing(db, route.id, each);
    if (isAhead(pacing.retryAfterAt - now)) {
      const left = pacing.retryAfterAt - now;
      return { blocked: leftAlone(left, pacing, againIn(left)), isOfRoute: true };
    }
  }
  if (byOperator) return null;
  const pacing = readPacing(db, route.id, stream);
  const rest = restsUntil(pacing, options.forgivenAt ?? 0) - now;
  return isAhead(rest) ? { blocked: leftAlone(rest, pacing, AGAIN), isOfRoute: false } : null;
}

function leftAlone(left: Millis, { lastError }: Pacing, remedy: string): Blocked {
  const why = lastError === null ? '' : ` (${lastError})`;
  return {
    reason: 'network_unavailable',
    detail: `the receiver is left alone for another ${Math.ceil(left / 1000)} s${why}`,
    remedy,
  };
}

/** A host that another project just found dead is left alone; an operator's command probes it all the same. */
export function breakerBlock(options: DrainOptions): Ended | null {
  const { home, route, byOperator } = options;
  const origin = originOf(route.target);
  if (origin === null || byOperator) return null;
  const { openUntil, lastError } = readEndpoint(home.machine(), origin);
  if (!isAhead(openUntil - home.system.clock.now())) return null;
  const blocked: Blocked = {
    reason: 'network_unavailable',
    detail: `${origin} is out of reach${lastError === null ? '' : ` (${lastError})`}`,
    remedy: AGAIN,
  };
  return { blocked, isOfRoute: true };
}
