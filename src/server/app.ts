import type { IncomingMessage } from 'node:http';
import { type Context, Hono } from 'hono';
import { type Clock, type Log, messageOf, printable } from '../base/index.ts';
import { encodeHealth, HEADERS, type ItemResult, PATHS } from '../wire/index.ts';
import {
  type Caller,
  identify,
  isLoopbackAddress,
  isLoopbackHost,
  requireVisitor,
  type Visitor,
} from './auth.ts';
import { readArtifacts, readBody, readNamespaces } from './http/artifacts.ts';
import { pushReceiver } from './http/bodies.ts';
import { type Chunks, type Inlet, openInlet } from './http/body.ts';
import { HttpError } from './http/errors.ts';
import { type BatchReceipt, batchReceiver, readEvent, readPage } from './http/events.ts';
import type { PostRequest } from './http/post.ts';
import {
  MAX_BATCH_BYTES,
  MAX_CONCURRENT_BATCHES,
  MAX_EVENTS_PER_BATCH,
  RETRY_AFTER_SECONDS,
} from './limits.ts';
import { StoreUnavailable } from './store/driver.ts';
import type { Store } from './store/store.ts';

/** Which deployment of the receiver answers: told by health, decides nothing. */
export interface Deployment {
  readonly deploymentId: string | null;
  readonly environmentName: string | null;
  readonly gitSha: string | null;
}

export interface AppOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Refuse events that the catalogue does not know or does not allow; false when absent. */
  readonly isStrict?: boolean;
  readonly deployment?: Deployment;
}

export interface NodeRequest {
  readonly incoming?: IncomingMessage;
}

/** The receiver without a socket. A request without Node's own beside it counts as one of this process. */
export interface App {
  fetch(request: Request, env?: NodeRequest): Response | Promise<Response>;
}

interface Hall {
  readonly Bindings: NodeRequest;
  readonly Variables: { visitor: Visitor | null; inlet: Inlet };
}

type Here = Context<Hall>;
type Members = Readonly<Record<string, unknown>>;

/**
 * The receiver's routes over `store` (wire contract 1 and 8). Whatever a request says, the answer is JSON with a
 * stable code and the receiver's instance id.
 */
export function createApp(store: Store, options: AppOptions): App {
  const { clock } = options;
  const { instanceId } = store;
  const app = new Hono<Hall>({ strict: false });
  app.onError((error, c) => refuse(c, error, { instanceId, log: options.log }));
  app.use(async (c, next) => {
    c.set('inlet', openInlet(chunksOf(c), clock));
    c.set('visitor', await identify(store, callerOf(c), clock.now()));
    await next();
  });
  app.get(route(PATHS.health), (c) => c.json(healthOf(c.var.visitor, instanceId, options)));
  app.all(route(PATHS.health), onlyWith('GET'));
  // From here on every route, also one that is added later, needs somebody who is known.
  app.use(async (c, next) => {
    requireVisitor(c.var.visitor);
    await next();
  });
  app.post(route(PATHS.events), takeBatches(store, options));
  app.all(route(PATHS.events), onlyWith('POST'));
  app.post(route(PATHS.bodies), takeBodies(store, options));
  app.all(route(PATHS.bodies), onlyWith('POST'));
  addReading(app, store);
  app.all('*', () => {
    throw new HttpError(404, 'not_found', 'nothing is here');
  });
  return { fetch: (request, env = {}) => app.fetch(request, env) };
}

function addReading(app: Hono<Hall>, store: Store): void {
  const lists = [
    [PATHS.eventList, readPage],
    [PATHS.namespaceList, readNamespaces],
    [PATHS.artifactList, readArtifacts],
  ] as const;
  for (const [path, read] of lists) {
    app.get(route(path), async (c) => {
      const page = await read(store, c.var.visitor, c.req.query());
      return c.json({ ...page, server_instance_id: store.instanceId });
    });
  }
  app.get(`${PATHS.eventList}:id`, async (c) => {
    const body = await readEvent(store, c.var.visitor, c.req.param('id'));
    return c.body(new Uint8Array(body), 200, { [HEADERS.contentType]: 'application/json' });
  });
  app.get(`${route(PATHS.bodyList)}/:hash?`, async (c) => {
    const body = await readBody(store, c.var.visitor, c.req.query(), c.req.param('hash'));
    return c.body(new Uint8Array(body), 200, RAW_TEXT);
  });
}

/** The text is somebody's: no browser may run it, or guess that it is something else. */
const RAW_TEXT = {
  [HEADERS.contentType]: 'text/plain; charset=utf-8',
  'content-disposition': 'attachment',
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
};

/** A path of the wire contract, which both spellings of its end reach. */
function route(path: string): string {
  return path.replace(/\/$/, '');
}

