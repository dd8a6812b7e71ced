import type { Db, Millis } from '../base/index.ts';
import { OUTCOMES } from '../wire/index.ts';
import { moveCounts } from './counts.ts';

/** The identity of a target (disk contract 5.2), which may not be known here yet. */
export interface Place {
  readonly urlHash: string;
  readonly team: string;
  readonly user: string;
}

/** An event that an earlier program had delivered. */
export interface DeliveredBefore {
  readonly seq: number;
  readonly outcome: 'success' | 'duplicate';
  readonly deliveredAt: Millis | null;
}

const ADD_PLACE = `
  INSERT INTO history_places (url_hash, team_slug, user_email) VALUES (:urlHash, :team, :user)
  ON CONFLICT (url_hash, team_slug, user_email) DO UPDATE SET url_hash = excluded.url_hash
  RETURNING place_id`;
const REMEMBER = `
  INSERT INTO delivered_before (place_id, seq, outcome, delivered_at)
  VALUES (:placeId, :seq, :outcome, :deliveredAt) ON CONFLICT DO NOTHING`;
const PLACE_OF = `
  SELECT p.place_id FROM generations g
  JOIN routes r ON r.route_id = g.route_id
  JOIN targets t ON t.target_id = r.target_id
  JOIN history_places p
    ON p.url_hash = t.url_hash AND p.team_slug = t.team_slug AND p.user_email = t.user_email
  WHERE g.gen_id = :genId AND g.number = 1 AND g.kind = 1 AND g.stream = 1`;
const SETTLE = `
  UPDATE event_deliveries AS d SET state = 2, outcome = (
    SELECT h.outcome FROM delivered_before h WHERE h.place_id = :placeId AND h.seq = d.seq)
  WHERE d.gen_id = :genId AND d.state = 1 AND d.seq IN (
    SELECT h.seq FROM delivered_before h WHERE h.place_id = :placeId AND h.seq BETWEEN :from AND :to)`;
const MARK_SENT = `
  UPDATE generations SET sent_seq = max(sent_seq, (
    SELECT max(seq) FROM delivered_before WHERE place_id = :placeId AND seq BETWEEN :from AND :to))
  WHERE gen_id = :genId`;

/**
 * Remembers what an earlier program had delivered to a target, so that the first pass over the journal does not send it
 * there again; a redelivery does. Idempotent. Runs inside the caller's transaction.
 * @returns how many of the items were not remembered before.
 */
export function rememberDelivered(db: Db, place: Place, items: Iterable<DeliveredBefore>): number {
  let placeId: number | null = null;
  let added = 0;
  for (const { seq, outcome, deliveredAt } of items) {
    placeId ??= db.get<{ place_id: number }>(ADD_PLACE, { ...place })?.place_id ?? 0;
    const code = OUTCOMES.indexOf(outcome) + 1;
    added += db.run(REMEMBER, { placeId, seq, outcome: code, deliveredAt }).changes;
  }
  return added;
}

/** Ends the deliveries of a page, queued just now, whose events the target had before. Part of opening. */
export function settleFromEarlier(
  db: Db,
  page: { readonly genId: number; readonly from: number; readonly to: number },
): void {
  const { genId, from, to } = page;
  const placeId = db.get<{ place_id: number }>(PLACE_OF, { genId })?.place_id;
  if (placeId === undefined) return;
  const settled = db.run(SETTLE, { genId, placeId, from, to }).changes;
  if (settled === 0) return;
  db.run(MARK_SENT, { genId, placeId, from, to });
  moveCounts(db, genId, { queued: -settled, delivered: settled });
}
