import type { Db, Files } from '../base/index.ts';
import type { Project } from '../home/index.ts';
import { isAccountedFor } from '../journal/index.ts';
import { discoverMissions, readLog, type Skipped } from './discover.ts';
import { isImported } from './imported.ts';
import { readLines } from './log-lines.ts';

/** What an import would find now. */
export interface PendingLines {
  /** Lines whose events are neither in the journal nor on the record of what was discarded. */
  readonly lines: number;
  readonly badLines: number;
  /** Last lines that somebody is still writing. */
  readonly incomplete: number;
  /** What cannot be counted because it is not read. */
  readonly skipped: readonly Skipped[];
}

/**
 * Counts what the missions of a project have recorded and the journal does not hold. A log that was imported
 * and has not changed since costs a stat; the others are read. Writes nothing.
 */
export function pendingLines(
  db: Db,
  checkoutId: number | null,
  project: Project,
  files: Files,
): PendingLines {
  const found = discoverMissions(files, project.root);
  const skipped = [...found.skipped];
  const fresh = new Set<string>();
  let badLines = 0;
  let incomplete = 0;
  for (const file of found.files) {
    if (isImported(db, checkoutId, file)) continue;
    const log = readLog(files, project.root, file);
    if ('code' in log) {
      skipped.push(log);
      continue;
    }
    for (const line of readLines(log.bytes, project.id)) {
      if (line.incomplete) incomplete += 1;
      else if (!line.mapped.ok) badLines += 1;
      else {
        const { eventId } = line.mapped.value.event.envelope;
        if (!isAccountedFor(db, eventId)) fresh.add(eventId);
      }
    }
  }
  return { lines: fresh.size, badLines, incomplete, skipped };
}
