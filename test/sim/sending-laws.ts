import { checkPush } from './bodies.ts';
import type { Drain, Drains } from './drains.ts';
import { isStoodFor, LawBroken, mayLeave, sendableSince, type KnownRoute } from './model.ts';
import type { Element, Exchange } from './network.ts';
import type { World } from './world.ts';

/** The pass that the last batch of a route belongs to; it is written before a byte leaves. */
const LAST_PASS = `
  SELECT b.gen_id AS id FROM batches b JOIN generations g ON g.gen_id = b.gen_id
  WHERE g.route_id = :routeId ORDER BY b.batch_id DESC LIMIT 1`;

/** What is looked at whenever a request leaves: L9 for its place and content, L3, L7, L8, and Retry-After. */
export function checkSending(world: World, drains: Drains, exchange: Exchange): void {
  const route = routeAt(world, exchange.request.url);
  if (route === null) throw new LawBroken('L9', `a request went to ${exchange.request.url}`);
  const drained = drains.get(exchange.life);
  if (drained === undefined) throw new LawBroken('L9', `${exchange.life.role} sent a request`);
  if (drained.route !== route) throw new LawBroken('L9', 'a request went to another receiver');
  checkLeftAlone(world, drained);
  const isRest = isRestOfBatch(drained, exchange);
  if (exchange.push !== null) checkPush(world, drained, exchange.push);
  drained.requests.push(exchange);
  for (const { id, bytes } of exchange.elements) {
    const known = world.model.events.get(id);
    if (known === undefined || known.kept === null)
      throw new LawBroken('L7', `${id} was sent and never captured`);
    if (!known.kept.bytes.equals(bytes))
      throw new LawBroken('L3', `${id} left with other bytes than captured`);
    if (world.model.routes.some(({ superseded }) => superseded.has(id)))
      throw new LawBroken('L4', `${id} left after a newer one stood for it`);
    if (!mayLeave(route, known) && !isRest)
      throw new LawBroken('L9', `${id} left without a permission`);
  }
  checkOrder(world, drained, exchange);
  for (const { id } of exchange.elements) route.attempted.add(id);
}

/** A part of a batch that was on its way already, sent again because the receiver wanted it smaller. */
function isRestOfBatch({ requests }: Drain, { elements }: Exchange): boolean {
  const ids = elements.map(({ id }) => id);
  return requests.some(
    (each) => each.isOver && ids.every((id) => each.elements.some((element) => element.id === id)),
  );
}

function checkLeftAlone(world: World, { process, route }: Drain): void {
  const { leftAlone } = route;
  if (leftAlone === null || world.timeline.wall() >= leftAlone.until) return;
  // Whoever was under way before may not know of it.
  if (process.life.bornAt <= leftAlone.since) return;
  throw new LawBroken('retry-after', `${process.life.role} did not leave the receiver alone`);
}

/** L8: where batches are sent one by one, nothing is attempted before what was captured earlier. */
function checkOrder(world: World, { process, route }: Drain, { elements }: Exchange): void {
  if (route.receiver.character.maxConcurrent > 1) return;
  const { events, gone } = world.model;
  const seqOf = (id: string): number => events.get(id)?.kept?.seq ?? 0;
  const seqs = elements.map(({ id }) => seqOf(id));
  const isSorted = seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] ?? 0));
  if (!isSorted) throw new LawBroken('L8', `a batch is in the order ${seqs.join(', ')}`);
  const first = elements.find(({ id }) => !route.attempted.has(id));
  if (first === undefined) return;
  const overtaken = [...events.values()].find((known) => {
    if (known.kept === null || known.kept.seq >= seqOf(first.id)) return false;
    // What gc dropped is passed over by every pass that begins later.
    if (world.model.gone.has(known.id)) return false;
    const since = sendableSince(route, known);
    // What became sendable while this drain ran is the next one's.
    if (since === null || since >= process.life.bornAt || isStoodFor(world.model, known))
      return false;
    return ![route.attempted, route.dropped, gone].some((ids) => ids.has(known.id));
  });
  if (overtaken === undefined) return;
  throw new LawBroken('L8', `${first.id} left before ${overtaken.id}, which was captured earlier`);
}

/**
 * L8 at the other end: the events of one pass of a drain are stored in the order of their capture, however they were
 * cut. A replay begins anew with what an instance had that is gone, or with what was refused before.
 */
export function checkArrival(world: World, drained: Drain, stored: readonly Element[]): void {
  const { routeId, receiver } = drained.route;
  if (receiver.character.maxConcurrent > 1) return;
  const pass = world.disk.view()?.get<{ id: number }>(LAST_PASS, { routeId })?.id ?? null;
  if (pass !== drained.pass) drained.lastStored = 0;
  drained.pass = pass;
  for (const { id } of stored) {
    const seq = world.model.events.get(id)?.kept?.seq ?? 0;
    if (seq < drained.lastStored)
      throw new LawBroken('L8', `${id} was stored behind a later event`);
    drained.lastStored = seq;
  }
}

/** The route whose receiver lives at this address; null for an address that nobody named. */
export function routeAt(world: World, url: string): KnownRoute | null {
  const { origin } = new URL(url);
  return (
    world.model.routes.find(
      ({ receiver }) => new URL(receiver.character.endpoint).origin === origin,
    ) ?? null
  );
}
