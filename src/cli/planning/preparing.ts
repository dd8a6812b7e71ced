import { messageOf, printable } from '../../base/index.ts';
import { findProject } from '../../home/index.ts';
import { record } from '../../journal/index.ts';
import { workPackageFacts, type MissionPlace, type WorkPackage } from '../../missions/index.ts';
import { mayGatherArtifacts, runDossiers } from '../gather/dossiers.ts';
import { runImport } from '../gather/import.ts';
import { flagOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** A local command waits no longer than this for a store that somebody else writes. */
const WAIT_MS = 250;

/** What became of a mission's facts, as far as it is worth a word: empty when everything was kept. */
export type Diagnostics = readonly string[];

/**
 * Records what a mission has to say by now, in the project's store and nowhere else: its work packages, its new lines,
 * its artifacts with their texts. Whatever fails is a word beside the result and never changes it; `sync now` does
 * the same again.
 */
export async function prepareMission(
  context: Context,
  mission: MissionPlace,
  packages: readonly WorkPackage[],
): Promise<Diagnostics> {
  try {
    return await prepare(context, mission, packages);
  } catch (error) {
    const { log } = context.home;
    const stack = error instanceof Error ? (error.stack ?? null) : null;
    log.error('planning.unprepared', { message: messageOf(error), stack });
    return [`the mission was not prepared for sync: ${printable(messageOf(error))}`];
  }
}

async function prepare(
  context: Context,
  mission: MissionPlace,
  packages: readonly WorkPackage[],
): Promise<Diagnostics> {
  const { home, system } = context;
  const project = await findProject(system);
  const facts = workPackageFacts(system.files, project.id, { mission, packages });
  // Kept beside the store when that is locked: planning is not repeated for a lock.
  if (facts.length > 0) record(home, project, facts, await home.captureRules());
  const workspace = await openWorkspace(context, { ballast: true, waitMs: WAIT_MS });
  const missions = [mission.slug];
  const quiet = { ...context, io: { ...context.io, stderr: SILENT } };
  const imported = runImport(quiet, workspace, { missions });
  const diagnostics = imported.isComplete ? [] : imported.lines;
  if (!mayGatherArtifacts(context)) return diagnostics;
  const options = { missions, dryRun: false, verbose: false };
  const dossiers = await runDossiers(quiet, workspace, options);
  return dossiers.isComplete ? diagnostics : [...diagnostics, ...dossiers.lines];
}

/** A bar of progress is no part of planning. */
const SILENT: Context['io']['stderr'] = { isTTY: false, write: () => {} };

/** Says on standard error what `--json` has among its members. */
export function tellDiagnostics(context: Context, diagnostics: Diagnostics): void {
  if (flagOption(context.options, 'json')) return;
  for (const line of diagnostics) context.io.stderr.write(`Not synced: ${line.trim()}\n`);
}

/** The member that a result has only when there is something to say (the earlier program's place for it). */
export function diagnosticsToJson(diagnostics: Diagnostics): Readonly<Record<string, unknown>> {
  return diagnostics.length === 0 ? {} : { diagnostics: { sync: diagnostics } };
}
