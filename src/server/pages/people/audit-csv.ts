import type { LinkedEntry } from '../../identity/audit.ts';
import { CSV_TYPE, csvOf, fileHeaders } from '../csv.ts';

const FIELDS = ['entry', 'at', 'team', 'actor', 'action', 'subject', 'previous', 'hash'];

/** Entries as a file of CSV. */
export function auditCsv(entries: readonly LinkedEntry[]): Response {
  const rows = entries.map(({ entry, at, teamId, actor, action, subject, previous, hash }) => [
    entry,
    new Date(at).toISOString(),
    teamId ?? '',
    actor,
    action,
    subject,
    previous,
    hash,
  ]);
  return new Response(csvOf([FIELDS, ...rows]), { headers: fileHeaders('audit.csv', CSV_TYPE) });
}
