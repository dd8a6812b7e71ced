import { EXIT, type Db, type ExitCode } from '../../base/index.ts';
import { findDestination, type Destination } from '../../delivery/index.ts';
import {
  checkoutId,
  currentSyncTarget,
  findProject,
  projectRoot,
  type Project,
  type ResolvedSyncTarget,
} from '../../home/index.ts';
import { gatherProject, isSettled, readStore, type ProjectStatus } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { statusToJson } from '../render/status-json.ts';
import {
  routesOf,
  type KnownProject,
  type StatusView,
  type UnknownProject,
} from '../render/status-view.ts';
import { statusLines } from '../render/status.ts';
import { STREAMS } from '../workspace.ts';

/** `spec-kitty sync status`: of this project, or outside of one of every project in the home. */
export async function run(context: Context): Promise<Answer> {
  const view =
    projectRoot(context.system) === null ? await wholeHome(context) : await here(context);
  const check = flagOption(context.options, 'check');
  const exit = exitOf(view, check);
  const verdict = exit === EXIT.fine ? 'Check passed.' : 'Check failed: see above.';
  return {
    exit,
    json: { ...statusToJson(view), exit_code: exit },
    lines: [...statusLines(view), ...(check ? ['', verdict] : [])],
  };
}

async function here(context: Context): Promise<StatusView> {
  const { home } = context;
  const project = await findProject(context.system);
  const reading = await readStore(home, project.id, (db) => askHere(context, project, db));
  if (reading.kind === 'unknown') {
    const authority = await currentSyncTarget(home, { processWideOverride: true });
    const unknown = [
      { projectId: project.id, error: reading.reason, isDamaged: reading.isDamaged },
    ];
    return { ...(await machineView(context, authority)), mode: null, unknown };
  }
  const { status, destination } = reading.value;
  return {
    ...(await machineView(context, destination.authority)),
    mode: destination.mode,
    activeTargetId: destination.route?.target.publicId ?? null,
    projectSlug: project.slug,
    projects: [{ status, copied: reading.copied }],
  };
}

async function askHere(
  context: Context,
  project: Project,
  db: Db,
): Promise<{ readonly status: ProjectStatus; readonly destination: Destination }> {
  const { home, system } = context;
  const destination = await findDestination(home, db, { processWideOverride: true });
  const number = checkoutId(db, project.checkoutPath, system.clock.now());
  const status = gatherProject(home, {
    projectId: project.id,
    db,
    streams: STREAMS,
    here: { project, checkoutId: number },
    recount: flagOption(context.options, 'check'),
  });
  return { status, destination };
}

async function wholeHome(context: Context): Promise<StatusView> {
  const { home } = context;
  const recount = flagOption(context.options, 'check');
  const projects: KnownProject[] = [];
  const unknown: UnknownProject[] = [];
  for (const projectId of home.projectIds()) {
    const reading = await readStore(home, projectId, (db) =>
      Promise.resolve(
        gatherProject(home, { projectId, db, streams: STREAMS, here: null, recount }),
      ),
    );
    if (reading.kind === 'known') projects.push({ status: reading.value, copied: reading.copied });
    else unknown.push({ projectId, error: reading.reason, isDamaged: reading.isDamaged });
  }
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  const config = await home.config();
  const mode = config.mode.value ?? 'TEAMSPACE';
  return { ...(await machineView(context, authority)), mode, projects, unknown };
}

/** What can be said without asking any store. */
async function machineView(context: Context, authority: ResolvedSyncTarget): Promise<StatusView> {
  const { home, system } = context;
  const config = await home.config();
  return {
    root: home.paths.root,
    configFile: home.paths.config,
    saasEnabled: config.saasEnabled.value,
    authority,
    mode: null,
    activeTargetId: null,
    projectSlug: null,
    projects: [],
    unknown: [],
    now: system.clock.now(),
  };
}

function exitOf(view: StatusView, check: boolean): ExitCode {
  const streams = routesOf(view).flatMap((each) => each.streams);
  const isDamaged = view.unknown.some((each) => each.isDamaged);
  if (isDamaged || streams.some(({ books }) => !books.balanced)) return EXIT.integrity;
  if (view.unknown.length > 0) return EXIT.failed;
  return check && isWaiting(view) ? EXIT.failed : EXIT.fine;
}

/** Something of a granted route waits, is parked, or cannot leave. */
function isWaiting(view: StatusView): boolean {
  return view.projects.some(
    ({ status: { routes, pending, spill, legacy } }) =>
      spill.files + spill.corrupt > 0 ||
      legacy.rows + legacy.unreadable.length > 0 ||
      (pending !== null && pending.lines + pending.badLines + pending.skipped.length > 0) ||
      routes.some(
        ({ route, streams }) =>
          route.grantedAt !== null &&
          (route.blocked !== null || streams.some(({ books }) => !isSettled(books))),
      ),
  );
}
