import { Hono } from 'hono';
import { createIds, type Ids, type Random, systemRandom } from '../base/index.ts';
import { encodeHealth, HEADERS } from '../wire/index.ts';
import {
  identify,
  identifyBrowser,
  identifyReader,
  requirePerson,
  requireRight,
  requireVisitor,
  type Visitor,
} from './auth.ts';
import { openInlet } from './http/body.ts';
import { HttpError } from './http/errors.ts';
import {
  addressOf,
  baseOf,
  callerOf,
  chunksOf,
  type Hall,
  type Handler,
  type Here,
  isLocal,
  type NodeRequest,
} from './http/here.ts';
import { loginHandlers } from './http/login.ts';
import { refuse } from './http/refusal.ts';
import { readingHandlers } from './http/reading.ts';
import { type Taking, takingHandlers } from './http/taking.ts';
import type { Identity } from './identity/identity.ts';
import {
  MAX_BATCH_BYTES,
  MAX_CONCURRENT_BATCHES,
  MAX_EVENTS_PER_BATCH,
  REQUESTS_PER_SECOND,
} from './limits.ts';
import { apiHandlers } from './pages/api.ts';
import { artifactHandlers } from './pages/artifacts/handlers.ts';
import { cookieOf } from './pages/browser.ts';
import { dashboardHandlers } from './pages/dashboard.ts';
import { deviceHandlers } from './pages/device.ts';
import { entranceHandlers } from './pages/entrance.ts';
import { createDesk, type Desk, type DeskOptions } from './pages/events/desk.ts';
import { goTo } from './pages/html.ts';
import { peopleHandlers } from './pages/people/people.ts';
import { accounting } from './operations/account.ts';
import { createMeters, METRICS_MEDIA_TYPE } from './operations/meters.ts';
import { requireReady, requireScraper } from './operations/probes.ts';
import { createRates, type Rates } from './operations/rates.ts';
import { type Gate, PAGES, type RouteName, ROUTES, type RouteSpec } from './routes.ts';
import { createShares, type Shares } from './sharing/shares.ts';
import { createStatistics, type Statistics } from './statistics/statistics.ts';
import type { Store } from './store/store.ts';

/** Which deployment of the receiver answers: told by health, decides nothing. */
export interface Deployment {
  readonly deploymentId: string | null;
  readonly environmentName: string | null;
  readonly gitSha: string | null;
}

export interface AppOptions extends DeskOptions {
  /** Refuse events that the catalogue does not know or does not allow; false when absent. */
  readonly isStrict?: boolean;
  readonly deployment?: Deployment;
  /** The address people reach this receiver by, without a path; what each request says when absent. */
  readonly publicUrl?: string;
  /** Lets whoever knows it see `/metrics` from another machine; this machine only when absent. */
  readonly metricsToken?: string;
  /** What the teams of this process share; the app's own when absent. */
  readonly shares?: Shares;
  /** How many connections are open, for `/metrics`. */
  readonly openConnections?: () => number;
  /** Requests a second of one token or address; 200 when absent. */
  readonly requestsPerSecond?: number;
  /** Where ids and secrets come from; the system's own when absent. */
  readonly ids?: Ids;
  readonly random?: Random;
}

/** The receiver without a socket. A request without Node's own beside it counts as one of this process. */
export interface App {
  fetch(request: Request, env?: NodeRequest): Response | Promise<Response>;
  /** What the router answers, as it was told: a check compares it with the table. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  /** What it counted of what it took and refused; whoever serves it writes them now and then, and in the end. */
  readonly statistics: Statistics;
}

type Handlers = Readonly<Record<RouteName, Handler>>;
type Members = Readonly<Record<string, unknown>>;

/**
 * The receiver's routes over `store` (wire contract 1, 7 and 8). Whatever a request says, the answer is JSON with a
 * stable code and the receiver's instance id; people get pages.
 */
