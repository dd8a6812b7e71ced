import type { Db, Millis } from '../../base/index.ts';
import { selectUnneeded } from '../upkeep/settled.ts';

const RETIRE = 'UPDATE targets SET retired_at = :now WHERE target_id = :targetId';
const IS_RETIRED =
  'SELECT 1 AS retired FROM targets WHERE target_id = :targetId AND retired_at IS NOT NULL';
const PAGE = 5_000;

/** Nothing waits for this target any more; naming it again takes that back. */
export function retireTarget(db: Db, targetId: number, now: Millis): void {
  db.run(RETIRE, { targetId, now });
}

/** Whether nothing waits for this target any more. */
export function isRetired(db: Db, targetId: number): boolean {
  return db.get(IS_RETIRED, { targetId }) !== undefined;
}

/** The payloads that every target which is not retired has, and their bytes; looks at each payload once. */
export function countDeliveredEverywhere(db: Db): {
  readonly events: number;
  readonly bytes: number;
} {
  let [events, bytes, after] = [0, 0, 0];
  for (;;) {
    const { unneeded, looked } = selectUnneeded(db, 'delivered', { after, limit: PAGE });
    if (looked === null) return { events, bytes };
    events += unneeded.length;
    bytes += unneeded.reduce((sum, each) => sum + each.bytes, 0);
    after = looked;
  }
}
