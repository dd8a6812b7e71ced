import { EXIT, UserError, type Db, type Millis } from '../../base/index.ts';
import { bodiesStream } from '../../bodies/index.ts';
import { openReplay, redeliver } from '../../delivery/index.ts';
import { takeIn } from '../../journal/index.ts';
import type { Answer } from '../answer.ts';
import { mayGatherArtifacts, runDossiers } from '../gather/dossiers.ts';
import { takenLines } from '../gather/import.ts';
import { flagOption, listOption, type Context } from '../io.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';
import { gatherAndDeliver, type Gathered } from './sync-now.ts';

/**
 * `spec-kitty sync bodies`: the artifacts of the missions alone, without their logs; then what `sync now` does. `--all`
 * asks the target again for every text it has confirmed, with `--mission` for those of these missions.
 */
export async function run(context: Context): Promise<Answer> {
  if (!mayGatherArtifacts(context)) {
    throw new UserError(
      'usage',
      'SPEC_KITTY_SYNC_ARTIFACTS leaves artifacts out; nothing was done',
      {
        remedy: 'spec-kitty sync now',
        details: { reason: 'sync_disabled' },
      },
    );
  }
  if (flagOption(context.options, 'dryRun')) return foresee(context);
  // In the words of `sync now`, `all` means every target.
  const { all, ...options } = context.options;
  const missions = listOption(options, 'mission');
  return gatherAndDeliver({ ...context, options }, (workspace) => gather(context, workspace), {
    command: 'sync bodies',
    begin: (db, routes) => {
      if (all !== true) return;
      const now = context.system.clock.now();
      for (const { id } of routes) askAgain(db, { routeId: id, missions, now });
    },
  });
}

function askAgain(
  db: Db,
  wish: {
    readonly routeId: number;
    readonly missions: readonly string[];
    readonly now: Millis;
  },
): void {
  const { routeId, missions, now } = wish;
  if (missions.length === 0) redeliver(db, { routeId, streams: [bodiesStream], now });
  for (const [index, mission] of missions.entries()) {
    const filter = { mission, type: null, since: null, until: null };
    openReplay(db, { routeId, stream: bodiesStream, filter, now, isFurther: index > 0 });
  }
}

async function gather(context: Context, workspace: Workspace): Promise<Gathered> {
  const lines = takenLines(takeIn(context.home, workspace.journal));
  return {
    imported: null,
    migrated: null,
    dossiers: await prepare(context, workspace, false),
    lines,
  };
}

async function foresee(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const { isComplete, json, lines } = await prepare(context, workspace, true);
  const said = lines.length === 0 ? ['Nothing changed: no artifact would be indexed.'] : lines;
  return { exit: isComplete ? EXIT.fine : EXIT.failed, json: { artifacts: json }, lines: said };
}

function prepare(
  { options, ...context }: Context,
  workspace: Workspace,
  dryRun: boolean,
): ReturnType<typeof runDossiers> {
  return runDossiers({ ...context, options }, workspace, {
    missions: listOption(options, 'mission'),
    dryRun,
    verbose: flagOption(options, 'verbose'),
  });
}
