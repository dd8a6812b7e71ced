import type { Clock } from '../../base/index.ts';
import { HEADERS } from '../../wire/index.ts';
import { HttpError } from '../http/errors.ts';
import {
  LINE_PATIENCE_MS,
  LINE_RETRY_SECONDS,
  REQUESTS_UNDER_WAY,
  SNAPSHOTS_UNDER_WAY,
} from '../limits.ts';
import type { Store } from '../store/store.ts';
import { createLine, type Line, type Turn } from './line.ts';

/** What the teams of one process share. Who wants more than its part waits, and the others do not. */
export interface Shares {
  /** Requests with something to store, from the first byte of their body to their answer. */
  readonly requests: Line;
  /** The same of snapshots, each of which may be 32 MiB. */
  readonly snapshots: Line;
  /** The thread that judges what came: a part of a batch is a turn. */
  readonly thread: Line;
  /** The store: a transaction is a turn. The same line as the thread's where the store works on the thread. */
  readonly store: Line;
}

/** Nobody waits for views as they wait for an answer. */
const FOLDING_WEIGHT = 4;

/** Before any body is read, so that what waits costs a socket and no memory; who waits in vain hears 429. */
export function createShares(clock: Clock, { driver }: Store): Shares {
  const patience = { ms: LINE_PATIENCE_MS, refusal: tooMuchAtOnce };
  const requests = { places: REQUESTS_UNDER_WAY, perTeam: REQUESTS_UNDER_WAY / 2, patience };
  const snapshots = { places: SNAPSHOTS_UNDER_WAY, perTeam: SNAPSHOTS_UNDER_WAY / 2, patience };
  const thread = createLine(clock, { places: 1, perTeam: 1 });
  return {
    requests: createLine(clock, requests),
    snapshots: createLine(clock, snapshots),
    thread,
    store:
      driver.writers === 1 ? thread : createLine(clock, { places: driver.writers, perTeam: 1 }),
  };
}

/** The turn of what makes the views: it takes part as a team that has a fifth beside one that always wants more. */
export function foldingTurn({ store }: Shares): Turn {
  return store.join('views', FOLDING_WEIGHT);
}

function tooMuchAtOnce(): HttpError {
  return new HttpError(429, 'rate_limited', 'too much of this team is under way: wait', {
    members: { limit: 'share', retry_after: LINE_RETRY_SECONDS },
    headers: { [HEADERS.retryAfter]: String(LINE_RETRY_SECONDS) },
  });
}
