import { EXIT, UserError, type ExitCode } from '../../base/index.ts';
import {
  drain,
  findDestination,
  readDelivery,
  type DrainReport,
  type Route,
} from '../../delivery/index.ts';
import { keepSnapshot, snapshotsStream, type KeptSnapshot } from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import { refuseAtBoundary } from '../boundary/refusing.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { isLoggedOut } from '../login/recovery.ts';
import { permittedRoutes } from '../permission.ts';
import { bearersFor } from '../tracker/bearer.ts';
import { openBound, type Bound } from '../tracker/bound.ts';
import { publishedLines, publishedToJson, type Published } from '../tracker/published.ts';

const COMMAND = 'tracker sync publish';
const DEFAULT_SECONDS = 10;
const MAX_SECONDS = 120;

/** `spec-kitty tracker sync publish`: keeps the tracker's state as a snapshot, then delivers what waits of them. */
export async function run(context: Context): Promise<Answer> {
  const snapshotMs = timeoutOf(context) * 1000;
  const bound = await openBound(context);
  const snapshot = keep(bound);
  const routes = await routesOf(context, bound);
  if (routes === null) {
    const said = { ...publishedToJson(snapshot, bound.tracking, []), queued: true };
    return fine(said, [...bound.lines, ...publishedLines(snapshot, bound.tracking, [])]);
  }
  const projectId = bound.workspace.project.id;
  const refused = await refuseAtBoundary(context, { command: COMMAND, projectId });
  if (refused !== null) return refused;
  const bearerOf = await bearersFor(context, bound.tracking.credentials, routes);
  const published = await Promise.all(
    routes.map(async (route) => {
      const own = { bearer: bearerOf(route), snapshotMs };
      const report = await drain({
        home: context.home,
        db: bound.workspace.db,
        route,
        streams: [snapshotsStream],
        byOperator: true,
        signal: context.io.signal,
        own,
        onProgress: () => {},
      });
      return outcomeOf(bound, { route, snapshot, report });
    }),
  );
  return {
    exit: exitOf(published),
    json: publishedToJson(snapshot, bound.tracking, published),
    lines: [...bound.lines, ...publishedLines(snapshot, bound.tracking, published)],
  };
}

function keep({ workspace, tracking }: Bound): KeptSnapshot {
  const { project, db, checkoutId, now } = workspace;
  return keepSnapshot(db, {
    projectId: project.id,
    projectSlug: project.slug,
    checkoutId,
    now,
    ...tracking,
  });
}

/** The addressed targets; null in a mode that delivers nothing. */
async function routesOf(context: Context, { workspace }: Bound): Promise<readonly Route[] | null> {
  const { home, system, options } = context;
  const destination = await findDestination(home, workspace.db, { processWideOverride: true });
  const isNamed = textOption(options, 'target') !== null || flagOption(options, 'all');
  const server = textOption(options, 'serverUrl') ?? (isNamed ? null : envServer(system.env));
  if (server === null) return permittedRoutes(context, workspace, destination);
  const named = { ...context, options: { ...options, target: server } };
  return permittedRoutes(named, workspace, destination);
}

function envServer(env: Context['system']['env']): string | null {
  const url = env['SAAS_API_URL']?.trim() ?? '';
  return url === '' ? null : url;
}

function outcomeOf(
  { workspace }: Bound,
  done: { readonly route: Route; readonly snapshot: KeptSnapshot; readonly report: DrainReport },
): Published {
  const { route, snapshot, report } = done;
  const { db } = workspace;
  const [item] = snapshotsStream.load(db, [snapshot.seq]);
  const answered =
    report.snapshots.accepted.findLast(({ id }) => id === item?.id) ??
    report.snapshots.failures.findLast(({ id }) => id === item?.id) ??
    null;
  return {
    report,
    delivery: readDelivery(db, snapshotsStream, { routeId: route.id, seq: snapshot.seq }),
    httpStatus: answered?.httpStatus ?? null,
    outcome: answered?.outcome ?? null,
    detail: answered !== null && 'detail' in answered ? answered.detail : null,
    receipt: answered !== null && 'receipt' in answered ? answered.receipt : null,
  };
}

/** 3 for a damaged snapshot, 4 where somebody must log in, 1 unless every addressed target has it. */
function exitOf(published: readonly Published[]): ExitCode {
  if (published.some(({ report }) => report.snapshots.damaged.length > 0)) return EXIT.integrity;
  if (published.some(({ report }) => isLoggedOut(report))) return EXIT.loggedOut;
  const isAll = published.every(({ delivery }) => delivery.state === 'delivered');
  return isAll ? EXIT.fine : EXIT.failed;
}

function timeoutOf({ options }: Context): number {
  const text = textOption(options, 'timeoutSeconds') ?? String(DEFAULT_SECONDS);
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new UserError('usage', `--timeout-seconds takes 1 to ${MAX_SECONDS}`, {
    remedy: 'spec-kitty tracker sync publish --help',
    exitCode: EXIT.refused,
  });
}
