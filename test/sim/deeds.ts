import { UserError, type FaultPoint } from '../../src/base/index.ts';
import { grantEndpoint } from '../../src/cli/consent.ts';
import type { Context } from '../../src/cli/io.ts';
import {
  acceptInstance,
  dropParked,
  eventsStream,
  listParked,
  listRoutes,
  retryParked,
  revoke,
  type Route,
} from '../../src/delivery/index.ts';
import { emit, openJournal, record, takeIn, type Kept } from '../../src/journal/index.ts';
import { importMissions } from '../../src/missions/index.ts';
import { parseEndpoint } from '../../src/receivers/index.ts';
import { eventId, PROJECT_ID } from '../support/envelopes.ts';
import { contradict, factOf, inventEvent, inventLine, type Event } from './facts.ts';
import { checkJournal, checkTogether, isSpilled } from './laws.ts';
import { Death } from './life.ts';
import { acknowledge, claim, LawBroken, type Claim, type KnownRoute } from './model.ts';
import { bury, spawn, tell, type Process, type World } from './world.ts';

/** How a call ended. */
export type Ending<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'died' }
  | { readonly kind: 'failed'; readonly error: Error };

const CAPTURE_POINTS: readonly FaultPoint[] = [
  'store.create',
  'store.migrated',
  'capture.begin',
  'capture.append',
  'capture.commit',
  'capture.acknowledge',
  'spill.write',
  'spill.done',
  'spill.ingest',
  'spill.remove',
];
const IMPORT_POINTS: readonly FaultPoint[] = ['import.file', 'import.file', 'capture.commit'];
const INGEST_POINTS: readonly FaultPoint[] = ['spill.ingest', 'spill.remove'];
const CHECKOUTS = [
  [3, 0],
  [1, 1],
] as const;
const GROUP_SIZES = [
  [5, 1],
  [3, 2],
  [2, 5],
  [1, 12],
] as const;
/** No local command on a handful of events blocks longer than this. */
const PATIENCE_MS = 500;

/** Runs one call as a process of its own and buries the process, unless it is the one that goes on. */
export function perform<T>(world: World, process: Process, work: () => T): Ending<T> {
  try {
    return { kind: 'done', value: work() };
  } catch (error) {
    return endingOf(world, process, error);
  } finally {
    if (process !== world.writer || process.life.state !== 'running') bury(world, process.life);
  }
}

/** Whoever captures next: mostly a new process, sometimes one that has captured before. */
function writerOf(world: World, role: string): Process {
  const { dice } = world;
  const known = world.writer;
  if (known !== null && known.life.state !== 'running') world.writer = null;
  else if (known !== null && dice.chance(0.4)) return known;
  const isIngesting = isSpilled(world) && dice.chance(0.4);
  const process = spawn(world, role, isIngesting ? INGEST_POINTS : CAPTURE_POINTS);
  if (dice.chance(0.1)) world.writer ??= process;
  return process;
}

/** What may be thrown: the death of the process, what a trap made it meet, a locked store, a capture that says so. */
export function endingOf(world: World, { life }: Process, error: unknown): Ending<never> {
  if (error instanceof Death) return { kind: 'died' };
  if (!(error instanceof Error)) throw new LawBroken('L14', `${life.role} threw ${String(error)}`);
  const isInjected = life.injected.some(
    (each) => each.error === error || each.error === error.cause,
  );
  const isBusy = error instanceof UserError && error.code === 'busy';
  if (isInjected || isBusy) {
    tell(world, `    ${life.role} failed: ${error.message}`);
    return { kind: 'failed', error };
  }
  if (error instanceof LawBroken) throw error;
  throw new LawBroken('L14', `${life.role} threw ${error.stack ?? error.message}`);
}

/** Captures a few events, some of them again, some against what is known. */
export function captureSome(world: World): void {
  const { dice } = world;
  const checkout = dice.weigh(CHECKOUTS);
  const events = Array.from({ length: dice.weigh(GROUP_SIZES) }, () => chooseEvent(world));
  const isNew = (event: Event): boolean => !world.model.events.has(event.id);
  const fresh = new Set(events.filter(isNew).map(({ id }) => id));
  capture(world, { checkout, events, fresh: [...fresh] });
  // Whoever heard of a failure, or of nothing, may simply call again.
  if (dice.chance(0.3)) capture(world, { checkout, events, fresh: [] });
}

