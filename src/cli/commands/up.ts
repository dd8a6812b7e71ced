import { EXIT, UserError, type ExitCode } from '../../base/index.ts';
import { connect, coversCheckout, findDestination, type Route } from '../../delivery/index.ts';
import { findGit, initProject, projectRoot } from '../../home/index.ts';
import type { Endpoint } from '../../receivers/index.ts';
import type { Answer } from '../answer.ts';
import { grantEndpoint } from '../consent.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { placesOf } from '../local-receiver/running.ts';
import { startLocal } from '../local-receiver/starting.ts';
import { whatWouldGo } from '../permission.ts';
import { findPlace, LOCAL, parseAddress, routeAt, type Place } from '../up/place.ts';
import { proveDelivery, type Proof } from '../proof/delivery.ts';
import { stuckAt, tellWalk, type Step, type StepName, type Stuck, type Walk } from '../up/steps.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';
import { run as syncNow } from './sync-now.ts';

type Progress = { -readonly [Key in keyof Walk]: Walk[Key] } & {
  readonly steps: Step[];
  readonly said: string[];
  at: StepName;
};

/**
 * `spec-kitty up`: everything between a clone and a delivery that was shown to have arrived, in order. What can be mended
 * is; what cannot is named with the one command that does. Run again it finds everything in order.
 */
export async function run(context: Context): Promise<Answer> {
  const progress: Progress = {
    steps: [],
    stuck: null,
    receiver: null,
    report: null,
    proof: null,
    said: [],
    at: 'identity',
  };
  try {
    await walk(context, progress);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    progress.stuck = stuckAt(progress.at, error);
  }
  return tellWalk(progress);
}

async function walk(context: Context, progress: Progress): Promise<void> {
  await seeToIdentity(context, progress);
  const workspace = await openWorkspace(context);
  progress.at = 'target';
  const place = await findPlace(context, workspace);
  const isPermitted = hasPermission(workspace, place);
  if (!isPermitted) {
    progress.at = 'consent';
    await askPermission(context, workspace, place);
    progress.at = 'target';
  }
  const route = await seeToTarget(context, workspace, { place, isPermitted }, progress);
  progress.at = 'login';
  progress.stuck = await checkLogin(context, workspace, route);
  if (progress.stuck !== null) return;
  take(progress, 'login', 'ok', sayLogin(route));
  progress.at = 'delivery';
  await deliver(context, progress);
  if (progress.stuck !== null) return;
  progress.at = 'verification';
  await verify(context, workspace, { route, progress });
}

function take(progress: Progress, step: StepName, state: Step['state'], detail: string): void {
  progress.steps.push({ step, state, detail, notes: [] });
}

/** Only what looks like a repository gets an identity without being asked for it. */
async function seeToIdentity({ system }: Context, progress: Progress): Promise<void> {
  const { files, cwd } = system;
  const isRepository =
    projectRoot(system) !== null ||
    findGit(files, cwd) !== null ||
    files.stat(`${cwd}/kitty-specs`)?.kind === 'directory';
  if (!isRepository) {
    throw new UserError('not_a_project', `${cwd} is no repository, and none is above it`, {
      remedy: 'spec-kitty init',
    });
  }
  const { project, created, file } = await initProject(system);
  const name = `${project.slug ?? 'project'} ${project.id}`;
  const isNew = created.length > 0;
  const commit = isNew ? `, written to ${file}: commit that file` : '';
  take(progress, 'identity', isNew ? 'done' : 'ok', `${name}${commit}`);
}

function hasPermission({ db, checkoutId }: Workspace, { route, isActive }: Place): boolean {
  return isActive && route?.grantedAt != null && coversCheckout(db, route.id, checkoutId);
}

/** `--yes` is said by whoever stands in the project, about the receiver it is sent to. */
async function askPermission(
  context: Context,
  workspace: Workspace,
  { endpoint, isLocal, route }: Place,
): Promise<void> {
  if (flagOption(context.options, 'yes')) return;
  const where = isLocal ? 'a receiver on this machine' : (endpoint?.canonicalUrl ?? '');
  const what = `${whatWouldGo(context, workspace, route)} to ${where}`;
  const answer = await context.io.ask(`${what}. Permit it for this checkout? [y/N] `);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return;
  const named = textOption(context.options, 'receiver') ?? (isLocal ? LOCAL : null);
  throw new UserError('no_grant', `${what}, and nobody permitted it; nothing was sent`, {
    remedy: named === null ? 'spec-kitty up --yes' : `spec-kitty up --yes --receiver ${named}`,
  });
}

