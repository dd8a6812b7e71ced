import type { Db, Millis } from '../../base/index.ts';
import { toParkedItem, type ParkedFilter, type ParkedItem, type ParkedRow } from '../parked.ts';
import type { Stream } from '../stream.ts';

/**
 * Queued items that a receiver answered before and that still wait, in capture order per route: tried for ever, by
 * rule, because no answer of theirs is one of the allow-list. The code of each is what was said of it last.
 * @param filter.keptBefore only what was kept before this time.
 */
export function listStuck(
  db: Db,
  stream: Stream,
  filter: ParkedFilter & { readonly keptBefore: Millis | null },
): readonly ParkedItem[] {
  const { columns, deliveries, items } = stream;
  const rows = db.all<ParkedRow>(
    `SELECT d.gen_id, d.route_id, d.seq, ${columns.id} AS id,
       ${columns.type} AS type, ${columns.mission} AS mission, t.canonical_url, t.public_id,
       coalesce(a.category, 'unknown') AS reason, d.attempts, a.detail, a.http_status, NULL AS attempted_at
     FROM generations g
     JOIN routes r ON r.route_id = g.route_id
     JOIN targets t ON t.target_id = r.target_id
     CROSS JOIN ${deliveries} d INDEXED BY ${deliveries}_tried
       ON d.gen_id = g.gen_id AND d.state = 1 AND d.attempts > 0
     JOIN ${items} i ON i.seq = d.seq
     LEFT JOIN attempts a ON a.attempt_id = (
       SELECT max(attempt_id) FROM attempts WHERE gen_id = d.gen_id AND seq = d.seq)
     WHERE g.stream = :stream AND g.closed_at IS NULL
       AND (:routeId IS NULL OR r.route_id = :routeId) AND (:code IS NULL OR a.category = :code)
       AND (:mission IS NULL OR ${columns.mission} = :mission)
       AND (:keptBefore IS NULL OR ${columns.capturedAt} < :keptBefore)
     ORDER BY r.route_id, d.seq`,
    {
      stream: stream.code,
      routeId: filter.routeId ?? null,
      code: filter.code ?? null,
      mission: filter.mission ?? null,
      keptBefore: filter.keptBefore,
    },
  );
  const wanted = filter.ids === undefined ? null : new Set(filter.ids);
  return rows
    .filter((row) => wanted === null || wanted.has(row.id))
    .map((row) => toParkedItem(stream, row));
}
