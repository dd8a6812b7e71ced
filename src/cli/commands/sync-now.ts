import path from 'node:path';
import { EXIT, UserError, type ExitCode } from '../../base/index.ts';
import {
  coversCheckout,
  drain,
  findDestination,
  findTarget,
  listRoutes,
  routeTo,
  type Destination,
  type DrainReport,
  type Route,
} from '../../delivery/index.ts';
import { takeIn } from '../../journal/index.ts';
import { gatherProject } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { grantEndpoint, requireEndpoint } from '../consent.ts';
import { runImport, type Imported } from '../import.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { toLines, toReport, type Outcome } from '../render/dispatch.ts';
import { createProgress } from '../render/progress.ts';
import { openWorkspace, STREAMS, type Workspace } from '../workspace.ts';

/** `spec-kitty sync now`: new lines become facts, then each chosen target gets what it lacks. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const destination = await findDestination(context.home, workspace.db, { processWideOverride: true });
  const named = namedRoutes(context, workspace);
  if (named === null && !delivers(destination)) return retainOnly(context, workspace, destination);
  const routes = named ?? [await activeRoute(context, workspace, destination)];
  for (const route of routes) requireGrant(workspace, route);
  const imported = importFirst(context, workspace);
  const reports = await drainAll(context, workspace, routes);
  const outcome = conclude(context, workspace, { destination, imported, reports });
  return writeReport(context, outcome);
}

function delivers(destination: Destination): boolean {
  return destination.mode === 'TEAMSPACE' || destination.mode === 'EXTERNAL_RECEIVER';
}

/** The routes that `--target` or `--all` name; null when the active one is meant. */
function namedRoutes(context: Context, workspace: Workspace): readonly Route[] | null {
  const { db } = workspace;
  const reference = textOption(context.options, 'target');
  if (flagOption(context.options, 'all')) {
    const granted = listRoutes(db).filter((route) => route.grantedAt !== null);
    if (granted.length > 0) return granted;
    throw noGrant('this project may be sent nowhere', 'spec-kitty sync opt-in');
  }
  if (reference === null) return null;
  const target = findTarget(db, reference, context.system.cwd);
  const route = routeTo(db, target.id);
  if (route !== null) return [route];
  throw noGrant(`${target.canonicalUrl} has no permission`, optIn(target.publicId));
}

/** The active route; a person may grant it here, a script is told the command. */
async function activeRoute(
  context: Context,
  workspace: Workspace,
  destination: Destination,
): Promise<Route> {
  const endpoint = requireEndpoint(destination);
  const { route } = destination;
  if (route?.grantedAt != null && coversCheckout(workspace.db, route.id, workspace.checkoutId)) {
    return route;
  }
  const { project, db } = workspace;
  const { captured } = gatherProject(context.home, {
    projectId: project.id,
    db,
    streams: STREAMS,
    here: null,
  }).journal;
  const what = `${captured} retained event(s) of ${project.slug ?? project.id} would go to ${endpoint.canonicalUrl}`;
  const answer = await context.io.ask(`${what}. Permit it for this checkout? [y/N] `);
  if (answer === null || !/^y(es)?$/i.test(answer.trim())) {
    throw noGrant(`${what}, and nobody permitted it for this checkout; nothing was sent`, optIn(null));
  }
  return grantEndpoint(context, workspace, {
    endpoint,
    mode: destination.mode ?? 'TEAMSPACE',
    by: 'sync now',
    allowHttp: route?.target.allowHttp ?? false,
  }).route;
}

function requireGrant(workspace: Workspace, route: Route): void {
  const { publicId, canonicalUrl } = route.target;
  if (route.grantedAt === null) {
    throw noGrant(`${canonicalUrl} has no permission for this project; nothing was sent`, optIn(publicId));
  }
  if (coversCheckout(workspace.db, route.id, workspace.checkoutId)) return;
  throw new UserError(
    'checkout_not_covered',
    `the permission for ${canonicalUrl} was given in another checkout; nothing was sent`,
    { remedy: optIn(publicId) },
  );
}

function noGrant(message: string, remedy: string): UserError {
  return new UserError('no_grant', message, { remedy });
}

function optIn(target: string | null): string {
  return target === null ? 'spec-kitty sync opt-in' : `spec-kitty sync opt-in --target ${target}`;
}

