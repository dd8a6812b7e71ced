import type { Millis } from '../base/index.ts';

const DAY = String.raw`([1-9]\d{3}-\d\d-(\d\d))`;
const TIME = String.raw`((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:[.,](\d{1,20}))?`;
const ZONE = String.raw`(?:[Zz]|([+-])([01]\d|2[0-3]):?([0-5]\d))`;
const FORM = new RegExp(`^${DAY}[Tt ]${TIME}${ZONE}$`);

/**
 * The instant that an ISO 8601 date and time with a time zone names, in milliseconds since 1970, finer digits cut
 * off; null when it names none (no zone, 30 February, hour 24, a leap second). Accepted are the forms of RFC 3339
 * and of Python's `isoformat`, such as `2026-06-29T12:00:01.123456+00:00`, from the year 1000 on.
 */
export function parseTimestamp(text: string): Millis | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, date, day, time, fraction = '', sign, hours = '0', minutes = '0'] = match;
  const local = Date.parse(`${date}T${time}Z`);
  // A day that the month does not have rolls over into the next one, or is no number at all.
  if (new Date(local).getUTCDate() !== Number(day)) return null;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  const millis = Number(fraction.padEnd(3, '0').slice(0, 3));
  return local + millis - (sign === '-' ? -offset : offset);
}
