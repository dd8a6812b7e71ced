import type { Clock } from '../../base/index.ts';
import { HEADERS } from '../../wire/index.ts';
import type { Visitor } from '../auth.ts';
import { HttpError } from '../http/errors.ts';
import { BURST_SECONDS, MAX_BUCKETS, TEAM_SHARES } from '../limits.ts';

/** Who may ask how often. What one of them uses up leaves the others theirs. */
export interface Rates {
  /** @throws HttpError 429 `rate_limited` with `Retry-After`. */
  requireAddress(address: string): void;
  /** The same for a token or login, and for its team. This machine of a receiver that knows nobody is not limited. */
  requireVisitor(visitor: Visitor): void;
}

/** @param perSecond requests of one token or address in the long run; ten seconds' worth may come at once. */
export function createRates(clock: Clock, perSecond: number): Rates {
  const address = createBuckets(clock, perSecond);
  const token = createBuckets(clock, perSecond);
  const team = createBuckets(clock, perSecond * TEAM_SHARES);
  return {
    requireAddress: (key) => {
      refuse('address', address(key));
    },
    requireVisitor: (visitor) => {
      const key = keyOf(visitor);
      if (key === null) return;
      refuse('token', token(key));
      refuse('team', team(visitor.team));
    },
  };
}

function keyOf({ actor }: Visitor): string | null {
  if (actor.kind === 'machine') return null;
  return actor.kind === 'token' ? actor.token.id : actor.access.session.id;
}

function refuse(limit: string, waitSeconds: number): void {
  if (waitSeconds === 0) return;
  throw new HttpError(429, 'rate_limited', `too many requests of one ${limit}: wait`, {
    members: { limit, retry_after: waitSeconds },
    headers: { [HEADERS.retryAfter]: String(waitSeconds) },
  });
}

/** Takes one request out of a bucket. @returns 0, or in how many seconds there is one again. */
type Take = (key: string) => number;

interface Bucket {
  left: number;
  at: number;
}

function createBuckets(clock: Clock, perSecond: number): Take {
  const full = perSecond * BURST_SECONDS;
  const buckets = new Map<string, Bucket>();
  return (key) => {
    const now = clock.monotonic() / 1_000;
    const bucket = buckets.get(key) ?? { left: full, at: now };
    bucket.left = Math.min(full, bucket.left + (now - bucket.at) * perSecond);
    bucket.at = now;
    // Behind all others again: the first one is always who has been silent for longest.
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > MAX_BUCKETS) forgetFirst(buckets);
    if (bucket.left < 1) return Math.max(1, Math.ceil((1 - bucket.left) / perSecond));
    bucket.left -= 1;
    return 0;
  };
}

function forgetFirst(buckets: Map<string, Bucket>): void {
  const { value } = buckets.keys().next();
  if (value !== undefined) buckets.delete(value);
}