function importFirst(context: Context, workspace: Workspace): Imported | null {
  if (context.options['import'] !== false) return runImport(context, workspace, {});
  takeIn(context.home, workspace.journal);
  return null;
}

/** Every route in its own drain: one that hangs or fails costs the others nothing. */
async function drainAll(
  context: Context,
  workspace: Workspace,
  routes: readonly Route[],
): Promise<readonly DrainReport[]> {
  const progress = createProgress(context.io, context.system.clock, 'events');
  const done = new Map<number, number>();
  const total = waitingOn(context, workspace, routes);
  const reports = await Promise.all(
    routes.map((route) =>
      drain({
        home: context.home,
        db: workspace.db,
        route,
        streams: STREAMS,
        byOperator: true,
        signal: context.io.signal,
        onProgress: (items) => {
          done.set(route.id, items);
          progress.show(sum([...done.values()]), total);
        },
      }),
    ),
  );
  progress.end();
  return reports;
}

function waitingOn(context: Context, workspace: Workspace, routes: readonly Route[]): number {
  const status = gatherHere(context, workspace);
  const chosen = status.routes.filter((each) => routes.some((route) => route.id === each.route.id));
  return sum(chosen.flatMap(({ streams }) => streams.map(({ books }) => books.unopened + books.queued)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function gatherHere(context: Context, workspace: Workspace): ReturnType<typeof gatherProject> {
  const { project, db, checkoutId } = workspace;
  return gatherProject(context.home, {
    projectId: project.id,
    db,
    streams: STREAMS,
    here: { project, checkoutId },
  });
}

function conclude(
  context: Context,
  workspace: Workspace,
  done: {
    readonly destination: Destination;
    readonly imported: Imported | null;
    readonly reports: readonly DrainReport[];
  },
): Outcome {
  const status = gatherHere(context, workspace);
  return {
    mode: done.destination.mode ?? 'TEAMSPACE',
    generatedAt: new Date(context.system.clock.now()).toISOString(),
    imported: done.imported,
    pending: status.pending,
    spill: status.spill,
    strict: context.options['strict'] !== false,
    targets: done.reports.map((report) => ({
      report,
      status: status.routes.find((each) => each.route.target.id === report.target.id) ?? null,
    })),
  };
}

function writeReport(context: Context, outcome: Outcome): Answer {
  const json = toReport(outcome);
  const lines = [...toLines(outcome)];
  const file = textOption(context.options, 'report');
  if (file !== null) {
    context.system.files.write(path.resolve(context.system.cwd, file), `${JSON.stringify(json)}\n`, 0o644);
    lines.push('', `Dispatch report written to ${file}`);
  }
  return { exit: json['exit_code'] as ExitCode, json: { ...json }, lines };
}

/** A mode without delivery keeps facts; that is no failure. */
function retainOnly(context: Context, workspace: Workspace, destination: Destination): Answer {
  const { mode } = destination;
  if (mode === null) {
    throw new UserError('mode_unavailable', 'the stored mode is no mode of ours; nothing is sent', {
      remedy: 'spec-kitty sync mode LOCAL_RETENTION',
    });
  }
  const imported = importFirst(context, workspace);
  const { journal } = gatherHere(context, workspace);
  const isComplete = imported?.isComplete ?? true;
  return writeRetained(context, { mode, imported, captured: journal.captured, isComplete });
}

function writeRetained(
  context: Context,
  retained: {
    readonly mode: string;
    readonly imported: Imported | null;
    readonly captured: number;
    readonly isComplete: boolean;
  },
): Answer {
  const { mode, imported, captured, isComplete } = retained;
  const exit = isComplete ? EXIT.fine : EXIT.failed;
  const json = {
    generated_at: new Date(context.system.clock.now()).toISOString(),
    dispatched: false,
    summary: { total_events: 0, synced: 0, failed: 0 },
    failures: [],
    mode,
    retained: captured,
    blocked_reason: 'mode_without_delivery',
    import: imported?.json ?? null,
    exit_code: exit,
  };
  const lines = [
    ...(imported?.lines ?? []),
    `Event sync mode ${mode}: retention only; no delivery attempted.`,
    `  ${captured} event(s) are retained.`,
  ];
  const file = textOption(context.options, 'report');
  if (file !== null) {
    context.system.files.write(path.resolve(context.system.cwd, file), `${JSON.stringify(json)}\n`, 0o644);
    lines.push('', `Dispatch report written to ${file}`);
  }
  return { exit, json, lines };
}
