import { grantEndpoint } from '../../src/cli/consent.ts';
import type { Context } from '../../src/cli/io.ts';
import {
  acceptInstance,
  dropParked,
  listParked,
  listRoutes,
  retryParked,
  revoke,
  type Route,
} from '../../src/delivery/index.ts';
import { openJournal } from '../../src/journal/index.ts';
import { parseEndpoint } from '../../src/receivers/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { STREAMS } from '../support/ledger-trial.ts';
import { checkoutOf, CHECKOUTS, perform, wordOf } from './calls.ts';
import { contradict } from './facts.ts';
import type { KnownRoute } from './model.ts';
import { spawn, tell, type Process, type World } from './world.ts';

/** An operator names a receiver in a checkout. */
export function giveGrant(
  world: World,
  options: {
    readonly route: KnownRoute;
    readonly isFirst?: boolean;
    readonly checkout?: number;
    /** Left to the dice when nothing is said, except for the first. */
    readonly isFromNow?: boolean;
  },
): void {
  const { dice } = world;
  const { route } = options;
  const checkout = options.checkout ?? dice.weigh(CHECKOUTS);
  const isFromNow = options.isFromNow ?? (options.isFirst !== true && dice.chance(0.15));
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
    revoke(db, { routeId, by: 'sim', now: process.system.clock.now(), streams: STREAMS });
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
    const parked = STREAMS.flatMap((stream) => listParked(db, stream)).filter(
      ({ routeId }) => isDrop || granted.get(routeId)?.isGranted === true,
    );
    const items = dice.some(parked, how === 'by chance' ? 0.6 : 1);
    if (isDrop) dropParked(db, STREAMS, items);
    else {
      for (const stream of STREAMS)
        retryParked(
          db,
          stream,
          items.filter((item) => item.stream === stream.name),
        );
    }
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
