import { printable, type Millis } from '../../base/index.ts';

const LABEL_WIDTH = 26;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A label and its value in two columns. */
export function row(label: string, value: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${value}`;
}

/**
 * A titled table for a terminal or a file: columns as wide as their longest value, nothing shortened. Nothing at all
 * without rows.
 */
export function tableLines(
  title: string,
  headers: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): readonly string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((each) => each.map((cell) => printable(String(cell ?? '-'), MAX_CELL)));
  const widths = headers.map((header, at) =>
    Math.max(header.length, ...cells.map((each) => each[at]?.length ?? 0)),
  );
  const line = (each: readonly string[]): string =>
    `  ${each.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd();
  return ['', title, line(headers), ...cells.map(line)];
}

const MAX_CELL = 4_096;

/** `3 min`, `5 h`, `12 d`: one unit is enough to act on. */
export function age(ms: Millis): string {
  if (ms < MINUTE) return `${Math.max(Math.round(ms / 1000), 0)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}
