import { printable, type Db } from '../../base/index.ts';
import { formatCursor, type LogEntry } from '../../delivery/index.ts';

const MAX_LINE = 400;

/** One event under the names of reports, as `sync log` and `sync tail` print it. */
export function entryToJson(db: Db, entry: LogEntry): Readonly<Record<string, unknown>> {
  return {
    cursor: formatCursor(db, entry.seq),
    event_id: entry.id,
    event_type: entry.type,
    aggregate_type: entry.aggregateType,
    aggregate_id: entry.aggregateId,
    mission: entry.mission,
    eligible: entry.eligible,
    sha256: entry.sha256,
    bytes: entry.bytes,
    payload_retained: entry.hasPayload,
    occurred_at: new Date(entry.occurredAt).toISOString(),
    captured_at: new Date(entry.capturedAt).toISOString(),
    deliveries: entry.deliveries.map((each) => ({
      target_id: each.targetId,
      canonical_url: each.canonicalUrl,
      state: each.state,
      reason: each.reason,
    })),
  };
}

/** Events as a table with columns of one width; the targets of several are told apart by their ids. */
export function logLines(entries: readonly LogEntry[]): readonly string[] {
  const rows = entries.map((entry) => [
    new Date(entry.capturedAt).toISOString(),
    entry.id,
    entry.type,
    entry.mission ?? '-',
    standing(entry),
  ]);
  const shown = rows.map((row) => row.map((cell) => printable(cell, MAX_LINE)));
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(0, ...shown.map((row) => row[column]?.length ?? 0)),
  );
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function standing({ deliveries, eligible, hasPayload }: LogEntry): string {
  const words = deliveries.map(({ state, reason, targetId }) => {
    const said = reason === null ? state : `${state} (${reason})`;
    return deliveries.length === 1 ? said : `${targetId} ${said}`;
  });
  if (!eligible) words.push('stays here');
  else if (deliveries.length === 0) words.push('not opened');
  if (!hasPayload) words.push('payload dropped');
  return words.join(', ');
}
