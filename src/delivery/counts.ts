import type { Db } from '../base/index.ts';
import { DELIVERY_STATES, type DeliveryState } from './transition.ts';

/** How many deliveries of a generation are in which state. */
export type StateCounts = Readonly<Record<DeliveryState, number>>;

const MOVE = 'UPDATE delivery_counts SET n = n + :delta WHERE gen_id = :genId AND state = :state';
const START = 'INSERT INTO delivery_counts (gen_id, state, n) VALUES (:genId, :state, :delta)';
const READ = 'SELECT state, n FROM delivery_counts WHERE gen_id = :genId';

/** Adds to the counts of a generation, in the transaction that changes its deliveries. */
export function moveCounts(
  db: Db,
  genId: number,
  deltas: Readonly<Partial<Record<DeliveryState, number>>>,
): void {
  for (const [code, state] of DELIVERY_STATES.entries()) {
    const delta = deltas[state] ?? 0;
    if (delta === 0) continue;
    const moved = db.run(MOVE, { genId, state: code + 1, delta });
    if (moved.changes === 0) db.run(START, { genId, state: code + 1, delta });
  }
}

/** The counts as the ledger keeps them. */
export function readCounts(db: Db, genId: number): StateCounts {
  const counts = { queued: 0, delivered: 0, parked: 0, superseded: 0, withheld: 0 };
  for (const row of db.all<{ state: number; n: number }>(READ, { genId })) {
    const state = DELIVERY_STATES[row.state - 1];
    if (state !== undefined) counts[state] = row.n;
  }
  return counts;
}

/** The same, counted from the deliveries themselves. */
export function recount(db: Db, genId: number, deliveries: string): StateCounts {
  const counts = { queued: 0, delivered: 0, parked: 0, superseded: 0, withheld: 0 };
  const rows = db.all<{ state: number; n: number }>(
    `SELECT state, count(*) AS n FROM ${deliveries} WHERE gen_id = :genId GROUP BY state`,
    { genId },
  );
  for (const row of rows) {
    const state = DELIVERY_STATES[row.state - 1];
    if (state !== undefined) counts[state] = row.n;
  }
  return counts;
}
