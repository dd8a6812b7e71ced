import type { Db, Millis } from '../../base/index.ts';
import { OUTCOMES, type Outcome } from '../../wire/index.ts';
import { attemptsOf, type Attempt } from '../parked.ts';
import { toRecorded, type RecordedEvent, type RecordedRow } from './recorded.ts';
import { DELIVERY_STATES, type DeliveryState } from '../transition.ts';

/** One event with everything that is known of it. */
export interface EventHistory extends RecordedEvent {
  readonly coalesceKey: string | null;
  /** Null when gc dropped it. */
  readonly payload: Uint8Array | null;
  /** Why and when the payload was let go; null while it may not be dropped. */
  readonly released: { readonly reason: string; readonly at: Millis } | null;
  /** The checkout it was captured in; null for rows of old queues. */
  readonly checkout: string | null;
  readonly provenance: {
    readonly path: string;
    readonly line: number;
    readonly statedProjectId: string | null;
  } | null;
  /** Other facts that came under the same id and were not kept. */
  readonly conflicts: number;
  readonly targets: readonly TargetHistory[];
}

/** An event at one target, in every pass that ever was. */
export interface TargetHistory {
  readonly targetId: string;
  readonly canonicalUrl: string;
  /** Where it stands in the pass that counts, or why it has no delivery there. */
  readonly standing: DeliveryState | 'before_start' | 'never_eligible' | 'dropped' | 'unopened';
  readonly passes: readonly PassHistory[];
}

export interface PassHistory {
  readonly kind: 'follow' | 'replay';
  readonly number: number;
  readonly isOpen: boolean;
  readonly state: DeliveryState;
  readonly reason: string | null;
  readonly outcome: Outcome | null;
  readonly attempts: number;
  /** Not tried again before; 0 when it is due. */
  readonly dueAt: Millis;
  readonly batches: readonly BatchHistory[];
  /** Tries that did not simply succeed, the last 50. */
  readonly tries: readonly Attempt[];
}

export interface BatchHistory {
  readonly id: number;
  readonly items: number;
  /** False where the batch had gaps, and this event may have been one. */
  readonly isCertain: boolean;
  readonly startedAt: Millis;
  readonly endedAt: Millis | null;
  readonly httpStatus: number | null;
  readonly result: string | null;
}

interface EventRow extends RecordedRow {
  readonly coalesce_key: string | null;
  readonly payload: Uint8Array | null;
  readonly released_for: string | null;
  readonly released_at: number | null;
  readonly checkout: string | null;
  readonly source: string | null;
  readonly line: number | null;
  readonly stated_project_id: string | null;
  readonly conflicts: number;
}

interface PassRow {
  readonly public_id: string;
  readonly canonical_url: string;
  readonly gen_id: number;
  readonly kind: number;
  readonly number: number;
  readonly from_seq: number;
  readonly next_seq: number;
  readonly closed_at: number | null;
  readonly state: number | null;
  readonly reason: string | null;
  readonly outcome: number | null;
  readonly attempts: number | null;
  readonly due_at: number | null;
}

interface BatchRow {
  readonly batch_id: number;
  readonly min_seq: number;
  readonly max_seq: number;
  readonly n: number;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly http_status: number | null;
  readonly result: string | null;
}

const MAX_BATCHES = 50;

const EVENT = `
  SELECT e.*, p.payload, gc.reason AS released_for, gc.permitted_at AS released_at, c.path AS checkout,
    pr.source, pr.line, pr.stated_project_id,
    (SELECT count(*) FROM conflicts x WHERE x.event_id = e.event_id) AS conflicts
  FROM events e
  LEFT JOIN event_payloads p ON p.seq = e.seq
  LEFT JOIN gc_permits gc ON gc.seq = e.seq
  LEFT JOIN checkouts c ON c.checkout_id = e.checkout_id
  LEFT JOIN provenance pr ON pr.seq = e.seq
  WHERE e.event_id = :id`;
