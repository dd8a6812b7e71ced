import type { Db, Millis } from '../base/index.ts';
import type { Blocked } from '../receivers/index.ts';
import { AGAIN } from './drain/remedies.ts';
import { toTarget, type Target, type TargetRow } from './targets.ts';

/** This project paired with a target, for ever. `grantedAt` is null while it has no permission to send. */
export interface Route {
  readonly id: number;
  readonly target: Target;
  readonly grantedAt: Millis | null;
  /** Why nothing left last time, null when nothing stood in the way. */
  readonly blocked: {
    readonly reason: string;
    readonly detail: string;
    readonly at: Millis;
    /** The command that ends it, where it is another one than delivering again. */
    readonly remedy: string | null;
  } | null;
}

/** The mode and route that a command means when nobody names one. */
export interface Active {
  readonly mode: string;
  readonly routeId: number | null;
}

interface RouteRow extends TargetRow {
  readonly route_id: number;
  readonly granted_at: number | null;
  readonly blocked_reason: string | null;
  readonly blocked_detail: string | null;
  readonly blocked_at: number | null;
  readonly blocked_remedy: string | null;
}

const ROUTES = `
  SELECT r.route_id, r.blocked_reason, r.blocked_detail, r.blocked_at, r.blocked_remedy, g.granted_at, t.*
  FROM routes r JOIN targets t ON t.target_id = r.target_id
  LEFT JOIN grants g ON g.route_id = r.route_id
  ORDER BY r.route_id`;
const CREATE_ROUTE = `
  INSERT INTO routes (target_id, created_at) VALUES (:targetId, :now) ON CONFLICT (target_id) DO NOTHING`;
const ROUTE_OF = 'SELECT route_id FROM routes WHERE target_id = :targetId';
const BLOCK = `
  UPDATE routes SET blocked_reason = :reason, blocked_detail = :detail, blocked_at = :now,
    blocked_remedy = :remedy
  WHERE route_id = :routeId`;
const ACTIVE = 'SELECT mode, route_id FROM active';
const ACTIVATE = `
  INSERT INTO active (one, mode, route_id, set_at) VALUES (1, :mode, :routeId, :now)
  ON CONFLICT (one) DO UPDATE SET mode = :mode, route_id = :routeId, set_at = :now`;
/** Every route of the project, oldest first. */
export function listRoutes(db: Db): readonly Route[] {
  return db.all<RouteRow>(ROUTES).map(toRoute);
}

/** The route to a target, or null when this project never named it. */
export function routeTo(db: Db, targetId: number): Route | null {
  return listRoutes(db).find((route) => route.target.id === targetId) ?? null;
}

/** The route with this number, or null. */
export function routeById(db: Db, routeId: number): Route | null {
  return listRoutes(db).find((route) => route.id === routeId) ?? null;
}

/** The project's active mode and route; null when nobody ever named one. */
export function readActive(db: Db): Active | null {
  const row = db.get<{ mode: string; route_id: number | null }>(ACTIVE);
  return row === undefined ? null : { mode: row.mode, routeId: row.route_id };
}

/** Makes a mode, and a route where the mode delivers, the project's active one. Grants nothing. */
export function activate(db: Db, active: Active, now: Millis): void {
  db.run(ACTIVATE, { ...active, now });
}

/** The number of the route to a target, which is made where there is none yet. */
export function openRoute(db: Db, targetId: number, now: Millis): number {
  db.run(CREATE_ROUTE, { targetId, now });
  return db.get<{ route_id: number }>(ROUTE_OF, { targetId })?.route_id ?? 0;
}

/** Writes on the route why nothing leaves. */
export function block(db: Db, routeId: number, blocked: Blocked, now: Millis): void {
  const { reason, detail, remedy } = blocked;
  // How to try again, and when, depends on the time it is asked.
  const kept = remedy?.endsWith(AGAIN) === true ? null : remedy;
  db.run(BLOCK, { routeId, reason, detail, now, remedy: kept });
}

/** Takes the reason off the route. */
export function unblock(db: Db, routeId: number): void {
  db.run(BLOCK, { routeId, reason: null, detail: null, now: null, remedy: null });
}

function toRoute(row: RouteRow): Route {
  return {
    id: row.route_id,
    target: toTarget(row),
    grantedAt: row.granted_at,
    blocked:
      row.blocked_reason === null
        ? null
        : {
            reason: row.blocked_reason,
            detail: row.blocked_detail ?? '',
            at: row.blocked_at ?? 0,
            remedy: row.blocked_remedy,
          },
  };
}
