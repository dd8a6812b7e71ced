import type { Db } from '../../src/base/index.ts';
import { checkBodies } from './bodies.ts';
import { MAY_PARK } from './facts.ts';
import { checkGone } from './garbage.ts';
import {
  isAnywhere,
  LawBroken,
  mayLeave,
  type KnownEvent,
  type KnownRoute,
  type Place,
} from './model.ts';
import { checkAudit, checkKept, mayBeDropped } from './modes.ts';
import type { World } from './world.ts';

interface JournalRow {
  readonly seq: number;
  readonly event_id: string;
  readonly path: string | null;
  readonly eligible: number;
  /** Null when gc dropped it. */
  readonly payload: Buffer | null;
}

interface DeliveryRow {
  readonly gen_id: number;
  readonly route_id: number;
  readonly seq: number;
  readonly event_id: string;
  readonly state: number;
  readonly reason: string | null;
}

const JOURNAL = `
  SELECT e.seq, e.event_id, e.eligible, c.path, p.payload FROM events e
  LEFT JOIN event_payloads p ON p.seq = e.seq LEFT JOIN checkouts c ON c.checkout_id = e.checkout_id
  ORDER BY e.seq`;
const DELIVERIES = `
  SELECT d.gen_id, d.route_id, d.seq, e.event_id, d.state, d.reason
  FROM event_deliveries d JOIN events e ON e.seq = d.seq`;
const QUEUED = 1;
const DELIVERED = 2;
const PARKED = 3;
const SUPERSEDED = 4;

/** Everything that must hold at any moment, whatever just happened. */
export function checkLaws(world: World): void {
  const db = world.disk.view();
  if (db === null) return;
  checkJournal(world, db);
  checkAudit(world, db);
  checkAcknowledged(world, db);
  checkDeliveries(world, db.all<DeliveryRow>(DELIVERIES));
  checkBodies(world, db);
  checkGrants(world, db);
}

/** L2, L3 and the order of capture; learns what the journal holds. */
export function checkJournal(world: World, db: Db): void {
  const { model, checkouts } = world;
  const rows = db.all<JournalRow>(JOURNAL);
  const ids = new Set<string>();
  const order = new CaptureOrder();
  for (const { seq, event_id: id, path, eligible, payload } of rows) {
    if (ids.has(id)) throw new LawBroken('L2', `${id} is in the journal twice`);
    ids.add(id);
    const known = model.events.get(id);
    if (known === undefined) throw new LawBroken('L2', `nobody ever recorded ${id}`);
    if (payload === null) checkGone(model, db, known);
    else if (known.kept === null) {
      const checkout = checkouts.findIndex(({ project }) => project.checkoutPath === path);
      learn(world, db, known, { seq, bytes: payload, checkout, isEligible: eligible === 1 });
    } else if (known.kept.seq !== seq || !known.kept.bytes.equals(payload)) {
      throw new LawBroken('L3', `${id} changed in the journal`);
    }
    if (known.place !== null) order.add(id, known.place);
  }
  const gone = [...model.events.values()].find(({ id, kept }) => kept !== null && !ids.has(id));
  if (gone !== undefined) throw new LawBroken('L1', `${gone.id} left the journal`);
}

/** Places in the journal, checked against the order of the acknowledgements. */
class CaptureOrder {
  /** What was stored at once stands behind everything that was acknowledged before it. */
  #floor = 0;
  readonly #lastOf = new Map<number, number>();

