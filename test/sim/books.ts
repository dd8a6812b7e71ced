import type { Db } from '../../src/base/index.ts';
import { listRoutes, readRouteFacts } from '../../src/delivery/index.ts';
import { balance } from '../../src/report/index.ts';
import { STREAMS } from '../support/ledger-trial.ts';
import { LawBroken } from './model.ts';
import type { World } from './world.ts';

interface PassRow {
  readonly gen_id: number;
  readonly route_id: number;
  readonly from_seq: number;
  readonly next_seq: number;
  readonly closed_at: number | null;
}

const PASSES =
  'SELECT gen_id, route_id, from_seq, next_seq, closed_at FROM generations WHERE kind = 1 AND stream = 1';
/** Replays that opened another number of events than they say, or one they did not choose. */
const UNPLANNED = `
  SELECT g.gen_id FROM generations g JOIN replays r ON r.gen_id = g.gen_id
  WHERE g.planned <> (SELECT count(*) FROM event_deliveries d WHERE d.gen_id = g.gen_id)
    OR EXISTS (
      SELECT 1 FROM event_deliveries d JOIN events e ON e.seq = d.seq
      WHERE d.gen_id = g.gen_id AND (e.eligible = 0 OR e.seq < g.from_seq OR e.seq > r.to_seq
        OR e.mission <> r.mission OR e.captured_at < r.since_at))`;
/** Nobody sends in a pass that is over, so nothing may wait there or be parked. */
const LEFT_BEHIND = `
  SELECT g.gen_id FROM generations g JOIN (
    SELECT gen_id, state FROM event_deliveries UNION ALL SELECT gen_id, state FROM body_deliveries
  ) d ON d.gen_id = g.gen_id
  WHERE g.closed_at IS NOT NULL AND d.state IN (1, 3) LIMIT 1`;
const IN_STATE = `
  SELECT gen_id, state, count(*) AS n FROM (
    SELECT gen_id, state FROM event_deliveries UNION ALL SELECT gen_id, state FROM body_deliveries)
  GROUP BY gen_id, state`;
const COUNTED = 'SELECT gen_id, state, n FROM delivery_counts WHERE n <> 0';
const HEAD = `
  SELECT (SELECT captured FROM journal_head) AS captured, (SELECT ineligible FROM journal_head) AS ineligible,
    (SELECT count(*) FROM events) AS rows, (SELECT count(*) FROM events WHERE eligible = 0) AS aside`;
/** An event behind the cursor that has no delivery although it could be sent, or one before the start or ahead that has. */
const MISPLACED = `
  SELECT e.seq FROM events e LEFT JOIN event_deliveries d ON d.gen_id = :genId AND d.seq = e.seq
  WHERE (d.seq IS NOT NULL) <> (e.seq >= :from AND e.seq < :next AND e.eligible = 1)
    AND NOT (d.seq IS NULL AND EXISTS (SELECT 1 FROM gc_permits p WHERE p.seq = e.seq))`;

/** L4: the books that the product prints balance, and counting the rows themselves gives the same. */
export function checkBooks(world: World): void {
  const db = world.disk.view();
  if (db === null) return;
  for (const route of listRoutes(db)) {
    for (const stream of STREAMS) {
      const facts = readRouteFacts(db, route.id, stream, { now: 0 });
      if (facts === null || balance(stream.count(db), facts).balanced) continue;
      throw new LawBroken('L4', `the books of ${stream.name} on route ${route.id} do not balance`);
    }
  }
  recountHead(db);
  recountDeliveries(db);
  const replay = db.get<{ gen_id: number }>(UNPLANNED);
  if (replay !== undefined)
    throw new LawBroken('L4', `replay ${replay.gen_id} holds other events than it chose`);
  const over = db.get<{ gen_id: number }>(LEFT_BEHIND);
  if (over !== undefined)
    throw new LawBroken('L4', `pass ${over.gen_id} is over, and something waits in it`);
  for (const pass of db.all<PassRow>(PASSES)) {
    const { gen_id: genId, from_seq: from, next_seq: next } = pass;
    const misplaced = db.get<{ seq: number }>(MISPLACED, { genId, from, next });
    if (misplaced === undefined) continue;
    throw new LawBroken(
      'L4',
      `event ${misplaced.seq} is misplaced in pass ${genId} (${from} to ${next})`,
    );
  }
}

function recountHead(db: Db): void {
  const head = db.get<{
    captured: number | null;
    ineligible: number | null;
    rows: number;
    aside: number;
  }>(HEAD);
  const { captured, ineligible, rows, aside } = head ?? {
    captured: 0,
    ineligible: 0,
    rows: 0,
    aside: 0,
  };
  if ((captured ?? 0) !== rows || (ineligible ?? 0) !== aside) {
    throw new LawBroken(
      'L4',
      `the journal counts ${captured} and ${ineligible}, and holds ${rows} and ${aside}`,
    );
  }
}

function recountDeliveries(db: Db): void {
  const text = (sql: string): string =>
    db
      .all<{ gen_id: number; state: number; n: number }>(sql)
      .map(({ gen_id: genId, state, n }) => `pass ${genId} state ${state}: ${n}`)
      .sort()
      .join(', ');
  const counted = text(COUNTED);
  const found = text(IN_STATE);
  if (counted !== found)
    throw new LawBroken('L4', `the ledger counts [${counted}] and holds [${found}]`);
}
