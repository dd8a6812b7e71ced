import path from 'node:path';
import {
  AssertionFailure,
  EXIT,
  IntegrityError,
  messageOf,
  UserError,
  type Db,
  type ExitCode,
} from '../../base/index.ts';
import {
  drain,
  findDestination,
  undrained,
  type Destination,
  type DrainReport,
  type Route,
} from '../../delivery/index.ts';
import { MODE_AXES } from '../../home/index.ts';
import { takeIn } from '../../journal/index.ts';
import { readLegacy } from '../../legacy/index.ts';
import type { Answer } from '../answer.ts';
import { refuseAtBoundary } from '../boundary/refusing.ts';
import { mayGatherArtifacts, runDossiers, type Dossiers } from '../gather/dossiers.ts';
import { gatherHere } from '../gather/state.ts';
import { runImport, takenLines, type Imported } from '../gather/import.ts';
import { runMigration } from '../gather/migration.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { migrationLines, migrationToJson, saysNothing } from '../render/migration.ts';
import { recoverLogin } from '../login/recovery.ts';
import { addressed, permittedRoutes } from '../permission.ts';
import { toLines, toReport, type Outcome } from '../render/dispatch.ts';
import { createProgress } from '../render/progress.ts';
import { openWorkspace, STREAMS, type Workspace } from '../workspace.ts';

const REPORT_MODE = 0o644;

/** What comes into the journal and the uploads before anything leaves. */
export interface Gathered {
  readonly imported: Imported | null;
  readonly dossiers: Dossiers | null;
  /** What came in from databases of the earlier program. */
  readonly migrated: Outcome['migrated'];
  /** What else there is to say, first of all. */
  readonly lines: readonly string[];
}

/** Gathers for a delivery to `routes`; they are null in a mode that delivers nothing. */
export type Gather = (workspace: Workspace, routes: readonly Route[] | null) => Promise<Gathered>;

/** `spec-kitty sync now`: new lines become facts, artifacts that changed too, then each chosen target gets what it lacks. */
export function run(context: Context): Promise<Answer> {
  return gatherAndDeliver(context, (workspace, routes) => gatherAll(context, workspace, routes), {
    command: 'sync now',
  });
}

/**
 * Finds out where to deliver and whether that is permitted, gathers, asks at the boundary, and delivers: what is
 * gathered is kept whatever the boundary says, so that no remedy waits for another one.
 * @param begin what is done with the routes once nothing stands in the way.
 */
export async function gatherAndDeliver(
  context: Context,
  gather: Gather,
  options: {
    readonly command: string;
    readonly begin?: (db: Db, routes: readonly Route[]) => void;
  },
): Promise<Answer> {
  const workspace = await openWorkspace(context);
  let { destination, routes } = await findRoutes(context, workspace);
  const gathered = await gather(workspace, routes);
  if (routes === null) return retainOnly(context, { workspace, destination, gathered });
  const { project, db } = workspace;
  const { command } = options;
  const refused = await refuseAtBoundary(context, { command, projectId: project.id });
  if (refused !== null) return withGathered(refused, gathered);
  options.begin?.(db, routes);
  let reports = await drainAll(context, workspace, routes);
  if (await recoverLogin(context, { workspace, reports, command })) {
    ({ destination, routes } = await findRoutes(context, workspace));
    reports = await drainAll(context, workspace, routes ?? []);
  }
  const outcome = conclude(context, workspace, { destination, gathered, reports });
  return answerWith(context, toReport(outcome), [...gathered.lines, ...toLines(outcome)]);
}

/** What came in is told beside the refusal. */
function withGathered(refused: Answer, { imported, dossiers, migrated, lines }: Gathered): Answer {
  const said = [imported, dossiers].flatMap((each) => each?.lines ?? []);
  const taken = { import: imported?.json ?? null, artifacts: dossiers?.json ?? null };
  return {
    exit: refused.exit,
    json: { ...refused.json, ...taken, migration: migrated },
    lines: [...lines, ...said, ...refused.lines],
  };
}

async function findRoutes(
  context: Context,
  workspace: Workspace,
): Promise<{ destination: Destination; routes: readonly Route[] | null }> {
  const options = { processWideOverride: true };
  const destination = await findDestination(context.home, workspace.db, options);
  return { destination, routes: await permittedRoutes(context, workspace, destination) };
}

/** Without an import, at least what was spilled. Artifacts are gathered for a project that delivers. */
async function gatherAll(
  context: Context,
  workspace: Workspace,
  routes: readonly Route[] | null,
): Promise<Gathered> {
  if (context.options['import'] === false) {
    const lines = takenLines(takeIn(context.home, workspace.journal));
    return { imported: null, dossiers: null, migrated: null, lines };
  }
  // Lines of git first: everybody who imports a repository makes the same bytes of them.
  const imported = runImport(context, workspace, {});
  const migration = await runMigration(context, { dryRun: false, named: [] });
  const lines = saysNothing(migration) ? [] : migrationLines(migration);
  const taken = { imported, migrated: migrationToJson(migration), lines };
  if (routes === null || !mayGatherArtifacts(context)) return { ...taken, dossiers: null };
  const options = { missions: [], dryRun: false, verbose: flagOption(context.options, 'verbose') };
  return { ...taken, dossiers: await runDossiers(context, workspace, options) };
}

