import { setImmediate } from 'node:timers/promises';
import type { Db, FaultPoint } from '../../src/base/index.ts';
import { isAllDelivered, type Outcome } from '../../src/cli/render/dispatch.ts';
import { drain, type DrainReport } from '../../src/delivery/index.ts';
import type { HttpReply } from '../../src/home/index.ts';
import { gatherProject } from '../../src/report/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { STREAMS } from '../support/ledger-trial.ts';
import { undeliveredBodies } from './bodies.ts';
import { hearPush } from './pushes.ts';
import { checkoutOf, endingOf } from './calls.ts';
import { importAll } from './captures.ts';
import { isSpilled } from './laws.ts';
import type { Life } from './life.ts';
import { hear, hearOffer, LawBroken, undelivered, type KnownRoute } from './model.ts';
import type { Exchange } from './network.ts';
import { routeOf } from './operator.ts';
import { bury, spawn, tell, type Process, type World } from './world.ts';

/** A drain under way. */
export interface Drain {
  readonly process: Process;
  readonly route: KnownRoute;
  /** What Ctrl-C does. */
  interrupt(): void;
  /** Until when the receiver asked to be left alone, as far as this drain heard. */
  leaveAloneUntil: number | null;
  /** The right to record that it was seen with. */
  fence: number;
  /** Position of the last event that the receiver stored from the pass that it sends. */
  lastStored: number;
  /** That pass; null before the first event is stored. */
  pass: number | null;
  /** Requests that it made. */
  readonly requests: Exchange[];
  /** What `sync now` says at its end. */
  saysAll: boolean;
  /** Its report, once it has ended in peace. */
  report: DrainReport | null;
}

/** The drains of a history. */
export type Drains = Map<Life, Drain>;

const DRAIN_POINTS: readonly FaultPoint[] = [
  'open.commit',
  'batch.begin',
  'batch.send',
  'batch.answer',
  'record.append',
  'record.commit',
  'record.done',
];
const RETRY_AFTER_MIN_MS = 1_000;
const RETRY_AFTER_MAX_MS = 3_600_000;

/** Starts a drain: an operator's `sync now`, import included, or what a daemon does. */
export function startDrain(
  world: World,
  drains: Drains,
  options: { readonly route: KnownRoute; readonly byOperator: boolean },
): Drain | null {
  const { route, byOperator } = options;
  const process = spawn(world, byOperator ? 'sync now' : 'daemon', DRAIN_POINTS);
  const { life } = process;
  if (route.routeId === null) {
    bury(world, life);
    return null;
  }
  const aborting = new AbortController();
  const started: Drain = {
    process,
    route,
    interrupt: () => {
      aborting.abort();
    },
    leaveAloneUntil: null,
    fence: 0,
    lastStored: 0,
    pass: null,
    requests: [],
    saysAll: false,
    report: null,
  };
  drains.set(life, started);
  tell(world, `${life.role}: ${route.receiver.character.name}`);
  const end = (ending: string): void => {
    if (!world.lives.has(life)) return;
    drains.delete(life);
    bury(world, life);
    tell(world, `    ${life.role} ended: ${ending}`);
  };
  void watch(world, started, { byOperator, signal: aborting.signal }).then(end);
  void life.death.then(end);
  return started;
}

/** Runs a drain to whatever end, and says how it was. */
async function watch(world: World, drained: Drain, options: DrainCall): Promise<string> {
  try {
    await run(world, drained, options);
    const { report } = drained;
    return `${report?.selected ?? 0} selected, ${report?.blocked?.detail ?? 'through'}`;
  } catch (error) {
    return howItFailed(world, drained.process, error);
  }
}

function howItFailed(world: World, process: Process, error: unknown): string {
  try {
    return endingOf(world, process, error).kind;
  } catch (broken) {
    if (!(broken instanceof LawBroken)) throw broken;
    world.complaint ??= broken;
    return 'badly';
  }
}

interface DrainCall {
  readonly byOperator: boolean;
  readonly signal: AbortSignal;
}

async function run(world: World, drained: Drain, options: DrainCall): Promise<void> {
  const { process, route } = drained;
  const { home } = process;
  if (options.byOperator) importAll(world, process, 0);
  const found = routeOf(process, route);
  if (found === null) return;
  const db = home.store(PROJECT_ID);
  const streams = STREAMS;
  const report = await drain({ home, db, route: found, streams, onProgress: () => {}, ...options });
  drained.report = report;
  if (report.blocked?.reason === 'network_unavailable' && drained.leaveAloneUntil !== null) {
    route.leftAlone = { until: drained.leaveAloneUntil, since: world.step };
  }
  if (options.byOperator) checkConclusion(world, drained, report);
}

