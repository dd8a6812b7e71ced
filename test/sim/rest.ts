import type { Db } from '../../src/base/index.ts';
import { parkedBodies, undeliveredBodies } from './bodies.ts';
import { acceptReceiver, tendParked } from './operator.ts';
import { give, startDrain, type Drain } from './drains.ts';
import { arrive, setClock, settle, type Course } from './course.ts';
import { LawBroken, undelivered, type KnownEvent, type KnownRoute } from './model.ts';
import { tell, unlock, type World } from './world.ts';

/** The longest that a receiver may ask to be left alone, and a little more. */
const LONG_ENOUGH_MS = 3_600_000 + 60_000;
const A_YEAR_MS = 31_536_000_000;
const MAX_STEPS = 3_000;
const MAX_ROUNDS = 4;
const PARKED = 3;

/**
 * The weather clears. Whoever is still at work ends or is killed; then one drain of each permitted route must
 * deliver everything that the receiver itself does not refuse, by an operator's command or by the daemon's.
 */
export async function comeToRest(course: Course): Promise<void> {
  const { world, drains } = course;
  const { dice } = world;
  world.isCalm = true;
  unlock(world);
  tell(world, 'the weather clears');
  await endAll(course);
  if (dice.chance(0.4)) setClock(course, -A_YEAR_MS);
  world.timeline.pass(LONG_ENOUGH_MS);
  const isMended = dice.chance(0.5);
  if (isMended) for (const receiver of world.receivers) receiver.mend();
  if (isMended) tendParked(world, 'retry all');
  const byOperator = dice.chance(0.5);
  for (const route of world.model.routes) {
    if (!route.isGranted) continue;
    const drained = await drainOut(course, route, byOperator);
    requireEverything(world, drained, { isMended, byOperator });
  }
  if (drains.size > 0) throw new LawBroken('L5', 'a drain does not end');
}

async function endAll(course: Course): Promise<void> {
  const { world } = course;
  const isKilling = world.dice.chance(0.5);
  for (const life of world.lives) {
    if (isKilling || life.state === 'stopped') life.die();
    else life.traps.length = 0;
  }
  await runOut(course);
}

/** Everything goes its way until no drain is left. */
async function runOut(course: Course): Promise<void> {
  const { world, drains } = course;
  const { network, timeline } = world;
  await settle(course);
  for (let steps = 0; drains.size > 0; steps += 1) {
    if (steps > MAX_STEPS) throw new LawBroken('L5', 'a drain does not come to its end');
    const exchange = network.open().find(({ hasArrived, reply }) => !hasArrived || reply !== null);
    if (exchange === undefined) timeline.pass((timeline.untilNext() ?? 0) + 1);
    else {
      if (!exchange.hasArrived) await arrive(course, exchange);
      if (exchange.reply !== null) await give(world, drains, { exchange, reply: exchange.reply });
    }
    world.step += 1;
    await settle(course);
  }
}

/** One drain; where a clock that was set back makes a wait look longer than it is, a few of them. */
async function drainOut(course: Course, route: KnownRoute, byOperator: boolean): Promise<Drain> {
  const { world } = course;
  let drained = await drainOnce(course, route, byOperator);
  for (let rounds = 1; rounds < MAX_ROUNDS; rounds += 1) {
    const { reason, remedy } = drained.report?.blocked ?? { reason: null, remedy: null };
    if (remedy?.includes('sync targets accept') === true) {
      if (route.instances.size < 2)
        throw new LawBroken('L5', 'a receiver with one instance is called another');
      acceptReceiver(world, route);
    } else if (!world.wasSetBack || (byOperator && reason !== 'network_unavailable'))
      return drained;
    world.timeline.pass(LONG_ENOUGH_MS);
    drained = await drainOnce(course, route, byOperator);
  }
  return drained;
}

async function drainOnce(course: Course, route: KnownRoute, byOperator: boolean): Promise<Drain> {
  const drained = startDrain(course.world, course.drains, { route, byOperator });
  if (drained === null) throw new LawBroken('L5', 'a granted route is not there');
  await runOut(course);
  return drained;
}

function requireEverything(
  world: World,
  { route, report, saysAll }: Drain,
  how: { readonly isMended: boolean; readonly byOperator: boolean },
): void {
  const db = world.disk.view();
  if (db === null || report === null)
    throw new LawBroken('L5', 'a drain in calm weather gave no report');
  const { character } = route.receiver;
  // A receiver that refuses whole batches without a word may be left alone for a while instead.
  if (character.isAllOrNothing && !how.isMended) return;
  if (report.blocked !== null)
    throw new LawBroken('L5', `blocked in calm weather: ${report.blocked.detail}`);
  const parked = parkedOn(db, route);
  const left = [
    ...undelivered(world.model, route).filter(
      (id) => !parked.has(id) && !isRefused(world, route, { id, isMended: how.isMended }),
    ),
    ...undeliveredBodies(world, route),
  ];
  if (left.length > 0)
    throw new LawBroken('L5', `${left.join(', ')} did not arrive in calm weather`);
  const isParked = parked.size + parkedBodies(db, route) > 0;
  const isThere = how.isMended && undelivered(world.model, route).length === 0 && !isParked;
  if (how.byOperator && isThere && !saysAll) {
    throw new LawBroken('L13', 'everything is there, and sync now does not say so');
  }
}

function parkedOn(db: Db, { routeId }: KnownRoute): ReadonlySet<string> {
  const rows = db.all<{ event_id: string }>(
    `SELECT e.event_id FROM event_deliveries d JOIN events e ON e.seq = d.seq
     WHERE d.route_id = :routeId AND d.state = ${PARKED}`,
    { routeId },
  );
  return new Set(rows.map(({ event_id: id }) => id));
}

/** Whether the receiver itself does not take this event, now and always. */
function isRefused(
  world: World,
  { receiver }: KnownRoute,
  what: { readonly id: KnownEvent['id']; readonly isMended: boolean },
): boolean {
  const event = world.events.get(what.id);
  const size = world.model.events.get(what.id)?.kept?.bytes.length ?? 0;
  const isTooLarge = size + 13 > receiver.character.maxBytes;
  return isTooLarge || (!what.isMended && event?.refusal != null);
}
