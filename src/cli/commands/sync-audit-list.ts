import { printable } from '../../base/index.ts';
import { countDiscards } from '../../journal/index.ts';
import { fine, type Answer } from '../answer.ts';
import { auditEntries, countedLines, entryToJson } from '../render/audit.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

const MAX_LISTED = 200;

/** `spec-kitty sync audit list`: what the mode OPT_OUT dropped on record, the latest last. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const entries = [...auditEntries(workspace)];
  const hidden = Math.max(entries.length - MAX_LISTED, 0);
  const lines = entries.slice(hidden).map((entry) => {
    const at = new Date(entry.discardedAt).toISOString();
    return printable(
      `${at}  ${entry.eventId}  ${entry.type}  ${entry.family}  ${entry.source}  ${entry.reason}`,
    );
  });
  const { audited, discarded } = countDiscards(workspace.db);
  return fine({ count: audited, discarded, audit: entries.map(entryToJson) }, [
    ...(entries.length === 0 ? ['Nothing was dropped on record.'] : []),
    ...(hidden === 0
      ? []
      : [`… ${hidden} earlier ones: \`spec-kitty sync audit export\` has all of them`]),
    ...lines,
    ...countedLines(workspace),
  ]);
}
