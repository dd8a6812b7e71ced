import type { Db, Millis } from '../../base/index.ts';
import { readEndpoint } from '../../home/index.ts';
import { lastSeq, readFollow } from '../generations.ts';
import { selectDue } from '../ledger.ts';
import { openReplays } from '../replay.ts';
import type { Route } from '../routes.ts';
import type { Stream } from '../stream.ts';
import { originOf, takesStream } from '../targets.ts';
import { LONGEST_WAIT_MS } from '../transition.ts';
import { HALT_RETRY_MS, readPacing, restsUntil } from './pacing.ts';

/** Stops that have a time of their own, or none at all. */
const PACED: ReadonlySet<string> = new Set(['network_unavailable', 'daemon_lock']);

/**
 * When a route is worth another try without anybody asking: null while nothing waits that could go, otherwise a time
 * that may have passed. Read alone, so that whoever waits for it writes nothing.
 * @param options.forgivenAt gates that closed before count no more: settings or a login have changed since.
 */
export function nextAttempt(options: {
  readonly db: Db;
  readonly machine: Db;
  readonly route: Route;
  readonly streams: readonly Stream[];
  readonly now: Millis;
  readonly forgivenAt: Millis;
}): Millis | null {
  const { db, route, streams } = options;
  if (route.grantedAt === null) return null;
  const held = Math.max(
    heldUntil(options),
    breakerUntil(options),
    ...streams.map((stream) => ahead(readPacing(db, route.id, stream).retryAfterAt, options.now)),
  );
  const times = streams
    .filter((stream) => takesStream(route.target, stream.name))
    .map((stream) => ({ stream, due: firstDue(options, stream) }))
    .filter(({ due }) => due !== null)
    .map(({ stream, due }) => {
      const rest = restsUntil(readPacing(db, route.id, stream), options.forgivenAt);
      return Math.max(due ?? 0, held, ahead(rest, options.now));
    });
  return times.length === 0 ? null : Math.min(...times);
}

/** A closed gate or a halt is looked at again after five minutes, so that a healed receiver needs no operator. */
function heldUntil({
  route: { blocked },
  now,
  forgivenAt,
}: {
  readonly route: Route;
  readonly now: Millis;
  readonly forgivenAt: Millis;
}): Millis {
  if (blocked === null || PACED.has(blocked.reason) || blocked.at < forgivenAt) return 0;
  return ahead(blocked.at + HALT_RETRY_MS, now);
}

/** A host that another project just found dead is left alone. */
function breakerUntil({
  machine,
  route,
  now,
}: {
  readonly machine: Db;
  readonly route: Route;
  readonly now: Millis;
}): Millis {
  const origin = originOf(route.target);
  return origin === null ? 0 : ahead(readEndpoint(machine, origin).openUntil, now);
}

/** The earliest time at which an item of the stream may go; null when none waits. */
function firstDue(
  { db, route, now }: { readonly db: Db; readonly route: Route; readonly now: Millis },
  stream: Stream,
): Millis | null {
  const follow = readFollow(db, route.id, stream);
  if (follow === null) return null;
  const replays = openReplays(db, route.id, stream);
  const isUnopened =
    lastSeq(db, stream) >= follow.nextSeq || replays.some((each) => each.nextSeq <= each.toSeq);
  if (isUnopened) return now;
  const times = [follow, ...replays].map(({ id }) => dueOf(db, stream, { genId: id, now }));
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function dueOf(
  db: Db,
  stream: Stream,
  { genId, now }: { readonly genId: number; readonly now: Millis },
): Millis | null {
  if (selectDue(db, stream, { genId, after: 0, limit: 1, dueBy: now }).length > 0) return now;
  // What is due later was answered before, and an index holds nothing else.
  const row = db.get<{ due: Millis | null }>(
    `SELECT min(due_at) AS due FROM ${stream.deliveries} INDEXED BY ${stream.deliveries}_tried
     WHERE gen_id = :genId AND state = 1 AND attempts > 0 AND due_at > :now`,
    { genId, now },
  );
  return row?.due ?? null;
}

/** A time further ahead than any wait was written before the clock was set back. */
function ahead(time: Millis, now: Millis): Millis {
  return time - now > LONGEST_WAIT_MS ? 0 : time;
}
