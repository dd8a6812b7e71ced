import type { Db } from '../base/index.ts';
import { moveCounts } from './counts.ts';

interface SkippedRow {
  readonly gen_id: number;
  readonly n: number;
}

const OPEN_PASSES = `
  SELECT g.gen_id, g.route_id FROM generations g
  WHERE g.stream = 1 AND g.kind = 1 AND g.closed_at IS NULL`;
/** Behind the cursor, present, and without a delivery: the payload was away when the pass came by. */
const QUEUE = `
  INSERT INTO event_deliveries (gen_id, seq, route_id, state, reason)
  SELECT g.gen_id, e.seq, g.route_id,
    iif(gr.route_id IS NULL OR (e.checkout_id IS NOT NULL AND c.checkout_id IS NULL), 5, 1),
    CASE WHEN gr.route_id IS NULL THEN 'revoked'
      WHEN e.checkout_id IS NOT NULL AND c.checkout_id IS NULL THEN 'unknown_checkout' END
  FROM generations g
  JOIN json_each(:seqs) wanted ON wanted.value >= g.from_seq AND wanted.value < g.next_seq
  JOIN events e ON e.seq = wanted.value AND e.eligible = 1
  LEFT JOIN grants gr ON gr.route_id = g.route_id
  LEFT JOIN grant_checkouts c ON c.route_id = g.route_id AND c.checkout_id = e.checkout_id
  WHERE g.gen_id = :genId
    AND NOT EXISTS (SELECT 1 FROM event_deliveries d WHERE d.gen_id = g.gen_id AND d.seq = e.seq)
  RETURNING state`;
const UNSKIP = `
  UPDATE generations SET skipped_dropped = skipped_dropped - :n WHERE gen_id = :genId`;

/**
 * Gives the events at these positions, whose payloads just came back, to every target that was opened past them
 * meanwhile. Part of the caller's transaction.
 * @returns how many deliveries are queued now; those that no permission covers are withheld.
 */
export function queueSkipped(db: Db, seqs: readonly number[]): number {
  if (seqs.length === 0) return 0;
  let queued = 0;
  for (const { gen_id: genId } of db.all<SkippedRow>(OPEN_PASSES)) {
    const made = db.all<{ state: number }>(QUEUE, { genId, seqs: JSON.stringify(seqs) });
    if (made.length === 0) continue;
    const live = made.filter(({ state }) => state === 1).length;
    moveCounts(db, genId, { queued: live, withheld: made.length - live });
    db.run(UNSKIP, { genId, n: made.length });
    queued += live;
  }
  return queued;
}
