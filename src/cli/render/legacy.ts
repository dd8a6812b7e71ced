import { printable } from '../../base/index.ts';
import type { LegacyRows } from '../../legacy/index.ts';

/** What waits in old queue databases, which this version counts and does not take in yet. */
export function legacyLines(legacy: LegacyRows): readonly string[] {
  const lines: string[] = [];
  if (legacy.rows > 0) {
    lines.push(
      `${legacy.rows} row(s) of this project wait in queue databases of the Python command line.`,
    );
  }
  for (const file of legacy.unreadable) {
    lines.push(`Unknown: ${printable(file)} cannot be read without changing it.`);
  }
  return lines;
}
