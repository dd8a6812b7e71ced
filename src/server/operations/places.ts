import { HttpError } from '../http/errors.ts';
import { STREAM_RETRY_SECONDS } from '../limits.ts';
import { HEADERS } from '../../wire/index.ts';

/** Places for answers that go on for long, so that none of those who take them takes them all. */
export interface Places {
  /**
   * Takes a place until the answer is called.
   * @throws HttpError 429 `too_many_streams` with `Retry-After`.
   */
  take(address: string, team: string): () => void;
  readonly taken: () => number;
}

/** How many there are: in all, for one address, for one team. */
export interface PlaceLimits {
  readonly all: number;
  readonly address: number;
  readonly team: number;
}

/** Places of this process. */
export function createPlaces(limits: PlaceLimits): Places {
  const open = new Map<string, number>();
  const countOf = (key: string): number => open.get(key) ?? 0;
  const change = (key: string, by: number): void => {
    const count = countOf(key) + by;
    if (count > 0) open.set(key, count);
    else open.delete(key);
  };
  return {
    taken: () => countOf('all'),
    take: (address, team) => {
      const keys = [
        ['all', limits.all],
        [`address ${address}`, limits.address],
        [`team ${team}`, limits.team],
      ] as const;
      for (const [key, most] of keys) if (countOf(key) >= most) throw full(key.split(' ')[0] ?? '');
      for (const [key] of keys) change(key, 1);
      let isTaken = true;
      return () => {
        if (isTaken) for (const [key] of keys) change(key, -1);
        isTaken = false;
      };
    },
  };
}

function full(limit: string): HttpError {
  const whose = limit === 'all' ? '' : ` of one ${limit}`;
  return new HttpError(429, 'too_many_streams', `too many streams${whose} are open: wait`, {
    members: { limit, retry_after: STREAM_RETRY_SECONDS },
    headers: { [HEADERS.retryAfter]: String(STREAM_RETRY_SECONDS) },
  });
}
