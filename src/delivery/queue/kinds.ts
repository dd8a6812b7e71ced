import type { Db } from '../../base/index.ts';
import type { Generation } from '../generations.ts';
import type { Stream } from '../stream.ts';

/** How many items of one type wait. */
export interface KindWaiting {
  readonly type: string;
  readonly n: number;
}

const MOST_KINDS = 100;

/** The types of what is queued or not opened yet, the most frequent first, at most 100. Reads as many rows as wait. */
export function countKinds(
  db: Db,
  { deliveries, items, columns }: Stream,
  { id: genId, nextSeq }: Generation,
): readonly KindWaiting[] {
  return db.all<KindWaiting>(
    `SELECT ${columns.type} AS type, count(*) AS n FROM (
       SELECT d.seq AS seq FROM ${deliveries} d INDEXED BY ${deliveries}_due
       WHERE d.gen_id = :genId AND d.state = 1
       UNION ALL
       SELECT u.seq FROM ${items} u WHERE u.seq >= :nextSeq AND u.eligible = 1
     ) waiting CROSS JOIN ${items} i ON i.seq = waiting.seq
     GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${MOST_KINDS}`,
    { genId, nextSeq },
  );
}
