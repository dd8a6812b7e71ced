import { fine, type Answer } from '../answer.ts';
import { auditEntries, entryToJson } from '../render/audit.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync audit export`: one JSON object a line for each event that was dropped on record. */
export async function run(context: Context): Promise<Answer> {
  const entries = [...auditEntries(await openWorkspace(context))].map(entryToJson);
  return fine(
    { audit: entries },
    entries.map((entry) => JSON.stringify(entry)),
  );
}
