import type { FaultPoint } from '../../src/base/index.ts';
import { emit, openJournal, record, takeIn, type Kept } from '../../src/journal/index.ts';
import { importMissions } from '../../src/missions/index.ts';
import { eventId } from '../support/envelopes.ts';
import { checkoutOf, CHECKOUTS, perform, wordOf, type Ending } from './calls.ts';
import { contradict, factOf, inventEvent, inventLine, type Event } from './facts.ts';
import { checkJournal, checkTogether, isSpilled } from './laws.ts';
import { acknowledge, claim, LawBroken, type Claim } from './model.ts';
import { isDropped } from './modes.ts';
import { spawn, tell, type Process, type World } from './world.ts';

const CAPTURE_POINTS: readonly FaultPoint[] = [
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
const INGEST_POINTS: readonly FaultPoint[] = ['spill.ingest', 'spill.remove', 'capture.commit'];
const GROUP_SIZES = [
  [5, 1],
  [3, 2],
  [2, 5],
  [1, 12],
] as const;
/** No local command on a handful of events blocks longer than this. */
const PATIENCE_MS = 500;

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

/** Another fact is captured under the id of a known one. */
export function captureContradiction(world: World, checkout: number, event: Event): void {
  capture(world, { checkout, events: [contradict(event, world.dice)], fresh: [] });
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
  const ending = perform(world, process, () => record(process.home, project, facts, world.rules));
  tell(world, `${process.life.role} of ${events.length} in ${checkout}: ${wordOf(ending)}`);
  requireKept(world, process, { ending, started });
  if (ending.kind !== 'done') {
    checkTogether(world, fresh);
    return;
  }
  for (const [index, receipt] of ending.value.entries()) {
    const { status } = receipt;
    const known = claims[index];
    const event = events[index];
    if (known === undefined || event === undefined) continue;
    if (isDropped(world, receipt, claimOf(event, checkout))) continue;
    const { pid } = process.life;
    const { bytes } = event;
    if (status !== 'known')
      acknowledge(world.model, known, { bytes, pid, isBeside: status === 'spilled' });
    else if (known.acknowledged.length === 0) acknowledge(world.model, known, { bytes: null, pid });
  }
}

const DRAFTED = { bytes: null, contains: '', key: null, isEligible: true } as const;

/** The product's own emitter makes the envelope; only id and payload are ours. */
export function emitOne(world: World): void {
  const { dice } = world;
  world.serial += 1;
  const id = eventId(world.serial);
  const checkout = dice.below(2);
  const process = writerOf(world, 'emit');
  meetLock(world, process);
  const contains = `"error_message":"number ${world.serial}"`;
  const known = claim(world.model, id, { ...DRAFTED, contains, checkout });
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
  const ending = perform(world, process, () => emit(process.home, project, [draft], world.rules));
  tell(world, `${process.life.role} in ${checkout}: ${wordOf(ending)}`);
  requireKept(world, process, { ending, started });
  if (ending.kind !== 'done') return;
  const [receipt] = ending.value;
  if (receipt !== undefined && isDropped(world, receipt, { ...DRAFTED, checkout })) return;
  const isBeside = receipt?.status === 'spilled';
  acknowledge(world.model, known, { bytes: null, pid: process.life.pid, isBeside });
}

/** While the store is locked, captures go beside it, unless something else happens to them there. */
function meetLock(world: World, { life }: Process): void {
  const { dice } = world;
  if (world.release === null || !dice.chance(0.3)) return;
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
export function writeLines(world: World, checkout = world.dice.below(2)): void {
  const { dice, disk, model } = world;
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
  const journal = openJournal(process.home, project, { rules: world.rules });
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

export function importNow(world: World, checkout = world.dice.below(2)): void {
  const process = spawn(world, 'import', IMPORT_POINTS);
  const ending = perform(world, process, () => {
    importAll(world, process, checkout);
  });
  tell(world, `${process.life.role} in ${checkout}: ${wordOf(ending)}`);
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

function claimOf(event: Event, checkout: number): Claim {
  const { bytes, key, isEligible } = event;
  return { bytes, contains: '', checkout, key, isEligible };
}
