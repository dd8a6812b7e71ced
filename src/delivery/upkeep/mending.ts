import type { Db } from '../../base/index.ts';
import { moveCounts, readCounts, recount } from '../counts.ts';
import type { Stream } from '../stream.ts';
import { DELIVERY_STATES } from '../transition.ts';

/** A pass whose counters or rows are not what its cursor says. */
export interface UnevenPass {
  readonly genId: number;
  readonly stream: Stream['name'];
  readonly canonicalUrl: string;
  /** What is wrong, for people. */
  readonly detail: string;
}

interface PassRow {
  readonly gen_id: number;
  readonly canonical_url: string;
  readonly kind: number;
  readonly from_seq: number;
  readonly next_seq: number;
  readonly skipped_ineligible: number;
  readonly skipped_dropped: number;
}

const PASSES = `
  SELECT g.gen_id, g.kind, g.from_seq, g.next_seq, g.skipped_ineligible, g.skipped_dropped, t.canonical_url
  FROM generations g JOIN routes r ON r.route_id = g.route_id JOIN targets t ON t.target_id = r.target_id
  WHERE g.stream = :stream ORDER BY g.gen_id`;
const SET_SKIPPED = `
  UPDATE generations SET skipped_ineligible = :ineligible, skipped_dropped = :dropped WHERE gen_id = :genId`;
const IN_QUARANTINE = `
  UPDATE event_deliveries SET state = 5, reason = 'dropped'
  WHERE gen_id = :genId AND state IN (1, 3) AND seq IN (SELECT seq FROM quarantine)
`;
const FOLLOW = 1;

/** The passes whose books cannot be right: each delivery is counted. */
export function findUnevenPasses(db: Db, streams: readonly Stream[]): readonly UnevenPass[] {
  return streams.flatMap((stream) =>
    db.all<PassRow>(PASSES, { stream: stream.code }).flatMap((pass) => {
      const details = unevenness(db, stream, pass);
      const { gen_id: genId, canonical_url: canonicalUrl } = pass;
      return details.map((detail) => ({ genId, stream: stream.name, canonicalUrl, detail }));
    }),
  );
}

/**
 * Makes rows and counters agree with the cursor again. An item behind it without a delivery is given one, queued
 * where it may be sent: the receiver answers `duplicate` to what it has. What is in quarantine is no longer meant
 * for anybody. Part of the caller's transaction.
 */
export function mendPasses(db: Db, streams: readonly Stream[]): void {
  for (const stream of streams) {
    for (const pass of db.all<PassRow>(PASSES, { stream: stream.code })) {
      const isUneven = unevenness(db, stream, pass).length > 0;
      if (isUneven && pass.kind === FOLLOW) fillGaps(db, stream, pass);
      if (stream.name === 'events') db.run(IN_QUARANTINE, { genId: pass.gen_id });
      settleCounts(db, stream, pass.gen_id);
    }
  }
}

function unevenness(db: Db, stream: Stream, pass: PassRow): readonly string[] {
  const kept = readCounts(db, pass.gen_id);
  const rows = recount(db, pass.gen_id, stream.deliveries);
  const wrong = DELIVERY_STATES.filter((state) => kept[state] !== rows[state]).map(
    (state) => `${rows[state]} ${state}, counted as ${kept[state]}`,
  );
  if (pass.kind !== FOLLOW) return wrong;
  const there = DELIVERY_STATES.reduce((sum, state) => sum + rows[state], 0);
  const { from_seq: from, next_seq: next } = pass;
  const expected = next - from - pass.skipped_ineligible - pass.skipped_dropped;
  return there === expected
    ? wrong
    : [...wrong, `${there} deliveries where ${expected} were opened`];
}

function fillGaps(db: Db, stream: Stream, pass: PassRow): void {
  const { gen_id: genId, from_seq: from, next_seq: next } = pass;
  const where = { genId, from, next };
  db.run(
    `INSERT INTO ${stream.deliveries} (gen_id, seq, route_id, state, reason)
     SELECT g.gen_id, i.seq, g.route_id,
       iif(gr.route_id IS NULL OR (i.checkout_id IS NOT NULL AND c.checkout_id IS NULL), 5, 1),
       CASE WHEN gr.route_id IS NULL THEN 'revoked'
         WHEN i.checkout_id IS NOT NULL AND c.checkout_id IS NULL THEN 'unknown_checkout' END
     FROM generations g JOIN ${stream.items} i ON i.seq >= :from AND i.seq < :next AND i.eligible = 1
     LEFT JOIN grants gr ON gr.route_id = g.route_id
     LEFT JOIN grant_checkouts c ON c.route_id = g.route_id AND c.checkout_id = i.checkout_id
     WHERE g.gen_id = :genId AND ${stream.present}
       AND NOT EXISTS (SELECT 1 FROM ${stream.deliveries} d WHERE d.gen_id = :genId AND d.seq = i.seq)`,
    where,
  );
  const counted = db.get<{ ineligible: number; rows: number }>(
    `SELECT (SELECT count(*) FROM ${stream.items} i WHERE i.eligible = 0 AND i.seq >= :from AND i.seq < :next
        AND NOT EXISTS (SELECT 1 FROM ${stream.deliveries} d WHERE d.gen_id = :genId AND d.seq = i.seq))
        AS ineligible,
      (SELECT count(*) FROM ${stream.deliveries} WHERE gen_id = :genId) AS rows`,
    where,
  );
  const ineligible = counted?.ineligible ?? 0;
  const dropped = next - from - ineligible - (counted?.rows ?? 0);
  db.run(SET_SKIPPED, { genId, ineligible, dropped });
}

function settleCounts(db: Db, stream: Stream, genId: number): void {
  const kept = readCounts(db, genId);
  const rows = recount(db, genId, stream.deliveries);
  moveCounts(
    db,
    genId,
    Object.fromEntries(DELIVERY_STATES.map((state) => [state, rows[state] - kept[state]])),
  );
}
