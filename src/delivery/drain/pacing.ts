import type { Db, Millis } from '../../base/index.ts';
import type { Stop } from '../../receivers/index.ts';
import type { Stream } from '../stream.ts';
import { backoffMs, clampRetryAfter } from '../transition.ts';

/** How a stream of a route is doing as a whole: requests that failed touch this, never an item. */
export interface Pacing {
  /** Failures in a row. */
  readonly failures: number;
  readonly dueAt: Millis;
  /** Until when the receiver asked to be left alone; nobody's command shortens it. */
  readonly retryAfterAt: Millis;
  readonly lastError: string | null;
  readonly lastAttemptAt: Millis | null;
  readonly lastSuccessAt: Millis | null;
}

interface PacingRow {
  readonly failures: number;
  readonly due_at: number;
  readonly retry_after_at: number;
  readonly last_error: string | null;
  readonly last_attempt_at: number | null;
  readonly last_success_at: number | null;
}

export const HALT_RETRY_MS = 300_000;

const READ = 'SELECT * FROM route_streams WHERE route_id = :routeId AND stream = :stream';
const FAIL = `
  INSERT INTO route_streams (route_id, stream, failures, due_at, retry_after_at, last_error, last_attempt_at)
  VALUES (:routeId, :stream, 1, :dueAt, :retryAfterAt, :lastError, :now)
  ON CONFLICT (route_id, stream) DO UPDATE SET failures = failures + 1, due_at = :dueAt,
    retry_after_at = :retryAfterAt, last_error = :lastError, last_attempt_at = :now`;
const SUCCEED = `
  INSERT INTO route_streams (route_id, stream, last_attempt_at, last_success_at)
  VALUES (:routeId, :stream, :now, :now)
  ON CONFLICT (route_id, stream) DO UPDATE SET failures = 0, due_at = 0, retry_after_at = 0,
    last_error = NULL, last_attempt_at = :now, last_success_at = :now`;

/** The pacing of a route and stream; one that was never tried is due at once. */
export function readPacing(db: Db, routeId: number, stream: Stream): Pacing {
  const row = db.get<PacingRow>(READ, { routeId, stream: stream.code });
  return {
    failures: row?.failures ?? 0,
    dueAt: row?.due_at ?? 0,
    retryAfterAt: row?.retry_after_at ?? 0,
    lastError: row?.last_error ?? null,
    lastAttemptAt: row?.last_attempt_at ?? null,
    lastSuccessAt: row?.last_success_at ?? null,
  };
}

/** Until when a backoff of our own holds: one from before `forgivenAt` was made under other settings. */
export function restsUntil({ dueAt, lastAttemptAt }: Pacing, forgivenAt: Millis): Millis {
  return lastAttemptAt !== null && lastAttemptAt < forgivenAt ? 0 : dueAt;
}

/** Puts a route and stream off after a request failed as a whole. */
export function noteFailure(
  db: Db,
  place: { readonly routeId: number; readonly stream: Stream },
  stop: Stop,
  now: Millis,
): void {
  const { routeId, stream } = place;
  const { failures } = readPacing(db, routeId, stream);
  const asked = stop.retryAfterMs === null ? null : clampRetryAfter(stop.retryAfterMs);
  const wait = stop.kind === 'halt' ? HALT_RETRY_MS : backoffMs(failures);
  db.run(FAIL, {
    routeId,
    stream: stream.code,
    dueAt: now + Math.max(wait, asked ?? 0),
    retryAfterAt: asked === null ? 0 : now + asked,
    lastError: `${stop.code}: ${stop.detail}`,
    now,
  });
}

/** A request was answered as it should be. */
export function noteSuccess(db: Db, routeId: number, stream: Stream, now: Millis): void {
  db.run(SUCCEED, { routeId, stream: stream.code, now });
}
