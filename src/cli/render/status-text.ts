import type { Millis } from '../../base/index.ts';

const LABEL_WIDTH = 26;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A label and its value in two columns. */
export function row(label: string, value: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${value}`;
}

/** `3 min`, `5 h`, `12 d`: one unit is enough to act on. */
export function age(ms: Millis): string {
  if (ms < MINUTE) return `${Math.max(Math.round(ms / 1000), 0)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}