export function createApp(store: Store, options: AppOptions): App {
  const { clock, log, ids = createIds(clock), openConnections = () => 0 } = options;
  const desk = createDesk(options);
  const meters = createMeters({ connections: openConnections, streams: desk.streams.taken });
  const statistics = createStatistics(store, options);
  const rates = createRates(clock, options.requestsPerSecond ?? REQUESTS_PER_SECOND);
  const app = new Hono<Hall>({ strict: false });
  app.onError((error, c) => refuse(c, error, { store, clock, statistics }));
  app.use(accounting({ meters, clock, log, ids }));
  app.use(async (c, next) => {
    c.set('inlet', openInlet(chunksOf(c), clock));
    c.set('visitor', null);
    c.set('route', null);
    c.set('base', options.publicUrl ?? baseOf(c));
    if (!isLocal(c)) rates.requireAddress(addressOf(c));
    await next();
  });
  const handlers = handlersOf({ ...options, ids, store, meters, statistics }, desk);
  const names = Object.keys(ROUTES) as readonly RouteName[];
  for (const path of new Set(names.map((name) => ROUTES[name].path))) {
    const here = names.filter((name) => ROUTES[name].path === path);
    for (const name of here) {
      const { method, gate }: RouteSpec = ROUTES[name];
      const passage = { store, options, rates, next: handlers[name] };
      app.on(method, route(path), (c) => {
        c.set('route', name);
        return passing(c, gate, passage);
      });
    }
    app.all(route(path), onlyWith(here.map((name) => ROUTES[name].method)));
  }
  // Nobody learns what is not here who is not known.
  app.all('*', async (c) => {
    requireVisitor(await identified(c, store, options));
    throw new HttpError(404, 'not_found', 'nothing is here');
  });
  return { fetch: (request, env = {}) => app.fetch(request, env), routes: app.routes, statistics };
}

function handlersOf(options: AppOptions & Omit<Taking, 'shares'>, desk: Desk): Handlers {
  const {
    store,
    meters,
    statistics,
    clock,
    ids = createIds(clock),
    random = systemRandom,
  } = options;
  const identity: Identity = { store, clock, ids, random };
  const taking = { ...options, shares: options.shares ?? createShares(clock, store) };
  return {
    health: (c) => c.json(healthOf(c.var.visitor, store.instanceId, options)),
    ...takingHandlers(taking),
    alive: (c) => c.json({ status: 'alive' }),
    ready: async (c) => {
      await requireReady(store);
      return c.json({ status: 'ready' });
    },
    metrics: (c) => c.body(meters.write(), 200, { [HEADERS.contentType]: METRICS_MEDIA_TYPE }),
    ...apiHandlers(),
    ...readingHandlers(store),
    ...loginHandlers(identity),
    ...entranceHandlers(identity),
    ...deviceHandlers(identity),
    ...dashboardHandlers(identity, { statistics, desk }),
    ...peopleHandlers(identity),
    ...artifactHandlers(identity),
  };
}

interface Passage {
  readonly store: Store;
  readonly options: AppOptions;
  readonly rates: Rates;
  readonly next: Handler;
}

/** Lets a request through its gate, or throws what stands against it. */
async function passing(c: Here, gate: Gate, passage: Passage): Promise<Response> {
  const { store, options, rates, next } = passage;
  if (gate === 'open') return next(c);
  if (gate === 'scraper') {
    requireScraper(callerOf(c), options.metricsToken ?? null);
    return next(c);
  }
  if (gate === 'browser' || gate === 'page') {
    const visitor = await browserOf(c, gate, passage);
    c.set('visitor', visitor);
    if (visitor === null) return goTo(loginPage(c));
    rates.requireVisitor(visitor);
    return next(c);
  }
  const visitor = await identified(c, store, options);
  if (visitor !== null) rates.requireVisitor(visitor);
  if (gate === 'person') requirePerson(visitor);
  else if (gate !== 'greeted') requireRight(visitor, gate);
  return next(c);
}

function browserOf(
  c: Here,
  gate: 'browser' | 'page',
  { store, options }: Passage,
): Promise<Visitor | null> {
  const [cookie, now] = [cookieOf(c), options.clock.now()] as const;
  if (gate === 'browser') return identifyBrowser(store, cookie, now);
  return identifyReader(store, { cookie, isLocal: isLocal(c) }, now);
}

function loginPage(c: Here): string {
  const { pathname, search } = new URL(c.req.url);
  return `${PAGES.login}?next=${encodeURIComponent(c.req.method === 'GET' ? pathname + search : pathname)}`;
}

async function identified(c: Here, store: Store, { clock }: AppOptions): Promise<Visitor | null> {
  const visitor = await identify(store, callerOf(c), clock.now());
  c.set('visitor', visitor);
  return visitor;
}

/** A path of the wire contract, which both spellings of its end reach. */
function route(path: string): string {
  return path.replace(/\/$/, '');
}

function onlyWith(methods: readonly string[]): () => never {
  const method = methods.join(', ');
  return () => {
    throw new HttpError(405, 'method_not_allowed', `only ${method} is answered here`, {
      headers: { allow: method },
    });
  };
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
    capabilities: { brotli: true, bodies: true, snapshots: true },
    identity: visitor === null ? null : { team: visitor.team, user: userOf(visitor) },
  });
}

function userOf({ actor }: Visitor): string | null {
  if (actor.kind === 'machine') return null;
  return actor.kind === 'token' ? actor.token.name : actor.access.session.email;
}
