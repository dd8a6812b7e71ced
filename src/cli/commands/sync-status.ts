import { EXIT, UserError, type ExitCode } from '../../base/index.ts';
import { findDestination } from '../../delivery/index.ts';
import { currentSyncTarget, projectRoot, type ResolvedSyncTarget } from '../../home/index.ts';
import { gatherProject, isSettled, type ProjectStatus } from '../../report/index.ts';
import type { ProjectId } from '../../wire/index.ts';
import type { Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { statusLines, statusToJson, type StatusView, type UnknownProject } from '../render/status.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

/** `spec-kitty sync status`: of this project, or outside of one of every project in the home. */
export async function run(context: Context): Promise<Answer> {
  const view = projectRoot(context.system) === null ? await wholeHome(context) : await here(context);
  const exit = exitOf(view, flagOption(context.options, 'check'));
  return { exit, json: { ...statusToJson(view), exit_code: exit }, lines: statusLines(view) };
}

async function here(context: Context): Promise<StatusView> {
  const { home } = context;
  const { project, db, checkoutId } = await openWorkspace(context);
  const destination = await findDestination(home, db, { processWideOverride: true });
  const status = gatherProject(home, {
    projectId: project.id,
    db,
    streams: STREAMS,
    here: { project, checkoutId },
  });
  return {
    ...(await common(context, destination.authority)),
    mode: destination.mode,
    activeTargetId: destination.route?.target.publicId ?? null,
    projectSlug: project.slug,
    projects: [status],
    unknown: [],
  };
}

async function wholeHome(context: Context): Promise<StatusView> {
  const authority = await currentSyncTarget(context.home, { processWideOverride: true });
  const config = await context.home.config();
  const projects: ProjectStatus[] = [];
  const unknown: UnknownProject[] = [];
  for (const projectId of context.home.projectIds()) {
    const found = gatherOne(context, projectId);
    if ('error' in found) unknown.push(found);
    else projects.push(found);
  }
  return {
    ...(await common(context, authority)),
    mode: config.mode.value ?? 'TEAMSPACE',
    activeTargetId: null,
    projectSlug: null,
    projects,
    unknown,
  };
}

/** A store that cannot be read is unknown, never empty, and does not hide the others. */
function gatherOne(context: Context, projectId: ProjectId): ProjectStatus | UnknownProject {
  try {
    const db = context.home.store(projectId);
    return gatherProject(context.home, { projectId, db, streams: STREAMS, here: null });
  } catch (error) {
    if (error instanceof UserError) return { projectId, error: error.message };
    throw error;
  }
}

async function common(
  context: Context,
  authority: ResolvedSyncTarget,
): Promise<Pick<StatusView, 'root' | 'configFile' | 'saasEnabled' | 'authority' | 'now'>> {
  const { home, system } = context;
  const config = await home.config();
  return {
    root: home.paths.root,
    configFile: home.paths.config,
    saasEnabled: config.saasEnabled.value,
    authority,
    now: system.clock.now(),
  };
}

function exitOf(view: StatusView, check: boolean): ExitCode {
  const books = view.projects.flatMap(({ routes }) =>
    routes.flatMap(({ streams }) => streams.map((each) => each.books)),
  );
  if (books.some((each) => !each.balanced)) return EXIT.integrity;
  if (view.unknown.length > 0) return EXIT.failed;
  return check && isWaiting(view) ? EXIT.failed : EXIT.fine;
}

/** Something of a granted route waits, is parked, or cannot leave. */
function isWaiting(view: StatusView): boolean {
  return view.projects.some(
    ({ routes, pending, spill }) =>
      spill.files + spill.corrupt > 0 ||
      (pending !== null && pending.lines + pending.badLines > 0) ||
      routes.some(
        ({ route, streams }) =>
          route.grantedAt !== null &&
          (route.blocked !== null || streams.some(({ books }) => !isSettled(books))),
      ),
  );
}