  add(id: string, { rank, pid, isBeside: wasBeside }: Place): void {
    const last = Math.max(this.#floor, this.#lastOf.get(pid) ?? 0);
    if (rank < last) throw new LawBroken('L8', `${id} stands behind a later capture`);
    this.#lastOf.set(pid, rank);
    if (!wasBeside) this.#floor = rank;
  }
}

interface NewRow {
  readonly seq: number;
  readonly bytes: Buffer;
  readonly checkout: number;
  readonly isEligible: boolean;
}

function learn(world: World, db: Db, known: KnownEvent, row: NewRow): void {
  const { seq, bytes, checkout, isEligible } = row;
  const claim = known.claims.find(
    (each) =>
      each.checkout === checkout &&
      (each.bytes === null ? bytes.includes(each.contains) : each.bytes.equals(bytes)),
  );
  if (claim === undefined)
    throw new LawBroken('L3', `${known.id} was not recorded with these bytes`);
  const judged = checkKept(db, { id: known.id, isEligible, claim });
  known.kept = { seq, bytes: Buffer.from(bytes), claim: judged, since: world.step };
}

/** L1: whatever was acknowledged is in the journal, beside it, or kept as a contradiction. */
function checkAcknowledged(world: World, db: Db): void {
  const { model, disk } = world;
  let beside: string | null = null;
  for (const known of model.events.values()) {
    const { id, acknowledged, kept } = known;
    for (const bytes of acknowledged) {
      if (kept !== null && (bytes === null || kept.bytes.equals(bytes))) continue;
      beside ??= spilledText(disk);
      if (mayBeDropped(world, db, known, bytes)) {
        // Taken in again, from a file that was left behind or a new call, it stands at its new place.
        if (kept === null) known.place = null;
        continue;
      }
      if (isBeside(beside, id, bytes)) continue;
      if (bytes !== null && isConflict(db, id, bytes)) continue;
      throw new LawBroken('L1', `${id} was acknowledged and is nowhere`);
    }
  }
}

function isConflict(db: Db, id: string, bytes: Buffer): boolean {
  const rows = db.all<{ incoming: Buffer }>('SELECT incoming FROM conflicts WHERE event_id = :id', {
    id,
  });
  return rows.some(({ incoming }) => incoming.equals(bytes));
}

/** Every spill file as it lies there, torn ones included, for they are put aside and not deleted. */
function spilledText({ files, root }: World['disk']): string {
  const projects = `${root}/.spec-kitty/projects`;
  const folders = files.list(projects).filter((name) => name.endsWith('.spill'));
  return folders
    .flatMap((folder) =>
      files.list(`${projects}/${folder}`).map((name) => `${projects}/${folder}/${name}`),
    )
    .filter((file) => file.endsWith('.ndjson'))
    .map((file) => files.readText(file) ?? '')
    .join('\n');
}

function isBeside(text: string, id: string, bytes: Buffer | null): boolean {
  if (bytes === null) return text.includes(id);
  return text.includes(JSON.stringify(bytes.toString('utf8')));
}

/** Whether a spill file holds anything now. */
export function isSpilled(world: World): boolean {
  return spilledText(world.disk) !== '';
}

/** L2: facts that were captured together are there together or not at all. */
export function checkTogether(world: World, ids: readonly string[]): void {
  const db = world.disk.view();
  // Those that may be dropped without a record leave nothing to be found.
  const found = ids.filter((id) => {
    const claims = world.model.events.get(id)?.claims ?? [];
    return !world.wasOptedOut || claims.every((each) => each.isEligible);
  });
  if (db === null || found.length === 0) return;
  const { n } = db.get<{ n: number }>(
    `SELECT count(*) AS n FROM json_each(:ids) WHERE value IN (SELECT event_id FROM events)
       OR value IN (SELECT event_id FROM audit)`,
    { ids: JSON.stringify(found) },
  ) ?? { n: 0 };
  if (n !== 0 && n !== found.length)
    throw new LawBroken('L2', `${n} of ${found.length} facts of one call are kept`);
}

/** L6, L7 and L9 from the sender's side, and what may be superseded. */
function checkDeliveries(world: World, rows: readonly DeliveryRow[]): void {
  const { model } = world;
  const routes = new Map(model.routes.map((route) => [route.routeId, route]));
  for (const row of rows) {
    const route = routes.get(row.route_id);
    if (route === undefined) throw new LawBroken('L9', `route ${row.route_id} was made by nobody`);
    if (row.state === QUEUED) checkQueued(route, row, model.events.get(row.event_id));
    if (row.state === DELIVERED) checkDelivered(route, row, model.events.get(row.event_id));
    if (row.state === PARKED) checkParked(route, row);
    if (row.state === SUPERSEDED) checkSuperseded(world, route, row);
  }
}

function checkQueued(
  route: KnownRoute,
  { event_id: id }: DeliveryRow,
  known: KnownEvent | undefined,
): void {
  if (known !== undefined && mayLeave(route, known)) return;
  throw new LawBroken('L9', `${id} is queued without a permission`);
}

function checkDelivered(
  route: KnownRoute,
  { event_id: id }: DeliveryRow,
  known: KnownEvent | undefined,
): void {
  if (!route.mayDeliver.has(id)) {
    throw new LawBroken('L7', `${id} counts as delivered and no answer ever said so`);
  }
  if (known === undefined || !isAnywhere(route, known)) {
    throw new LawBroken('L7', `${id} counts as delivered and is not stored`);
  }
}

function checkParked(route: KnownRoute, { event_id: id, reason }: DeliveryRow): void {
  if (reason === null || !MAY_PARK.has(reason))
    throw new LawBroken('L6', `${id} is parked for ${reason}`);
  if (route.mayPark.get(id)?.has(reason) === true) return;
  throw new LawBroken('L6', `${id} is parked for ${reason}, which no receiver ever said of it`);
}

function checkSuperseded({ model }: World, route: KnownRoute, row: DeliveryRow): void {
  const { event_id: id, seq, gen_id: genId } = row;
  // Only the moment of superseding counts: another target may well be sent it later.
  if (route.superseded.has(id)) return;
  route.superseded.add(id);
  if (model.routes.some(({ attempted }) => attempted.has(id))) {
    throw new LawBroken('L8', `${id} was superseded in pass ${genId} after a byte of it had left`);
  }
  const key = model.events.get(id)?.kept?.claim.key ?? null;
  const later = [...model.events.values()].some(
    ({ kept }) => kept !== null && kept.seq > seq && kept.claim.key === key,
  );
  if (key === null || !later) throw new LawBroken('L5', `${id} was superseded by nothing`);
}

/** L9: a permission stands exactly where an operator gave it. */
function checkGrants({ model, checkouts }: World, db: Db): void {
  const rows = db.all<{ route_id: number; path: string | null }>(
    `SELECT g.route_id, c.path FROM grants g LEFT JOIN grant_checkouts gc ON gc.route_id = g.route_id
     LEFT JOIN checkouts c ON c.checkout_id = gc.checkout_id`,
  );
  const found = rows.map(({ route_id: routeId, path }) => `${routeId} ${path ?? ''}`).sort();
  const expected = model.routes
    .flatMap(({ routeId, covered }) =>
      [...covered.keys()].map((at) => `${routeId} ${checkouts[at]?.project.checkoutPath ?? ''}`),
    )
    .sort();
  if (found.join() !== expected.join()) {
    throw new LawBroken(
      'L9',
      `permissions are [${found.join(', ')}], given were [${expected.join(', ')}]`,
    );
  }
}
