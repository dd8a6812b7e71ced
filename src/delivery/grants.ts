import type { Db, Millis } from '../base/index.ts';
import { moveCounts } from './counts.ts';
import { openFollow, type Generation } from './generations.ts';
import { listRoutes, openRoute, routeById, unblock, type Route } from './routes.ts';
import type { Stream } from './stream.ts';
import { claimTarget, originOf, type Target } from './targets.ts';

export interface GrantOptions {
  readonly targetId: number;
  readonly checkoutId: number;
  /** The command that granted it, for the history. */
  readonly by: string;
  /** Only what is captured from now on. */
  readonly fromNow: boolean;
  readonly now: Millis;
  readonly streams: readonly Stream[];
}

const GRANT = `
  INSERT INTO grants (route_id, granted_at, granted_by) VALUES (:routeId, :now, :by)
  ON CONFLICT (route_id) DO NOTHING`;

const COVER = `
  INSERT INTO grant_checkouts (route_id, checkout_id, granted_at) VALUES (:routeId, :checkoutId, :now)
  ON CONFLICT (route_id, checkout_id) DO NOTHING`;

const COVERS =
  'SELECT 1 AS covers FROM grant_checkouts WHERE route_id = :routeId AND checkout_id = :checkoutId';

const REVOKE = 'DELETE FROM grants WHERE route_id = :routeId';

const GENERATIONS_OF =
  'SELECT gen_id FROM generations WHERE route_id = :routeId AND stream = :stream';

const COVERED = `
  SELECT count(p.seq) AS events,
    coalesce(sum(p.seq IS NULL AND NOT EXISTS (
      SELECT 1 FROM generations g JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.seq = e.seq
      WHERE g.route_id = :routeId AND g.stream = 1 AND g.closed_at IS NULL AND d.state = 2)), 0) AS away,
    min(iif(p.seq IS NULL, NULL, e.captured_at)) AS oldest
  FROM events e LEFT JOIN event_payloads p ON p.seq = e.seq
  LEFT JOIN grant_checkouts c ON c.route_id = :routeId AND c.checkout_id = e.checkout_id
  WHERE e.eligible = 1 AND e.seq >= :from AND (e.checkout_id IS NULL OR c.checkout_id IS NOT NULL)`;

/**
 * Permits sending this project's facts to a target: everything retained, captured in this checkout (its git
 * worktrees included) or before checkouts were known. What a revoked grant had withheld is queued again.
 */
export function grant(db: Db, options: GrantOptions): Route {
  return db.tx(() => {
    const { targetId, checkoutId, by, now } = options;
    const routeId = openRoute(db, targetId, now);
    const isNew = db.run(GRANT, { routeId, now, by }).changes === 1;
    if (isNew) db.run(REMEMBER, { routeId, what: 'granted', detail: by, now });
    for (const stream of options.streams)
      openFollow(db, { routeId, stream, fromNow: isNew && options.fromNow, now });
    cover(db, { routeId, checkoutId, by, now });
    for (const stream of options.streams) requeue(db, routeId, stream, isNew && options.fromNow);
    unblock(db, routeId);
    const route = routeById(db, routeId);
    if (route === null) throw new Error('a granted route comes back');
    return route;
  });
}

/** Withdraws the permission: what was queued is withheld, nothing is deleted. Returns how many items that were. */
export function revoke(
  db: Db,
  options: {
    readonly routeId: number;
    readonly by: string;
    readonly now: Millis;
    readonly streams: readonly Stream[];
  },
): number {
  return db.tx(() => {
    const { routeId, by, now } = options;
    let withheld = 0;
    for (const stream of options.streams) {
      for (const genId of generationsOf(db, routeId, stream)) {
        const moved = db.run(
          `UPDATE ${stream.deliveries} SET state = 5, reason = 'revoked'
           WHERE live_route = :routeId AND gen_id = :genId`,
          { routeId, genId },
        ).changes;
        moveCounts(db, genId, { queued: -moved, withheld: moved });
        withheld += moved;
      }
    }
    if (db.run(REVOKE, { routeId }).changes === 1) {
      db.run(REMEMBER, { routeId, what: 'revoked', detail: by, now });
    }
    return withheld;
  });
}

/** Whether the grant of a route covers facts of this checkout. */
export function coversCheckout(db: Db, routeId: number, checkoutId: number): boolean {
  return db.get(COVERS, { routeId, checkoutId }) !== undefined;
}

/**
 * How many events a grant covers from position `from` on, and since when they were captured; `away` are those that
 * lack there and whose payload was dropped, so that they will be passed over.
 */
