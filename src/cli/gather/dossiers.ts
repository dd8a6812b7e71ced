import { syncFeatureDossier, type DossierOutcome, type DossierRun } from '../../bodies/index.ts';
import { gitFacts, primaryBranch } from '../../home/index.ts';
import { chooseMissions, discoverMissions, type Discovery } from '../../missions/index.ts';
import type { Context } from '../io.ts';
import { dossierLines, dossiersToJson } from '../render/dossiers.ts';
import { createProgress } from '../render/progress.ts';
import type { Workspace } from '../workspace.ts';

/** What the artifacts of the missions amounted to. */
export interface Dossiers {
  /** False when something could not be read or kept now: the next run may do it. */
  readonly isComplete: boolean;
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

export interface DossierOptions {
  /** Slugs; every mission when there are none. */
  readonly missions: readonly string[];
  readonly dryRun: boolean;
  /** Names every artifact, however many there are. */
  readonly verbose: boolean;
}

/** Whether artifacts are indexed and kept at all: `SPEC_KITTY_SYNC_ARTIFACTS=0` leaves them out. */
export function mayGatherArtifacts({ system }: Context): boolean {
  return !/^(?:0|false|no|off)$/i.test(system.env['SPEC_KITTY_SYNC_ARTIFACTS'] ?? '');
}

/**
 * Brings index and uploads of the missions up to date, each on its own, and puts what happened into words.
 * @throws UserError `mission_unknown` when a slug names nothing that was found.
 */
export async function runDossiers(
  context: Context,
  workspace: Workspace,
  options: DossierOptions,
): Promise<Dossiers> {
  const { project } = workspace;
  const found = chooseMissions(
    discoverMissions(context.system.files, project.root),
    options.missions,
  );
  const run = await openRun(context, workspace, options.dryRun);
  const progress = createProgress(context.io, context.system.clock, 'missions');
  const done: DossierOutcome[] = [];
  for (const mission of found.missions) {
    if (context.io.signal.aborted) break;
    done.push(syncFeatureDossier(run, mission));
    progress.show(done.length, found.missions.length);
  }
  progress.end();
  return {
    isComplete: done.length === found.missions.length && done.every(isComplete),
    json: dossiersToJson(done, options.dryRun),
    lines: [...notRead(found), ...dossierLines(done, options)],
  };
}

async function openRun(
  { home, system }: Context,
  { journal, project, checkoutId }: Workspace,
  dryRun: boolean,
): Promise<DossierRun> {
  const git = gitFacts(project, system.files);
  const { maxQueueSize } = await home.config();
  return {
    journal,
    project,
    checkoutId,
    origin: {
      projectSlug: project.slug,
      gitBranch: git.branch,
      headCommitSha: git.commit,
      repoSlug: git.repoSlug,
    },
    branch: primaryBranch(project, system.files),
    capacity: maxQueueSize.value,
    dryRun,
  };
}

function isComplete({ problem, isTruncated, outcomes }: DossierOutcome): boolean {
  return problem === null && !isTruncated && !outcomes.some(({ retryable }) => retryable);
}

/** Missions that were found and are not looked into; their logs are import's to report. */
function notRead({ skipped }: Discovery): readonly string[] {
  return skipped.flatMap(({ path, reason }) =>
    path.split('/').length <= 2 ? [`  not indexed: ${path} ${reason}`] : [],
  );
}
