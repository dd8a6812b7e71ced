import { type Clock, messageOf, printable } from '../../base/index.ts';
import { HEADERS } from '../../wire/index.ts';
import { nameOf } from '../auth.ts';
import { rememberSeldom } from '../identity/audit.ts';
import { REFUSALS_EVERY_MS, RETRY_AFTER_SECONDS } from '../limits.ts';
import { html, page } from '../pages/html.ts';
import { PAGES, type RouteName, ROUTES } from '../routes.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { type Stream, sumsOf } from '../statistics/tally.ts';
import { StoreUnavailable } from '../store/driver.ts';
import type { Store } from '../store/store.ts';
import { HttpError } from './errors.ts';
import type { Here } from './here.ts';

/** What refusing needs of the receiver. */
export interface Refusing {
  readonly store: Store;
  readonly clock: Clock;
}

/** What is posted by each route; a refused request with events counts as one, whatever was in it. */
const STREAMS: Partial<Record<RouteName, Stream>> = {
  takeBatch: 'batches',
  takeBody: 'bodies',
  takeSnapshot: 'snapshots',
};

/** Counts a refusal of somebody who is known. */
function countRefusal(c: Here, { code, about }: HttpError, statistics: Statistics): void {
  const { visitor, route } = c.var;
  const stream = route === null ? undefined : STREAMS[route];
  if (visitor === null || stream === undefined) return;
  const { projectId = null, rule = '' } = about;
  statistics.note(visitor.team, sumsOf(stream, [{ projectId, result: code, rule, bytes: 0 }]));
}

/** The answer to a request that failed, or was not to be done: JSON for programs, a page for people. */
export async function refuse(
  c: Here,
  error: Error,
  refusing: Refusing & { readonly statistics: Statistics },
): Promise<Response> {
  const { store, statistics } = refusing;
  const refusal = toRefusal(error);
  countRefusal(c, refusal, statistics);
  const fields = { status: refusal.status, code: refusal.code, path: printable(c.req.path, 200) };
  const failure = { ...fields, message: printable(messageOf(error), 500) };
  c.set(
    'line',
    refusal.status < 500
      ? { level: 'info', event: 'receiver.refused', fields }
      : { level: 'error', event: 'receiver.failed', fields: failure },
  );
  if (TENANT_REFUSALS.has(refusal.code)) await rememberRefusal(c, refusing);
  const isClean = await c.var.inlet.drain();
  const headers = { ...refusal.headers, ...(isClean ? {} : { connection: 'close' }) };
  const { status } = refusal;
  if (isPage(c)) return page('Not possible', html`<p>${refusal.message}</p>`, { status, headers });
  const body = {
    error: refusal.message,
    error_code: refusal.code,
    ...refusal.members,
    server_instance_id: store.instanceId,
  };
  return Response.json(body, { status, headers });
}

function isPage(c: Here): boolean {
  const isForPeople = (c.req.header('accept') ?? '').includes('text/html');
  const { route } = c.var;
  const isOfDashboard = route !== null && ROUTES[route].gate === 'page';
  return isForPeople && (isOfDashboard || Object.values<string>(PAGES).includes(c.req.path));
}

/** What somebody who is known did not get, because it is not there or not theirs: the audit cannot tell either. */
const TENANT_REFUSALS: ReadonlySet<string> = new Set([
  'namespace_not_found',
  'not_found',
  'project_refused',
  'scope_refused',
]);

/** Notes in the audit that somebody did not get what they asked for, once in a while. */
export async function rememberRefusal(c: Here, { store, clock }: Refusing): Promise<void> {
  const { visitor, route } = c.var;
  if (visitor === null) return;
  const subject = route ?? 'no route';
  const about = { at: clock.now(), teamId: visitor.team, actor: nameOf(visitor), subject };
  try {
    await rememberSeldom(store.driver, { ...about, action: 'access.refused' }, REFUSALS_EVERY_MS);
  } catch (error) {
    // A store that cannot write now still refuses.
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}

/** What the sender hears of a failure: the storage's and our own say nothing of what went wrong inside. */
function toRefusal(error: Error): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof StoreUnavailable) {
    return new HttpError(503, 'storage_unavailable', 'the receiver cannot store or read now', {
      headers: { [HEADERS.retryAfter]: String(RETRY_AFTER_SECONDS) },
    });
  }
  return new HttpError(500, 'internal_error', 'the receiver failed; its log says why');
}