/** Captures some new events in a checkout. */
export function captureNew(world: World, checkout: number, count: number): void {
  const events = Array.from({ length: count }, () => newEvent(world));
  capture(world, { checkout, events, fresh: events.map(({ id }) => id) });
}

function chooseEvent(world: World): Event {
  const { dice, events } = world;
  const known = [...events.values()];
  if (known.length > 0 && dice.chance(0.08)) return dice.pick(known);
  if (known.length > 0 && dice.chance(0.04)) return contradict(dice.pick(known), dice);
  return newEvent(world);
}

function newEvent(world: World): Event {
  world.serial += 1;
  const event = inventEvent(world.serial, world.dice);
  world.events.set(event.id, event);
  return event;
}

interface Capture {
  readonly checkout: number;
  readonly events: readonly Event[];
  /** Ids that nobody ever tried to record before. */
  readonly fresh: readonly string[];
}

function capture(world: World, { checkout, events, fresh }: Capture): void {
  const process = writerOf(world, 'capture');
  meetLock(world, process);
  const { project } = checkoutOf(world, checkout);
  const claims = events.map((event) => claim(world.model, event.id, claimOf(event, checkout)));
  const started = world.timeline.elapsed();
  const facts = events.map(factOf);
  const ending = perform(world, process, () => record(process.home, project, facts));
  tell(world, `${process.life.role} of ${events.length} in ${checkout}: ${wordOf(ending)}`);
  requireKept(world, process, { ending, started });
  if (ending.kind !== 'done') {
    checkTogether(world, fresh);
    return;
  }
  for (const [index, { status }] of ending.value.entries()) {
    const known = claims[index];
    const event = events[index];
    if (known === undefined || event === undefined) continue;
    const { pid } = process.life;
    const { bytes } = event;
    if (status !== 'known')
      acknowledge(world.model, known, { bytes, pid, isSpilled: status === 'spilled' });
    else if (known.acknowledged.length === 0) acknowledge(world.model, known, { bytes: null, pid });
  }
}

/** The product's own emitter makes the envelope; only id and payload are ours. */
export function emitOne(world: World): void {
  const { dice } = world;
  world.serial += 1;
  const id = eventId(world.serial);
  const checkout = dice.below(2);
  const process = writerOf(world, 'emit');
  meetLock(world, process);
  const contains = `"error_message":"number ${world.serial}"`;
  const known = claim(world.model, id, {
    bytes: null,
    contains,
    checkout,
    key: null,
    isEligible: true,
  });
  const started = world.timeline.elapsed();
  const draft = {
    eventId: id,
    eventType: 'ErrorLogged',
    aggregateId: 'WP01',
    aggregateType: 'WorkPackage',
    payload: Buffer.from(`{"error_type":"runtime",${contains}}`),
    causationId: null,
    timestamp: '2026-03-14T09:26:53.000Z',
    teamSlug: null,
    projectSlug: 'demo',
    gitBranch: 'main',
    headCommitSha: null,
    repoSlug: null,
  };
  const { project } = checkoutOf(world, checkout);
  const ending = perform(world, process, () => emit(process.home, project, [draft]));
  tell(world, `${process.life.role} in ${checkout}: ${wordOf(ending)}`);
  requireKept(world, process, { ending, started });
  if (ending.kind !== 'done') return;
  const isSpilled = ending.value.some(({ status }) => status === 'spilled');
  acknowledge(world.model, known, { bytes: null, pid: process.life.pid, isSpilled });
}

/** While the store is locked, captures go beside it, unless something else happens to them there. */
function meetLock(world: World, { life }: Process): void {
  const { dice } = world;
  if (world.locked === 0) return;
  world.locked -= 1;
  life.traps.push({ point: 'capture.begin', left: 1, effect: 'fail' });
  if (!dice.chance(0.3)) return;
  const effect = dice.chance(0.6) ? 'die' : 'fail';
  life.traps.push({ point: dice.pick(['spill.write', 'spill.done']), left: 1, effect });
}

