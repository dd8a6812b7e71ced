import type { Millis } from '../../base/index.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Upper ends of the lengths that lags are counted by: as fine as anybody reads them. */
export const LAG_ENDS: readonly Millis[] = [
  0,
  1_000,
  2_000,
  5_000,
  10_000,
  30_000,
  ...[1, 2, 5, 10, 30].map((count) => count * MINUTE),
  ...[1, 2, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 30, 365, 36_500].map((count) => count * DAY),
];

/** The length that a lag is counted under: the first end that it does not exceed, or the last one there is. */
export function lagEnd(lag: Millis): Millis {
  return LAG_ENDS.find((end) => lag <= end) ?? 36_500 * DAY;
}

/** Lags of one length. */
export interface LagCount {
  readonly withinMs: Millis;
  readonly events: number;
  readonly mostMs: Millis;
}

/** Half of the events were at most so late; null for no events. @param counts in any order. */
export function medianEnd(counts: readonly LagCount[]): Millis | null {
  const all = counts.reduce((sum, { events }) => sum + events, 0);
  let seen = 0;
  for (const { withinMs, events } of counts.toSorted(
    (one, other) => one.withinMs - other.withinMs,
  )) {
    seen += events;
    if (seen * 2 >= all) return withinMs;
  }
  return null;
}
