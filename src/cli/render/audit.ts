import { countDiscards, listAudit, type AuditEntry } from '../../journal/index.ts';
import type { Workspace } from '../workspace.ts';

const PAGE = 1_000;

/** Every event that was dropped on record, oldest first, read page by page. */
export function* auditEntries({ db }: Workspace): Generator<AuditEntry> {
  let after = 0;
  for (;;) {
    const page = listAudit(db, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

/** One entry as it is exported: the keys of the earlier program's audit lines, and what identifies the event. */
export function entryToJson(entry: AuditEntry): Readonly<Record<string, string>> {
  return {
    at: new Date(entry.discardedAt).toISOString(),
    classification: entry.family,
    event_family: entry.type,
    event_id: entry.eventId,
    reason: entry.reason,
    sha256: entry.sha256,
    source: entry.source,
  };
}

/** How many events were dropped without a record of each, as one line; nothing when none was. */
export function countedLines({ db }: Workspace): readonly string[] {
  const { discarded } = countDiscards(db);
  return discarded === 0
    ? []
    : [`${discarded} more were dropped and counted, of kinds that may be dropped.`];
}