/** L13: what `sync now` would say after this drain, against what is true. */
function checkConclusion(world: World, drained: Drain, report: DrainReport): void {
  const { process, route } = drained;
  const { project } = checkoutOf(world, 0);
  const { home } = process;
  const db: Db = home.store(PROJECT_ID);
  const here = { project, checkoutId: null };
  const status = gatherProject(home, { projectId: PROJECT_ID, db, streams: STREAMS, here });
  const outcome: Outcome = {
    mode: 'EXTERNAL_RECEIVER',
    generatedAt: '',
    imported: null,
    dossiers: null,
    migrated: null,
    pending: status.pending,
    spill: status.spill,
    legacy: status.legacy,
    strict: true,
    isVerbose: false,
    isInterrupted: false,
    targets: [
      { report, status: status.routes.find((each) => each.route.id === route.routeId) ?? null },
    ],
  };
  drained.saysAll = isAllDelivered(outcome);
  if (!drained.saysAll) return;
  const missing = [...undelivered(world.model, route), ...undeliveredBodies(world, route)];
  if (missing.length > 0) {
    throw new LawBroken('L13', `all delivered, says sync now; ${missing.join(', ')} are not there`);
  }
  if (!route.isGranted) throw new LawBroken('L13', 'all delivered, without a permission');
  if (isSpilled(world)) throw new LawBroken('L13', 'all delivered, and facts lie beside the store');
}

/** Hands a sender its answer; L11: one that lost the right to record changes nothing by it. */
export async function give(
  world: World,
  drains: Drains,
  what: { readonly exchange: Exchange; readonly reply: HttpReply },
): Promise<void> {
  const { exchange, reply } = what;
  const drained = drains.get(exchange.life);
  const db = world.disk.view();
  const isStale =
    drained !== undefined && db !== null && fenceOf(db, drained.route) > drained.fence;
  if (drained !== undefined && !isStale) listen(world, drained, { exchange, reply });
  const before = isStale ? ledgerOf(db) : '';
  exchange.finish(reply);
  await setImmediate();
  if (isStale && ledgerOf(db) !== before) {
    throw new LawBroken('L11', `${exchange.life.role} recorded after another had taken over`);
  }
}

function listen(
  world: World,
  drained: Drain,
  heard: { readonly exchange: Exchange; readonly reply: HttpReply },
): void {
  const { exchange, reply } = heard;
  hear(drained.route, exchange, reply);
  hearPush(drained.route, exchange, reply);
  // Whoever meets a locked store fails, and what he heard is gone with him.
  if (world.release === null) hearOffer(drained.route, reply);
  const wait = reply.kind === 'response' ? retryAfterOf(reply) : null;
  if (wait === null) return;
  const until = world.timeline.wall() + wait;
  drained.leaveAloneUntil = Math.min(drained.leaveAloneUntil ?? until, until);
}

function retryAfterOf({
  status,
  headers,
}: Extract<HttpReply, { kind: 'response' }>): number | null {
  const text = headers['retry-after'];
  if (text === undefined || (status !== 429 && status !== 503)) return null;
  const seconds = /^\d+$/.test(text) ? Number(text) : text.includes('1970') ? 0 : null;
  if (seconds === null) return null;
  return Math.min(Math.max(seconds * 1000, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS);
}

/** Learns from the ledger who may record for which route; called after every step. */
export function noteFences(world: World, drains: Drains): void {
  const db = world.disk.view();
  if (db === null) return;
  const rows = db.all<{ route_id: number; fence: number; owner_pid: number | null }>(
    'SELECT route_id, fence, owner_pid FROM drains',
  );
  for (const { process, route, ...rest } of drains.values()) {
    const row = rows.find((each) => each.route_id === route.routeId);
    const drained = drains.get(process.life);
    if (drained === undefined || row?.owner_pid !== process.life.pid) continue;
    drained.fence = Math.max(rest.fence, row.fence);
  }
}

function fenceOf(db: Db, { routeId }: KnownRoute): number {
  return (
    db.get<{ fence: number }>('SELECT fence FROM drains WHERE route_id = :routeId', { routeId })
      ?.fence ?? 0
  );
}

/** Every row that results are written into, as one text. */
function ledgerOf(db: Db): string {
  const tables = [
    'event_deliveries',
    'body_deliveries',
    'delivery_counts',
    'generations',
    'batches',
    'attempts',
    'route_streams',
    'targets',
    'target_sightings',
  ];
  return tables.map((table) => JSON.stringify(db.all(`SELECT * FROM ${table}`))).join('\n');
}
