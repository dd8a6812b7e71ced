import { EXIT, UserError } from '../../base/index.ts';
import { parseTimestamp } from '../../wire/index.ts';
import type { Answer } from '../answer.ts';
import { runImport } from '../gather/import.ts';
import { flagOption, listOption, textOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync import`: the new lines of kitty-specs become facts of the journal. */
export async function run(context: Context): Promise<Answer> {
  const { options } = context;
  const since = textOption(options, 'since');
  const workspace = await openWorkspace(context);
  const dryRun = flagOption(options, 'dryRun');
  const imported = runImport(context, workspace, {
    missions: listOption(options, 'mission'),
    dryRun,
    ...(since === null ? {} : { sinceMs: instant(since) }),
  });
  return {
    exit: imported.isComplete ? EXIT.fine : EXIT.failed,
    json: imported.json,
    lines: imported.lines,
  };
}

function instant(text: string): number {
  const at = parseTimestamp(text) ?? dayOf(text);
  if (at !== null) return at;
  throw new UserError('usage', `--since takes a date or a time with its zone, not ${text}`, {
    remedy: 'spec-kitty sync import --help',
    exitCode: EXIT.refused,
  });
}

/** A bare date means its first instant in UTC. */
function dayOf(text: string): number | null {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? parseTimestamp(`${text}T00:00:00Z`) : null;
}
