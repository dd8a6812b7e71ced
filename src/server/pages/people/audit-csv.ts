import Papa from 'papaparse';
import type { LinkedEntry } from '../../identity/audit.ts';

/** Entries as CSV that no browser shows as a page of ours and no spreadsheet computes. */
export function csvOf(entries: readonly LinkedEntry[]): Response {
  const rows = entries.map(({ entry, at, teamId, actor, action, subject, previous, hash }) => ({
    entry,
    at: new Date(at).toISOString(),
    team: teamId ?? '',
    actor,
    action,
    subject,
    previous,
    hash,
  }));
  const csv = Papa.unparse({ fields: FIELDS, data: rows }, { escapeFormulae: true });
  return new Response(csv, {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="audit.csv"',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
}

const FIELDS = ['entry', 'at', 'team', 'actor', 'action', 'subject', 'previous', 'hash'];
