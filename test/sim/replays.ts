import { eventsStream, openReplay, planReplay, redeliver } from '../../src/delivery/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { STREAMS } from '../support/ledger-trial.ts';
import { perform, wordOf } from './calls.ts';
import { LawBroken, type KnownRoute } from './model.ts';
import { spawn, tell, type World } from './world.ts';

/** The operator sends a receiver once more what it has, or a part of it; the next drain does the sending. */
export function replaySome(world: World, route: KnownRoute): void {
  const { routeId } = route;
  if (routeId === null) return;
  const { dice, model } = world;
  const process = spawn(world, 'replay');
  const since = dice.chance(0.3) ? world.timeline.wall() - dice.between(1, 100_000) : null;
  const filter = { mission: dice.chance(0.2) ? '001-demo' : null, type: null, since, until: null };
  const ending = perform(world, process, () => {
    const db = process.home.store(PROJECT_ID);
    const stream = eventsStream;
    const { items } = planReplay(db, routeId, stream, filter);
    openReplay(db, { routeId, stream, filter, now: process.system.clock.now() });
    return items;
  });
  const told = ending.kind === 'done' ? `${ending.value} event(s)` : wordOf(ending);
  tell(world, `${process.life.role}: ${route.receiver.character.name}, ${told}`);
  if (ending.kind === 'done' && ending.value > model.events.size)
    throw new LawBroken('L4', 'a replay would send more events than were ever recorded');
}

/** The operator forgets what a receiver has, and begins again. */
export function beginAgain(world: World, route: KnownRoute): void {
  const { routeId } = route;
  if (routeId === null) return;
  const process = spawn(world, 'redeliver');
  const ending = perform(world, process, () => {
    const now = process.system.clock.now();
    redeliver(process.home.store(PROJECT_ID), { routeId, streams: STREAMS, now });
  });
  tell(world, `${process.life.role}: ${route.receiver.character.name}: ${wordOf(ending)}`);
}
