import type { Db } from '../../src/base/index.ts';
import { bodiesStream, storeUpload } from '../../src/bodies/index.ts';
import { NAMESPACE } from '../support/ledger-trial.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { perform, wordOf } from './calls.ts';
import { LawBroken, mayLeave, type KnownRoute } from './model.ts';
import { sha256, type Exchange, type Push } from './network.ts';
import { spawn, tell, type World } from './world.ts';

const QUEUED = 1;
const DELIVERED = 2;
const PARKED = 3;

/** Somebody keeps a text for upload, behind an event that the journal has. */
export function keepBody(world: World): void {
  const { dice, model } = world;
  const announcing = [...model.events.values()].filter(
    ({ id, kept }) =>
      kept !== null &&
      kept.claim.isEligible &&
      !model.gone.has(id) &&
      !model.routes.some(({ superseded }) => superseded.has(id)),
  );
  if (announcing.length === 0) return;
  world.serial += 1;
  const event = dice.pick(announcing);
  const [path, text] = [`research/${world.serial}.md`, `text ${world.serial} é`];
  const process = spawn(world, 'prepare');
  const ending = perform(world, process, () => {
    const db = process.home.store(PROJECT_ID);
    const content = Buffer.from(text);
    const row = db.get<{ seq: number; checkout_id: number | null }>(
      'SELECT seq, checkout_id FROM events WHERE event_id = :id',
      { id: event.id },
    );
    const upload = {
      ...{ namespace: NAMESPACE, path, content, sha256: sha256(content), eligible: true },
      ...{ checkoutId: row?.checkout_id ?? null, indexSeq: row?.seq ?? null },
      origin: 'prepare',
    } as const;
    const limits = { now: process.system.clock.now(), capacity: 10_000 };
    return db.tx(() => storeUpload(db, upload, limits));
  });
  tell(world, `${process.life.role} ${path} behind ${event.id}: ${wordOf(ending)}`);
  if (ending.kind !== 'done') return;
  const isRefused = dice.chance(0.15);
  world.bodies.set(path, { path, text, announcedBy: event.id, isRefused });
}

/** What is looked at whenever a body leaves: its bytes, its permission, and that its event went before it. */
export function checkPush(
  world: World,
  drained: { readonly route: KnownRoute; readonly requests: readonly Exchange[] },
  push: Push,
): void {
  const { route, requests } = drained;
  const body = world.bodies.get(push.path);
  const event = body === undefined ? undefined : world.model.events.get(body.announcedBy);
  if (body === undefined || event === undefined)
    throw new LawBroken('L7', `${push.path} was pushed and never kept`);
  if (push.text !== body.text || push.hash !== sha256(Buffer.from(body.text)))
    throw new LawBroken('L3', `${push.path} left with another text than was kept`);
  // The rest of a group that was begun under a permission may follow its first.
  const isRest = requests.some((each) => each.push !== null);
  if (!mayLeave(route, event) && !isRest)
    throw new LawBroken('L9', `${push.path} left without a permission`);
  if (!route.mayDeliver.has(event.id))
    throw new LawBroken('L8', `${push.path} left before ${event.id}, which announces it`);
}

interface BodyRow {
  readonly route_id: number;
  readonly path: string;
  readonly sha256: string;
  readonly state: number;
}

/** L6, L7 and L9 of bodies from the sender's side. */
export function checkBodies(world: World, db: Db): void {
  const rows = db.all<BodyRow>(
    `SELECT d.route_id, u.artifact_path AS path, u.sha256, d.state FROM body_deliveries d
     JOIN uploads u ON u.seq = d.seq`,
  );
  for (const { route_id: routeId, path, sha256: hash, state } of rows) {
    const route = world.model.routes.find((each) => each.routeId === routeId);
    const body = world.bodies.get(path);
    const event = world.model.events.get(body?.announcedBy ?? '');
    if (route === undefined || event === undefined)
      throw new LawBroken('L9', `${path} is meant for nobody's route`);
    if (state === QUEUED && !mayLeave(route, event))
      throw new LawBroken('L9', `${path} is queued without a permission`);
    if (state === PARKED && !route.refusedBodies.has(path))
      throw new LawBroken('L6', `${path} is parked, and no receiver ever refused it`);
    if (state !== DELIVERED) continue;
    if (!route.bodies.has(path))
      throw new LawBroken('L7', `${path} counts as delivered and no answer ever said so`);
    if (route.receiver.bodies.get(path) !== hash)
      throw new LawBroken('L7', `${path} counts as delivered and is not stored`);
  }
}

/** Bodies that are meant for a route, whose event is there, and that are neither there nor parked. */
export function undeliveredBodies(world: World, route: KnownRoute): readonly string[] {
  const db = world.disk.view();
  if (db === null || !route.offersBodies) return [];
  const there = db.all<{ path: string }>(
    `SELECT u.artifact_path AS path FROM uploads u
     JOIN events e ON e.seq = u.index_seq
     JOIN generations g ON g.route_id = :routeId AND g.stream = 1 AND g.kind = 1 AND g.closed_at IS NULL
     JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.seq = e.seq AND d.state = 2`,
    { routeId: route.routeId },
  );
  const parked = new Set(
    db
      .all<{ path: string }>(
        `SELECT u.artifact_path AS path FROM body_deliveries d JOIN uploads u ON u.seq = d.seq
         WHERE d.route_id = :routeId AND d.state IN (3, 5)`,
        { routeId: route.routeId },
      )
      .map(({ path }) => path),
  );
  return there
    .map(({ path }) => path)
    .filter((path) => !parked.has(path) && !route.receiver.bodies.has(path));
}

/** Bodies that are parked on a route. */
export function parkedBodies(db: Db, { routeId }: KnownRoute): number {
  const sql = `SELECT count(*) AS n FROM ${bodiesStream.deliveries} WHERE route_id = :routeId AND state = 3`;
  return db.get<{ n: number }>(sql, { routeId })?.n ?? 0;
}
