import type { Db, Millis } from '../base/index.ts';

/** What this machine knows about one origin, so that a dead host is not asked again by every project. */
export interface EndpointHealth {
  /** Failures of the network in a row. */
  readonly failures: number;
  /** Until when nobody but an operator tries. */
  readonly openUntil: Millis;
  readonly lastError: string | null;
}

const READ = 'SELECT failures, open_until_at, last_error FROM endpoints WHERE origin = :origin';
const TRIP = `
  INSERT INTO endpoints (origin, failures, open_until_at, last_error, last_checked_at)
  VALUES (:origin, 1, :openUntil, :error, :now)
  ON CONFLICT (origin) DO UPDATE SET failures = failures + 1, open_until_at = :openUntil,
    last_error = :error, last_checked_at = :now`;
const CLEAR = `
  INSERT INTO endpoints (origin, last_checked_at, last_success_at) VALUES (:origin, :now, :now)
  ON CONFLICT (origin) DO UPDATE SET failures = 0, open_until_at = 0, last_error = NULL,
    last_checked_at = :now, last_success_at = :now`;

/** The breaker of an origin; one that was never tried is closed. */
export function readEndpoint(machine: Db, origin: string): EndpointHealth {
  const row = machine.get<{ failures: number; open_until_at: number; last_error: string | null }>(
    READ,
    { origin },
  );
  return {
    failures: row?.failures ?? 0,
    openUntil: row?.open_until_at ?? 0,
    lastError: row?.last_error ?? null,
  };
}

/** The network failed on the way to an origin: nobody else tries before `openUntil`. */
export function tripEndpoint(
  machine: Db,
  origin: string,
  trip: { readonly openUntil: Millis; readonly error: string; readonly now: Millis },
): void {
  machine.run(TRIP, { origin, ...trip });
}

/** The origin answered. */
export function clearEndpoint(machine: Db, origin: string, now: Millis): void {
  machine.run(CLEAR, { origin, now });
}