export function countCovered(
  db: Db,
  routeId: number,
  from: number,
): { readonly events: number; readonly away: number; readonly oldestAt: Millis | null } {
  const row = db.get<{ events: number; away: number; oldest: number | null }>(COVERED, {
    routeId,
    from,
  });
  return { events: row?.events ?? 0, away: row?.away ?? 0, oldestAt: row?.oldest ?? null };
}

function cover(
  db: Db,
  options: {
    readonly routeId: number;
    readonly checkoutId: number;
    readonly by: string;
    readonly now: Millis;
  },
): void {
  const { routeId, checkoutId, by, now } = options;
  if (db.run(COVER, { routeId, checkoutId, now }).changes === 0) return;
  db.run(REMEMBER, { routeId, what: 'covered', detail: `checkout ${checkoutId}, ${by}`, now });
}

/** Queues again what a revocation or an unknown checkout held back, as far as the grant now covers it. */
function requeue(db: Db, routeId: number, stream: Stream, fromNow: boolean): void {
  if (fromNow) return;
  const covered = `
    EXISTS (SELECT 1 FROM ${stream.items} i
      LEFT JOIN grant_checkouts c ON c.route_id = d.route_id AND c.checkout_id = i.checkout_id
      WHERE i.seq = d.seq AND (i.checkout_id IS NULL OR c.checkout_id IS NOT NULL)
        AND ${stream.present})`;
  // By the index of what was put aside, which SQLite recognises by its condition; +gen_id keeps it from walking
  // through the whole generation instead.
  const aside = `route_id = :routeId AND state IN (3, 5) AND state = 5 AND +gen_id = :genId`;
  for (const genId of openGenerationsOf(db, routeId, stream)) {
    const moved = db.run(
      `UPDATE ${stream.deliveries} AS d SET state = 1, reason = NULL, due_at = 0
       WHERE ${aside} AND reason IN ('revoked', 'unknown_checkout') AND ${covered}`,
      { genId, routeId },
    ).changes;
    db.run(
      `UPDATE ${stream.deliveries} AS d SET reason = 'unknown_checkout'
       WHERE ${aside} AND reason = 'revoked'`,
      { genId, routeId },
    );
    moveCounts(db, genId, { queued: moved, withheld: -moved });
  }
}

function generationsOf(db: Db, routeId: number, stream: Stream): readonly number[] {
  return db
    .all<Pick<GenerationIdRow, 'gen_id'>>(GENERATIONS_OF, { routeId, stream: stream.code })
    .map((row) => row.gen_id);
}

function openGenerationsOf(db: Db, routeId: number, stream: Stream): readonly number[] {
  return db
    .all<GenerationIdRow>(`${GENERATIONS_OF} AND closed_at IS NULL`, {
      routeId,
      stream: stream.code,
    })
    .map((row) => row.gen_id);
}

interface GenerationIdRow {
  readonly gen_id: Generation['id'];
}

const REMEMBER = `
  INSERT INTO grant_log (route_id, what, detail, logged_at) VALUES (:routeId, :what, :detail, :now)`;

/**
 * Gives the Teamspace targets of an origin that nobody owned to a login, once. Returns how many there are; with
 * `dryRun` nothing is changed.
 */
export function claimRoutes(
  db: Db,
  options: {
    readonly origin: string;
    readonly owner: { readonly team: string; readonly user: string };
    readonly now: Millis;
    readonly dryRun: boolean;
  },
): number {
  const { origin, owner, now, dryRun } = options;
  const routes = listRoutes(db);
  const unclaimed = routes.filter(
    ({ target }) =>
      target.kind === 'teamspace' &&
      target.team === '' &&
      target.user === '' &&
      originOf(target) === origin &&
      !routes.some((other) => isTwin(other.target, target, owner)),
  );
  if (dryRun || (owner.team === '' && owner.user === '')) return unclaimed.length;
  db.tx(() => {
    for (const { id, target } of unclaimed) {
      claimTarget(db, target, owner);
      db.run(REMEMBER, {
        routeId: id,
        what: 'claimed',
        detail: `${owner.team} ${owner.user}`.trim(),
        now,
      });
    }
  });
  return unclaimed.length;
}

/** The same place in the login's own name: there can be one alone, and it keeps its own permission. */
function isTwin(
  other: Target,
  target: Target,
  owner: { readonly team: string; readonly user: string },
): boolean {
  return (
    other.id !== target.id &&
    other.canonicalUrl === target.canonicalUrl &&
    other.team === owner.team &&
    other.user === owner.user
  );
}