/** L10: capture succeeds unless the disk refuses everything, and soon. */
function requireKept(
  world: World,
  { life }: Process,
  { ending, started }: { readonly ending: Ending<readonly Kept[]>; readonly started: number },
): void {
  const took = world.timeline.elapsed() - started;
  if (took > PATIENCE_MS) throw new LawBroken('L10', `${life.role} took ${took} ms`);
  if (ending.kind !== 'failed') return;
  const isDiskFull = life.injected.some(
    ({ point }) => point === 'spill.write' || point === 'spill.done',
  );
  if (!isDiskFull) throw new LawBroken('L10', `${life.role} was refused: ${ending.error.message}`);
}

/** Somebody works on a mission: lines are added to a log. */
export function writeLines(world: World): void {
  const { dice, disk, model } = world;
  const checkout = dice.below(2);
  const count = dice.between(1, 3);
  for (let n = 0; n < count; n += 1) {
    world.serial += 1;
    const { id, line } = inventLine(world.serial);
    const contains = `"serial":${world.serial}`;
    claim(model, id, { bytes: null, contains, checkout, key: null, isEligible: true });
    disk.files.append(checkoutOf(world, checkout).log, line);
  }
  tell(world, `${count} line(s) in the log of ${checkout}`);
}

/** What every command does first that looks at the whole: take in the spill, import new lines. */
export function importAll(world: World, process: Process, checkout: number): void {
  const { project, log } = checkoutOf(world, checkout);
  const journal = openJournal(process.home, project);
  takeIn(process.home, journal);
  if (isSpilled(world))
    throw new LawBroken('L8', 'facts stay beside the store after they were taken in');
  importMissions(journal, project);
  for (const line of (world.disk.files.readText(log) ?? '').split('\n')) {
    const id = /"event_id":"([^"]+)"/.exec(line)?.[1];
    const known = id === undefined ? undefined : world.model.events.get(id);
    if (known === undefined || known.acknowledged.length > 0) continue;
    acknowledge(world.model, known, { bytes: null, pid: process.life.pid });
  }
  checkJournal(world, journal.db);
}

export function importNow(world: World): void {
  const checkout = world.dice.below(2);
  const process = spawn(world, 'import', IMPORT_POINTS);
  const ending = perform(world, process, () => {
    importAll(world, process, checkout);
  });
  tell(world, `${process.life.role} in ${checkout}: ${wordOf(ending)}`);
}

/** An operator names a receiver in a checkout. */
export function giveGrant(
  world: World,
  options: { readonly route: KnownRoute; readonly isFirst?: boolean; readonly checkout?: number },
): void {
  const { dice } = world;
  const { route } = options;
  const checkout = options.checkout ?? dice.weigh(CHECKOUTS);
  const isFromNow = options.isFirst !== true && dice.chance(0.15);
  const process = spawn(world, 'grant', ['grant.commit']);
  const { project } = checkoutOf(world, checkout);
  const ending = perform(world, process, () => {
    const journal = openJournal(process.home, project);
    const { db, checkoutId } = journal;
    const now = process.system.clock.now();
    const workspace = { project, journal, db, checkoutId: checkoutId ?? 0, now };
    const text = route.receiver.character.endpoint;
    const endpoint = parseEndpoint(text, { kind: 'external', allowHttp: false, cwd: '/' });
    const existing =
      listRoutes(db).find(({ target }) => target.canonicalUrl === endpoint.canonicalUrl) ?? null;
    const last = db.get<{ n: number | null }>('SELECT max(seq) AS n FROM events')?.n ?? 0;
    const context = contextOf(process, isFromNow ? { from: 'now' } : {});
    const request = {
      endpoint,
      mode: 'EXTERNAL_RECEIVER',
      by: 'sim',
      allowHttp: false,
      existing,
    } as const;
    return { routeId: grantEndpoint(context, workspace, request).route.id, last };
  });
  const how = isFromNow ? ' from now' : '';
  tell(
    world,
    `${process.life.role}: ${route.receiver.character.name} in ${checkout}${how}: ${wordOf(ending)}`,
  );
  if (ending.kind !== 'done') return;
  route.routeId = ending.value.routeId;
  if (!route.isGranted && isFromNow) route.fromSeq = ending.value.last + 1;
  route.isGranted = true;
  if (!route.covered.has(checkout)) route.covered.set(checkout, world.step);
}