async function seeToTarget(
  context: Context,
  workspace: Workspace,
  { place, isPermitted }: { readonly place: Place; readonly isPermitted: boolean },
  progress: Progress,
): Promise<Route> {
  const { endpoint, notes } = place.isLocal
    ? await openLocal(context, progress)
    : { ...place, notes: [] };
  if (endpoint === null) throw new UserError('target_unresolved', 'no receiver', { remedy: null });
  const isNew = !place.isActive || progress.receiver?.['started'] === true;
  const state = isNew ? 'done' : 'ok';
  progress.steps.push({ step: 'target', state, detail: endpoint.canonicalUrl, notes });
  progress.at = 'consent';
  if (isPermitted && place.route !== null) {
    take(progress, 'consent', 'ok', 'permitted for this checkout');
    return place.route;
  }
  const existing = place.route ?? routeAt(workspace, endpoint);
  const what = whatWouldGo(context, workspace, existing);
  const { route } = grantEndpoint(context, workspace, {
    endpoint,
    mode: place.mode,
    by: 'up',
    existing,
    allowHttp: flagOption(context.options, 'allowHttp') || (existing?.target.allowHttp ?? false),
  });
  take(progress, 'consent', 'done', `permitted for this checkout: ${what}, and what follows`);
  return route;
}

async function openLocal(
  context: Context,
  progress: Progress,
): Promise<{ readonly endpoint: Endpoint; readonly notes: readonly string[] }> {
  const { receiver, isNew } = await startLocal(context.home);
  const { url, pid } = receiver;
  const { db } = placesOf(context.home);
  progress.receiver = { url, pid, database: db, started: isNew };
  const notes = [
    `a receiver of this home, ${isNew ? 'started' : 'running'} as process ${pid}; it keeps what it gets in ${db}`,
    '`spec-kitty receiver stop` ends it, `spec-kitty up` starts it again',
  ];
  return { endpoint: parseAddress(context, url), notes };
}

/** A gate that is closed here. A missing login is left to the delivery where a person can answer it. */
async function checkLogin(
  { home, io, options }: Context,
  { db }: Workspace,
  { target }: Route,
): Promise<Stuck | null> {
  const connection = await connect(home, db, target);
  if (connection.kind === 'ready') return null;
  const { reason, detail, remedy } = connection.blocked;
  if (reason === 'missing_auth' && io.stdin.isTTY && !flagOption(options, 'json')) return null;
  const exit = reason === 'missing_auth' ? EXIT.loggedOut : EXIT.failed;
  return { step: 'login', code: reason, detail, next: remedy, exit };
}

function sayLogin({ target }: Route): string {
  if (target.kind !== 'teamspace') return 'not needed there';
  return [target.user, target.team].filter((part) => part !== '').join(' / ');
}

/** The same as `sync now`, with its report inside. */
async function deliver(context: Context, progress: Progress): Promise<void> {
  const { exit, json, lines } = await syncNow({
    ...context,
    options: { json: context.options['json'] },
  });
  progress.report = json;
  if (exit === EXIT.fine) {
    const summary = json['summary'] as { readonly total_events?: number } | undefined;
    take(progress, 'delivery', 'done', `${summary?.total_events ?? 0} event(s) sent, none waits`);
    return;
  }
  progress.said.push(...lines);
  progress.stuck = stuckInDelivery(json, exit);
}

function stuckInDelivery(report: Answer['json'], exit: ExitCode): Stuck {
  const error = report['error'] as Partial<Record<'code' | 'message' | 'remedy', string>> | null;
  if (error != null) {
    const { code = 'delivery', message = '', remedy = null } = error;
    return { step: 'delivery', code, detail: message, next: remedy, exit };
  }
  return {
    step: 'delivery',
    code: 'not_delivered',
    exit,
    detail: 'not everything could be delivered',
    next: 'spec-kitty sync status --check',
  };
}

async function verify(
  context: Context,
  workspace: Workspace,
  { route, progress }: { readonly route: Route; readonly progress: Progress },
): Promise<void> {
  // A login on the way may have made it another one.
  const { home } = context;
  const now = await findDestination(home, workspace.db, { processWideOverride: true });
  const proof = await proveDelivery(context, workspace, now.route ?? route);
  progress.proof = proof;
  const { delivered, isBalanced, isHeld } = proof;
  const ours = `${delivered.events} event(s) and ${delivered.bodies} text(s)`;
  if (isBalanced && isHeld !== false) {
    take(progress, 'verification', 'done', sayProof(proof, ours, route));
    return;
  }
  const exit = isBalanced ? EXIT.failed : EXIT.integrity;
  const theirs = `${proof.held?.events ?? 0} event(s) and ${proof.held?.bodies ?? 0} text(s)`;
  progress.stuck = {
    step: 'verification',
    code: 'not_verified',
    exit,
    detail: isBalanced
      ? `${ours} count as delivered, and the receiver lists ${theirs} of them`
      : 'the books do not balance',
    next: isBalanced ? 'spec-kitty sync status --check' : 'spec-kitty sync verify --repair',
  };
}

function sayProof({ isHeld }: Proof, ours: string, { target }: Route): string {
  return isHeld === true
    ? `${ours} delivered: ${target.canonicalUrl} lists them all, and the books balance`
    : `${ours} delivered by its own answers; it lists nothing to compare. The books balance`;
}
