import type { Db, Millis } from '../base/index.ts';
import { OUTCOMES } from '../wire/index.ts';
import type { Stream } from './stream.ts';

/** Queued deliveries that were answered before, by what the receiver said and how often. */
export interface Waiting {
  /** Last answer `pending`; with those never answered these are what the contract calls pending. */
  readonly pending: number;
  readonly rejected: number;
  readonly transient: number;
  readonly triedOneToThree: number;
  readonly triedMore: number;
  /** Left alone until a time that has not come yet. */
  readonly backingOff: number;
}

const MANY = 4;

interface TriedRow {
  readonly outcome: number | null;
  readonly many: number;
  readonly later: number;
  readonly n: number;
}

/** Counts what was answered and still waits, by an index that holds nothing else. */
export function readWaiting(
  db: Db,
  stream: Stream,
  options: { readonly genId: number; readonly now: Millis },
): Waiting {
  const rows = db.all<TriedRow>(
    `SELECT outcome, attempts >= ${MANY} AS many, due_at > :now AS later, count(*) AS n
     FROM ${stream.deliveries} INDEXED BY ${stream.deliveries}_tried
     WHERE gen_id = :genId AND state = 1 AND attempts > 0 GROUP BY 1, 2, 3`,
    options,
  );
  const count = (wanted: (row: TriedRow) => boolean): number =>
    rows.filter(wanted).reduce((sum, row) => sum + row.n, 0);
  const answered = (outcome: (typeof OUTCOMES)[number]): number =>
    count((row) => row.outcome === OUTCOMES.indexOf(outcome) + 1);
  return {
    pending: answered('pending'),
    rejected: answered('rejected'),
    transient: answered('transient'),
    triedOneToThree: count((row) => row.many === 0),
    triedMore: count((row) => row.many === 1),
    backingOff: count((row) => row.later === 1),
  };
}
