import { UserError, type Db, type Log, type Millis, type System } from '../../base/index.ts';
import {
  daemonSettings,
  identifyProgram,
  type BackgroundProject,
  type BackgroundWork,
} from '../../daemon/index.ts';
import {
  coversCheckout,
  drain,
  listRoutes,
  nextAttempt,
  readActive,
  type Route,
} from '../../delivery/index.ts';
import {
  currentSyncTarget,
  MODE_AXES,
  openHome,
  parseSyncMode,
  type Home,
} from '../../home/index.ts';
import { runPreflight } from '../../report/index.ts';
import { mayGatherArtifacts, runDossiers } from '../gather/dossiers.ts';
import { runImport } from '../gather/import.ts';
import { runMigration } from '../gather/migration.ts';
import type { Context, Io } from '../io.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

/**
 * What the daemon does for a project: the same import, index and drain as `sync now`. Every piece of work opens the home
 * anew, so that consent, configuration and logins are those of the moment.
 */
export function backgroundWork(context: Context, log: Log): BackgroundWork {
  const { home } = context;
  return {
    next: (db, forgivenAt) => nextOf(home, db, forgivenAt),
    account: () => withHome(context, log, home.paths.root, account),
    gather: async ({ id, root }) => {
      if (root === null) return;
      await withHome(context, log, root, async (fresh) => {
        await gather({ ...context, home: fresh, system: fresh.system, io: silent(context.io) }, id);
      });
    },
    deliver: ({ id, root }, how) =>
      withHome(context, log, root ?? home.paths.root, (fresh) => deliver(fresh, id, how)),
  };
}

/** A home of its own, as a process would have it whose directory is `cwd` and whose environment is the daemon's. */
async function withHome<T>(
  { home, system }: Context,
  log: Log,
  cwd: string,
  use: (home: Home) => Promise<T>,
): Promise<T> {
  const own: System = { ...system, cwd, env: { ...system.env, ...daemonSettings(home) } };
  const fresh = { ...openHome(own), log };
  try {
    return await use(fresh);
  } finally {
    fresh.close();
  }
}

async function account(home: Home): ReturnType<BackgroundWork['account']> {
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  const { serverUrl, teamOrUser } = identifyProgram(home, authority);
  return { serverUrl, teamOrUser };
}

function nextOf(home: Home, db: Db, forgivenAt: Millis): Millis | null {
  const now = home.system.clock.now();
  const machine = home.machine();
  const times = sendable(db)
    .map((route) => nextAttempt({ db, machine, route, streams: STREAMS, now, forgivenAt }))
    .filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** The routes that have a permission, in a mode that sends. */
function sendable(db: Db): readonly Route[] {
  const mode = parseSyncMode(readActive(db)?.mode ?? '');
  if (mode === null || MODE_AXES[mode].delivery === 'none') return [];
  return listRoutes(db).filter(({ grantedAt }) => grantedAt !== null);
}

/** Takes in what changed, where a checkout may be sent at all. */
async function gather(context: Context, id: BackgroundProject['id']): Promise<void> {
  const workspace = await openWorkspace(context, { ballast: false });
  const { db, checkoutId, project } = workspace;
  const isOptedIn = sendable(db).some((route) => coversCheckout(db, route.id, checkoutId));
  // Another repository may stand where the project was seen last.
  if (project.id !== id || !isOptedIn) return;
  const imported = runImport(context, workspace, {});
  await runMigration(context, { dryRun: false, named: [] });
  const dossiers = mayGatherArtifacts(context)
    ? await runDossiers(context, workspace, { missions: [], dryRun: false, verbose: false })
    : null;
  const { captured, badLines, conflicts } = imported.report.totals;
  context.home.log.info('daemon.gather', {
    project: id,
    captured,
    bad_lines: badLines,
    conflicts,
    artifacts_complete: dossiers?.isComplete ?? true,
  });
}

async function deliver(
  home: Home,
  id: BackgroundProject['id'],
  how: Parameters<BackgroundWork['deliver']>[1],
): Promise<void> {
  const db = home.store(id);
  const asked = await runPreflight(home, { projectId: id, requireAuth: false });
  if (!asked.ok) {
    const [first] = asked.findings;
    throw new UserError('boundary_refused', first?.detail ?? 'the boundary refused', {
      remedy: first?.remedy ?? null,
    });
  }
  const ended = await Promise.allSettled(
    sendable(db).map((route) =>
      drain({
        home,
        db,
        route,
        ...how,
        streams: STREAMS,
        byOperator: false,
        onProgress: () => {},
      }),
    ),
  );
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Nobody reads what the daemon would print; what matters goes to its log. */
function silent(io: Io): Io {
  const nowhere = { isTTY: false, write: () => {} };
  return { ...io, stdout: nowhere, stderr: nowhere, ask: () => Promise.resolve(null) };
}