/**
 * Every route in its own drain: one that hangs or fails costs the others nothing, so nothing is thrown before all of
 * them have come to their ends.
 */
async function drainAll(
  context: Context,
  workspace: Workspace,
  routes: readonly Route[],
): Promise<readonly DrainReport[]> {
  const progress = createProgress(context.io, context.system.clock, 'items');
  const done = new Map<number, number>();
  const total = waitingOn(context, workspace, routes);
  const ended = await Promise.allSettled(
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
  return ended.map((each, index) => {
    if (each.status === 'fulfilled') return addressed(context, each.value);
    const route = routes[index];
    // What several targets were sent is told, even when one of them could not be drained at all.
    if (route === undefined || routes.length === 1 || isOurs(each.reason)) throw each.reason;
    context.home.log.error('delivery.failed', { reason: messageOf(each.reason) });
    const remedy = each.reason instanceof UserError ? each.reason.remedy : null;
    return undrained(route.target, {
      reason: 'halted',
      detail: messageOf(each.reason),
      remedy: remedy ?? 'spec-kitty sync status',
    });
  });
}

/** A broken rule of ours, or broken stored data: louder than any report. */
function isOurs(error: unknown): boolean {
  return error instanceof AssertionFailure || error instanceof IntegrityError;
}

function waitingOn(context: Context, workspace: Workspace, routes: readonly Route[]): number {
  const status = gatherHere(context, workspace);
  const chosen = status.routes.filter((each) => routes.some((route) => route.id === each.route.id));
  return sum(
    chosen.flatMap(({ streams }) =>
      streams.map(({ books, isTaken }) => (isTaken ? books.unopened + books.queued : 0)),
    ),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function conclude(
  context: Context,
  workspace: Workspace,
  done: {
    readonly destination: Destination;
    readonly gathered: Gathered;
    readonly reports: readonly DrainReport[];
  },
): Outcome {
  const status = gatherHere(context, workspace, readLegacy(context.home));
  return {
    mode: done.destination.mode ?? 'TEAMSPACE',
    generatedAt: new Date(context.system.clock.now()).toISOString(),
    imported: done.gathered.imported,
    dossiers: done.gathered.dossiers,
    migrated: done.gathered.migrated,
    pending: status.pending,
    spill: status.spill,
    legacy: status.legacy,
    strict: context.options['strict'] !== false,
    isVerbose: flagOption(context.options, 'verbose'),
    isInterrupted: context.io.signal.aborted,
    targets: done.reports.map((report) => ({
      report,
      status: status.routes.find((each) => each.route.target.id === report.target.id) ?? null,
    })),
  };
}

/** The result as it is printed and, with `--report`, as it is written to a file. */
function answerWith(
  context: Context,
  json: Readonly<Record<string, unknown>>,
  lines: readonly string[],
): Answer {
  const exit = json['exit_code'] as ExitCode;
  const file = textOption(context.options, 'report');
  if (file === null) return { exit, json, lines };
  const { files, cwd } = context.system;
  files.write(path.resolve(cwd, file), `${JSON.stringify(json)}\n`, REPORT_MODE);
  return { exit, json, lines: [...lines, '', `Dispatch report written to ${file}`] };
}

/** A mode without delivery keeps facts; that is no failure. */
function retainOnly(
  context: Context,
  done: {
    readonly workspace: Workspace;
    readonly destination: Destination;
    readonly gathered: Gathered;
  },
): Answer {
  const { workspace } = done;
  const { mode } = done.destination;
  const { imported, dossiers, migrated, lines } = done.gathered;
  if (mode === null) {
    throw new UserError('mode_unavailable', 'the stored mode is no mode of ours; nothing is sent', {
      remedy: 'spec-kitty sync mode LOCAL_RETENTION',
    });
  }
  const { captured } = gatherHere(context, workspace).journal;
  const isComplete = [imported, dossiers].every((each) => each?.isComplete !== false);
  const said = [imported, dossiers].flatMap((each) => each?.lines ?? []);
  const json = {
    generated_at: new Date(context.system.clock.now()).toISOString(),
    dispatched: false,
    summary: { total_events: 0, synced: 0, failed: 0 },
    failures: [],
    mode,
    retained: captured,
    blocked_reason: 'mode_without_delivery',
    import: imported?.json ?? null,
    artifacts: dossiers?.json ?? null,
    migration: migrated,
    exit_code: isComplete ? EXIT.fine : EXIT.failed,
  };
  return answerWith(context, json, [
    ...lines,
    ...said,
    MODE_AXES[mode].retention === 'on'
      ? `Event sync mode ${mode}: retention only; no delivery attempted.`
      : `Event sync mode ${mode}: new facts are not kept; no delivery attempted.`,
    `  ${captured} event(s) are retained.`,
  ]);
}