function onlyWith(method: string): () => never {
  return () => {
    throw new HttpError(405, 'method_not_allowed', `only ${method} is answered here`, {
      headers: { allow: method },
    });
  };
}

function takeBatches(store: Store, options: AppOptions): (c: Here) => Promise<Response> {
  const { clock, log } = options;
  const receive = batchReceiver(store, {
    isStrict: options.isStrict ?? false,
    now: () => clock.now(),
  });
  return async (c) => {
    const started = clock.monotonic();
    const receipt = await receive(postOf(c));
    log.info('receiver.ingest', {
      ...senderOf(c),
      ...countsOf(receipt),
      ms: Math.round(clock.monotonic() - started),
    });
    return c.json({ results: receipt.results, server_instance_id: store.instanceId });
  };
}

function takeBodies(store: Store, { clock, log }: AppOptions): (c: Here) => Promise<Response> {
  const receive = pushReceiver(store, () => clock.now());
  return async (c) => {
    const started = clock.monotonic();
    const { status, answer, bytes } = await receive(postOf(c));
    const ms = Math.round(clock.monotonic() - started);
    log.info('receiver.body', { ...senderOf(c), status, bytes, ms });
    return c.json({ ...answer, server_instance_id: store.instanceId }, status);
  };
}

function postOf(c: Here): PostRequest {
  return {
    visitor: c.var.visitor,
    contentType: c.req.header(HEADERS.contentType) ?? null,
    contentEncoding: c.req.header(HEADERS.contentEncoding) ?? null,
    contentLength: c.req.header('content-length') ?? null,
    inlet: c.var.inlet,
  };
}

function senderOf(c: Here): { readonly team: string; readonly token: string | null } {
  const { visitor } = c.var;
  return { team: visitor?.team ?? '', token: visitor?.token?.id ?? null };
}

function countsOf({ results, requestBytes, batchBytes }: BatchReceipt): Record<string, number> {
  const counts: Record<string, number> = { requestBytes, batchBytes, events: results.length };
  for (const result of results) {
    for (const name of namesOf(result)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function namesOf({ status, category }: ItemResult): readonly string[] {
  return category === undefined ? [status] : [status, category];
}

function healthOf(visitor: Visitor | null, instanceId: string, options: AppOptions): Members {
  return encodeHealth({
    serverInstanceId: instanceId,
    deploymentId: options.deployment?.deploymentId ?? null,
    environmentName: options.deployment?.environmentName ?? null,
    gitSha: options.deployment?.gitSha ?? null,
    limits: {
      maxEventsPerBatch: MAX_EVENTS_PER_BATCH,
      maxDecompressedBytesPerBatch: MAX_BATCH_BYTES,
      maxConcurrentBatches: MAX_CONCURRENT_BATCHES,
    },
    capabilities: { brotli: true, bodies: true, snapshots: false },
    identity: visitor === null ? null : { team: visitor.team, user: visitor.token?.name ?? null },
  });
}

function chunksOf(c: Here): Chunks | null {
  return c.env.incoming ?? c.req.raw.body;
}

function callerOf(c: Here): Caller {
  return { authorization: c.req.header(HEADERS.authorization) ?? null, isLocal: isLocal(c) };
}

/**
 * Whether the client is on this machine. A proxy on it speaks for others, and a name other than the machine's own
 * in `Host` is a web page that had its name resolved to this machine (DNS rebinding).
 */
function isLocal(c: Here): boolean {
  const { incoming } = c.env;
  if (incoming === undefined) return true;
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => c.req.header(name) !== undefined,
  );
  return (
    !isForwarded &&
    isLoopbackAddress(incoming.socket.remoteAddress ?? '') &&
    isLoopbackHost(new URL(c.req.url).hostname)
  );
}

interface Refusing {
  readonly instanceId: string;
  readonly log: Log;
}

async function refuse(c: Here, error: Error, { instanceId, log }: Refusing): Promise<Response> {
  const refusal = toRefusal(error);
  const fields = { status: refusal.status, code: refusal.code, path: printable(c.req.path, 200) };
  if (refusal.status < 500) log.info('receiver.refused', fields);
  else log.error('receiver.failed', { ...fields, message: printable(messageOf(error), 500) });
  const isClean = await c.var.inlet.drain();
  const body = {
    error: refusal.message,
    error_code: refusal.code,
    ...refusal.members,
    server_instance_id: instanceId,
  };
  return new Response(JSON.stringify(body), {
    status: refusal.status,
    headers: {
      [HEADERS.contentType]: 'application/json',
      ...refusal.headers,
      ...(isClean ? {} : { connection: 'close' }),
    },
  });
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
