import type { Millis } from '../../base/index.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A duration in its two largest units, rounded down: `2 d 3 h`. */
export function spanOf(time: Millis): string {
  const at = UNITS.findIndex(([, unit]) => time >= unit);
  const [large, small] = at === -1 ? [undefined, undefined] : UNITS.slice(at, at + 2);
  if (large === undefined) return 'under 1 s';
  const [name, unit] = large;
  const whole = `${Math.floor(time / unit)} ${name}`;
  const rest = small === undefined ? 0 : Math.floor((time % unit) / small[1]);
  return rest === 0 ? whole : `${whole} ${rest} ${small?.[0] ?? ''}`;
}
