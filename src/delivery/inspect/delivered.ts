import type { Db } from '../../base/index.ts';
import { readFollow } from '../generations.ts';
import type { Stream } from '../stream.ts';

/** One item that a target has confirmed. */
export interface DeliveredItem {
  readonly seq: number;
  /** What reports and commands call it. */
  readonly id: string;
}

/** The items that a route's target has confirmed in its open pass, in their order, from behind position `after` on. */
export function listDelivered(
  db: Db,
  stream: Stream,
  page: { readonly routeId: number; readonly after: number; readonly limit: number },
): readonly DeliveredItem[] {
  const pass = readFollow(db, page.routeId, stream);
  if (pass === null) return [];
  return db.all<DeliveredItem>(
    `SELECT d.seq, ${stream.columns.id} AS id
     FROM ${stream.deliveries} d CROSS JOIN ${stream.items} i ON i.seq = d.seq
     WHERE d.gen_id = :genId AND d.seq > :after AND d.state = 2 ORDER BY d.seq LIMIT :limit`,
    { genId: pass.id, after: page.after, limit: page.limit },
  );
}
