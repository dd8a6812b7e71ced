import type { Db } from '../../base/index.ts';
import { readFollow } from '../generations.ts';
import type { Stream } from '../stream.ts';
import { DELIVERY_STATES, type DeliveryState } from '../transition.ts';

/** What became of one item at one target, in its open pass. */
export interface ItemDelivery {
  /** `unopened` while its turn has not come, or it is none for that target. */
  readonly state: DeliveryState | 'unopened';
  /** Why it is parked or withheld, null otherwise. */
  readonly reason: string | null;
}

const UNOPENED: ItemDelivery = { state: 'unopened', reason: null };

/** The delivery of the item at position `seq` on a route. */
export function readDelivery(
  db: Db,
  stream: Stream,
  { routeId, seq }: { readonly routeId: number; readonly seq: number },
): ItemDelivery {
  const pass = readFollow(db, routeId, stream);
  if (pass === null) return UNOPENED;
  const row = db.get<{ state: number; reason: string | null }>(
    `SELECT state, reason FROM ${stream.deliveries} WHERE gen_id = :genId AND seq = :seq`,
    { genId: pass.id, seq },
  );
  const state = DELIVERY_STATES[(row?.state ?? 0) - 1];
  return row === undefined || state === undefined ? UNOPENED : { state, reason: row.reason };
}