const PASSES = `
  SELECT t.public_id, t.canonical_url, g.gen_id, g.kind, g.number, g.from_seq, g.next_seq, g.closed_at,
    d.state, d.reason, d.outcome, d.attempts, d.due_at
  FROM routes r
  JOIN targets t ON t.target_id = r.target_id
  JOIN generations g ON g.route_id = r.route_id AND g.stream = 1
  LEFT JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.seq = :seq
  ORDER BY r.route_id, g.number`;
const BATCHES = `
  SELECT batch_id, min_seq, max_seq, n, started_at, ended_at, http_status, result
  FROM batches INDEXED BY batches_by_position
  WHERE gen_id = :genId AND max_seq >= :seq AND min_seq <= :seq
  ORDER BY batch_id DESC LIMIT ${MAX_BATCHES}`;

/** Everything that is known of an event, with its bytes; null when the journal does not hold this id. */
export function readHistory(db: Db, id: string): EventHistory | null {
  return db.snapshot(() => {
    const row = db.get<EventRow>(EVENT, { id });
    return row === undefined ? null : toHistory(db, row);
  });
}

function toHistory(db: Db, row: EventRow): EventHistory {
  const passes = db.all<PassRow>(PASSES, { seq: row.seq });
  const targetIds = [...new Set(passes.map((pass) => pass.public_id))];
  return {
    ...toRecorded(row),
    coalesceKey: row.coalesce_key,
    payload: row.payload,
    released:
      row.released_for === null ? null : { reason: row.released_for, at: row.released_at ?? 0 },
    checkout: row.checkout,
    provenance:
      row.source === null
        ? null
        : { path: row.source, line: row.line ?? 0, statedProjectId: row.stated_project_id },
    conflicts: row.conflicts,
    targets: targetIds.map((id) =>
      toTarget(
        db,
        row,
        passes.filter((pass) => pass.public_id === id),
      ),
    ),
  };
}

function toTarget(db: Db, event: EventRow, passes: readonly PassRow[]): TargetHistory {
  const follow = passes.find(({ kind, closed_at: closedAt }) => kind === 1 && closedAt === null);
  return {
    targetId: passes[0]?.public_id ?? '',
    canonicalUrl: passes[0]?.canonical_url ?? '',
    standing: standingIn(event, follow),
    passes: passes.flatMap((pass) => {
      const state = DELIVERY_STATES[(pass.state ?? 0) - 1];
      return state === undefined ? [] : [toPass(db, event.seq, { pass, state })];
    }),
  };
}

function standingIn(event: EventRow, follow: PassRow | undefined): TargetHistory['standing'] {
  const state = DELIVERY_STATES[(follow?.state ?? 0) - 1];
  if (state !== undefined) return state;
  if (event.eligible === 0) return 'never_eligible';
  if (follow === undefined || event.seq >= follow.next_seq) return 'unopened';
  return event.seq < follow.from_seq ? 'before_start' : 'dropped';
}

function toPass(
  db: Db,
  seq: number,
  { pass, state }: { readonly pass: PassRow; readonly state: DeliveryState },
): PassHistory {
  const genId = pass.gen_id;
  return {
    kind: pass.kind === 1 ? 'follow' : 'replay',
    number: pass.number,
    isOpen: pass.closed_at === null,
    state,
    reason: pass.reason,
    outcome: OUTCOMES[(pass.outcome ?? 0) - 1] ?? null,
    attempts: pass.attempts ?? 0,
    dueAt: pass.due_at ?? 0,
    batches: db.all<BatchRow>(BATCHES, { genId, seq }).map(toBatch),
    tries: attemptsOf(db, genId, seq),
  };
}

function toBatch(row: BatchRow): BatchHistory {
  return {
    id: row.batch_id,
    items: row.n,
    isCertain: row.n === row.max_seq - row.min_seq + 1,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    httpStatus: row.http_status,
    result: row.result,
  };
}