/** What a command needs that talks to nobody. */
function contextOf({ system, home }: Process, options: Context['options']): Context {
  const writer = { isTTY: false, write: () => {} };
  const io: Context['io'] = {
    env: {},
    cwd: system.cwd,
    stdin: { isTTY: false, chunks: noChunks() },
    stdout: writer,
    stderr: writer,
    ask: () => Promise.resolve(null),
    signal: new AbortController().signal,
  };
  return { io, system, home, args: [], options };
}

async function* noChunks(): AsyncGenerator<Uint8Array> {}

/** The operator withdraws a permission. */
export function withdraw(world: World, route: KnownRoute): void {
  const { routeId } = route;
  if (routeId === null) return;
  const process = spawn(world, 'revoke');
  const ending = perform(world, process, () => {
    const db = process.home.store(PROJECT_ID);
    revoke(db, { routeId, by: 'sim', now: process.system.clock.now(), streams: [eventsStream] });
  });
  tell(world, `${process.life.role}: ${route.receiver.character.name}: ${wordOf(ending)}`);
  if (ending.kind !== 'done') return;
  route.isGranted = false;
  route.covered.clear();
}

/** The operator looks after what is parked: all of it, or what the dice choose. */
export function tendParked(world: World, how: 'retry all' | 'by chance' = 'by chance'): void {
  const { dice, model } = world;
  const process = spawn(world, 'parked');
  const isDrop = how === 'by chance' && dice.chance(0.3);
  const ending = perform(world, process, () => {
    const db = process.home.store(PROJECT_ID);
    const granted = new Map(model.routes.map((route) => [route.routeId, route]));
    const parked = listParked(db, eventsStream).filter(
      ({ routeId }) => isDrop || granted.get(routeId)?.isGranted === true,
    );
    const items = dice.some(parked, how === 'by chance' ? 0.6 : 1);
    if (isDrop) dropParked(db, eventsStream, items);
    else retryParked(db, eventsStream, items);
    return items;
  });
  if (ending.kind !== 'done') return;
  tell(world, `${process.life.role}: ${isDrop ? 'drop' : 'retry'} ${ending.value.length}`);
  if (!isDrop) return;
  for (const { routeId, id } of ending.value) {
    model.routes.find((route) => route.routeId === routeId)?.dropped.add(id);
  }
}

/** The operator says that whoever answers now is the receiver that was meant. */
export function acceptReceiver(world: World, route: KnownRoute): void {
  const { routeId } = route;
  if (routeId === null) return;
  const process = spawn(world, 'accept');
  perform(world, process, () => {
    acceptInstance(process.home.store(PROJECT_ID), routeId);
  });
  tell(world, `${process.life.role}: ${route.receiver.character.name}`);
}

/** A receiver already has one of our ids, with another fact under it. */
export async function squatSomewhere(world: World): Promise<void> {
  const { dice, events, model } = world;
  const free = [...events.values()].filter(
    ({ id }) => !model.routes.some(({ attempted }) => attempted.has(id)),
  );
  if (free.length === 0) return;
  const event = contradict(dice.pick(free), dice);
  const { receiver } = dice.pick(model.routes);
  if (receiver.stored.has(event.id)) return;
  await receiver.squat(event);
  tell(world, `somebody else sent ${event.id} to ${receiver.character.name}`);
}

/** The route of the product for one of ours. */
export function routeOf(process: Process, { routeId }: KnownRoute): Route | null {
  const db = process.home.store(PROJECT_ID);
  return listRoutes(db).find(({ id }) => id === routeId) ?? null;
}

function claimOf(event: Event, checkout: number): Claim {
  const { bytes, key, isEligible } = event;
  return { bytes, contains: '', checkout, key, isEligible };
}

export function checkoutOf(world: World, index: number): World['checkouts'][number] {
  const checkout = world.checkouts[index];
  if (checkout === undefined) throw new Error(`there is no checkout ${index}`);
  return checkout;
}

function wordOf(ending: Ending<unknown>): string {
  if (ending.kind !== 'done') return ending.kind;
  const kept = ending.value as readonly Kept[] | undefined;
  return Array.isArray(kept) ? [...new Set(kept.map(({ status }) => status))].join(', ') : 'done';
}
