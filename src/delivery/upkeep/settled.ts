import type { Db } from '../../base/index.ts';
import { moveCounts } from '../counts.ts';

/**
 * When nobody needs a payload any more. `delivered`: every registered target has the event. `settled`: no registered
 * target waits for it; it was delivered, superseded or given up there, lies before the start, or may never leave.
 */
export type NeedRule = 'delivered' | 'settled';

/** A payload that nobody needs, and its size. */
export interface Unneeded {
  readonly seq: number;
  readonly bytes: number;
}

const REGISTERED = 'SELECT count(*) AS n FROM targets WHERE retired_at IS NULL';
/** Whatever a target is: what is queued for it will be sent, and what is not opened yet will be queued. */
const HAS_TO_BE_SENT = `
  EXISTS (SELECT 1 FROM generations q JOIN event_deliveries w ON w.gen_id = q.gen_id AND w.seq = p.seq
    WHERE q.stream = 1 AND w.state = 1)
  OR EXISTS (SELECT 1 FROM generations q JOIN replays y ON y.gen_id = q.gen_id
    WHERE q.stream = 1 AND q.closed_at IS NULL AND p.seq BETWEEN q.next_seq AND y.to_seq)`;
const LACKED = `
  EXISTS (SELECT 1 FROM targets t LEFT JOIN routes r ON r.target_id = t.target_id
    LEFT JOIN generations g ON g.route_id = r.route_id AND g.stream = 1 AND g.kind = 1 AND g.closed_at IS NULL
    LEFT JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.seq = p.seq
    WHERE t.retired_at IS NULL AND d.state IS NOT 2)`;
const WAITED_FOR = `
  e.eligible = 1 AND EXISTS (SELECT 1 FROM targets t LEFT JOIN routes r ON r.target_id = t.target_id
    LEFT JOIN generations g ON g.route_id = r.route_id AND g.stream = 1 AND g.kind = 1 AND g.closed_at IS NULL
    LEFT JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.seq = p.seq
    WHERE t.retired_at IS NULL AND (g.gen_id IS NULL OR p.seq >= g.next_seq OR d.state = 3
      OR (d.state = 5 AND d.reason NOT IN ('dropped', 'replaced'))))`;
const NEEDED: Readonly<Record<NeedRule, string>> = { delivered: LACKED, settled: WAITED_FOR };

/** Targets that were registered and not retired. */
export function countRegistered(db: Db): number {
  return db.get<{ n: number }>(REGISTERED)?.n ?? 0;
}

/**
 * The events behind position `after` whose payload is there and needed by nobody, in order. Without a target nothing
 * was delivered everywhere.
 * @param limit number of payloads that are looked at; `looked` is the last of them, null behind the last one.
 */
export function selectUnneeded(
  db: Db,
  rule: NeedRule,
  page: { readonly after: number; readonly limit: number },
): { readonly unneeded: readonly Unneeded[]; readonly looked: number | null } {
  const looked =
    db.get<{ last: number | null }>(
      `SELECT max(seq) AS last FROM (SELECT seq FROM event_payloads WHERE seq > :after ORDER BY seq LIMIT :limit)`,
      { ...page },
    )?.last ?? null;
  if (looked === null) return { unneeded: [], looked };
  if (rule === 'delivered' && countRegistered(db) === 0) return { unneeded: [], looked };
  const unneeded = db.all<Unneeded>(
    `SELECT p.seq, e.bytes FROM event_payloads p JOIN events e ON e.seq = p.seq
     WHERE p.seq > :after AND p.seq <= :looked AND NOT (${HAS_TO_BE_SENT}) AND NOT (${NEEDED[rule]})
     ORDER BY p.seq`,
    { after: page.after, looked },
  );
  return { unneeded, looked };
}

/** Of these positions, those whose payload is still needed by nobody. */
export function stillUnneeded(db: Db, rule: NeedRule, seqs: readonly number[]): readonly number[] {
  const first = seqs[0];
  const last = seqs.at(-1);
  if (first === undefined || last === undefined) return [];
  if (rule === 'delivered' && countRegistered(db) === 0) return [];
  return db
    .all<{ seq: number }>(
      `SELECT p.seq FROM json_each(:seqs) wanted CROSS JOIN event_payloads p ON p.seq = wanted.value
       JOIN events e ON e.seq = p.seq
       WHERE NOT (${HAS_TO_BE_SENT}) AND NOT (${NEEDED[rule]}) ORDER BY p.seq`,
      { seqs: JSON.stringify(seqs) },
    )
    .map(({ seq }) => seq);
}

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
