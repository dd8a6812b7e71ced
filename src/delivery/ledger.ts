import { assert, type Db, type Faults, type Millis } from '../base/index.ts';
import { noOutcomes, OUTCOMES, type Outcome, type Verdict } from '../wire/index.ts';
import { moveCounts } from './counts.ts';
import { renewDrain, type Drain } from './drain/drains.ts';
import { isGranted, supersedeAgain } from './generations.ts';
import type { OutboundItem } from '../receivers/index.ts';
import type { DueItem, Stream } from './stream.ts';
import {
  DELIVERY_STATES,
  LONGEST_WAIT_MS,
  transition,
  type Delivery,
  type DeliveryState,
} from './transition.ts';
import { isReadySql } from './queue/announced.ts';

/** A batch that was written down before its bytes left. */
export interface Batch {
  readonly id: number;
  readonly genId: number;
  /** Positions of its items, ascending. */
  readonly seqs: readonly number[];
}

/** Raised when another process has taken the drain over: nothing of this one may be recorded any more. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

/** How the answers to a batch were recorded. */
export interface Recorded {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Items that the allow-list parked now. */
  readonly parked: number;
}

interface DeliveryRow {
  readonly state: number;
  readonly reason: string | null;
  readonly attempts: number;
  readonly due_at: number;
}

const KEPT_ATTEMPTS = 50;

const BEGIN = `
  INSERT INTO batches (gen_id, fence, min_seq, max_seq, n, bytes, started_at)
  VALUES (:genId, :fence, :min, :max, :n, :bytes, :now)`;
const MARK_SENT = 'UPDATE generations SET sent_seq = max(sent_seq, :max) WHERE gen_id = :genId';
const END = `
  UPDATE batches SET ended_at = :now, http_status = :httpStatus, result = :result
  WHERE batch_id = :batchId AND ended_at IS NULL`;
const NOTE_ATTEMPT = `
  INSERT INTO attempts (gen_id, seq, batch_id, outcome, http_status, category, detail, attempted_at)
  VALUES (:genId, :seq, :batchId, :outcome, :httpStatus, :category, :detail, :now)`;
const PRUNE_ATTEMPTS = `
  DELETE FROM attempts WHERE gen_id = :genId AND seq = :seq AND attempt_id <= (
    SELECT attempt_id FROM attempts WHERE gen_id = :genId AND seq = :seq
    ORDER BY attempt_id DESC LIMIT 1 OFFSET :kept)`;

/**
 * The next queued items behind position `after`, in capture order, due at `dueBy`, whose event has arrived where
 * they wait for one; their bytes are not read. One that would have to wait longer than anything ever waits is due:
 * the clock was set back.
 * @param limit number of items.
 */
export function selectDue(
  db: Db,
  stream: Stream,
  options: {
    readonly genId: number;
    readonly after: number;
    readonly dueBy: Millis;
    readonly limit: number;
  },
): readonly DueItem[] {
  return db.all<DueItem>(
    // Named, because the planner would rather walk the primary key past everything delivered.
    `SELECT d.seq, i.bytes FROM ${stream.deliveries} d INDEXED BY ${stream.deliveries}_due
     JOIN ${stream.items} i ON i.seq = d.seq
     WHERE d.gen_id = :genId AND d.state = 1 AND d.seq > :after
       AND (d.due_at <= :dueBy OR d.due_at > :dueBy + :longest) AND ${isReadySql(stream)}
     ORDER BY d.seq LIMIT :limit`,
    { ...options, longest: LONGEST_WAIT_MS },
  );
}

/**
 * Writes a batch down before any of its bytes leave, after a last look at the permission, the fence and the items.
 * @returns null when the grant is gone or an item is no longer queued: then nothing may be sent.
 * @throws FenceLost when another process drains this route.
 */
export function begin(
  db: Db,
  stream: Stream,
  options: {
    readonly drain: Drain;
    readonly genId: number;
    readonly items: readonly OutboundItem[];
    readonly now: Millis;
  },
): Batch | null {
  const { drain, genId, items, now } = options;
  const seqs = items.map((item) => item.seq);
  const min = seqs[0] ?? 0;
  const max = seqs.at(-1) ?? 0;
  assert(seqs.length > 0, 'a batch has an item');
  return db.tx(() => {
    requireFence(db, drain, now);
    if (!isGranted(db, drain.routeId)) return null;
    if (supersedeAgain(db, stream, { genId, from: min, to: max }) > 0) return null;
    if (!allQueued(db, stream, genId, seqs)) return null;
    const bytes = items.reduce((sum, item) => sum + item.bytes.length, 0);
    const n = seqs.length;
    const id = db.run(BEGIN, { genId, fence: drain.fence, min, max, n, bytes, now }).rowid;
    db.run(MARK_SENT, { genId, max });
    return { id, genId, seqs };
  });
}

/**
 * Records what became of a batch: runs of plain successes by one update each, everything else item by item
 * through `transition`; counters in the same transaction. Items without a verdict stay as they are.
 * @throws FenceLost when another process drains this route; then nothing is recorded.
 */
export function record(
  db: Db,
  stream: Stream,
  options: {
    readonly drain: Drain;
    readonly batch: Batch;
    readonly verdicts: readonly (Verdict | null)[];
    readonly httpStatus: number | null;
    /** One word for the history: `recorded`, or the code of what stopped it. */
    readonly result: string;
    readonly now: Millis;
    readonly faults: Faults;
  },
): Recorded {
  const { drain, batch, verdicts, now, faults } = options;
  return db.tx(() => {
    requireFence(db, drain, now);
    const recording: Recording = { db, stream, batch, now, deltas: new Map() };
    for (const run of runsOf(batch.seqs, verdicts)) {
      if (!recordRun(recording, run)) recordItems(recording, run);
      faults.at('record.append');
    }
    moveCounts(db, batch.genId, Object.fromEntries(recording.deltas));
    const { httpStatus, result } = options;
    db.run(END, { batchId: batch.id, now, httpStatus, result });
    faults.at('record.commit');
    return { outcomes: tally(verdicts), parked: recording.deltas.get('parked') ?? 0 };
  });
}

interface Recording {
  readonly db: Db;
  readonly stream: Stream;
  readonly batch: Batch;
  readonly now: Millis;
  readonly deltas: Map<DeliveryState, number>;
}

/** Neighbouring positions with the same kind of verdict. */
interface Run {
  readonly seqs: number[];
  readonly verdicts: (Verdict | null)[];
  /** Set when every item of the run simply succeeded this way. */
  readonly plain: 'success' | 'duplicate' | null;
}

function runsOf(seqs: readonly number[], verdicts: readonly (Verdict | null)[]): readonly Run[] {
  const runs: Run[] = [];
  for (const [index, seq] of seqs.entries()) {
    const verdict = verdicts[index] ?? null;
    const plain = plainOutcome(verdict);
    const last = runs.at(-1);
    if (last !== undefined && last.plain === plain && last.seqs.at(-1) === seq - 1) {
      last.seqs.push(seq);
      last.verdicts.push(verdict);
    } else {
      runs.push({ seqs: [seq], verdicts: [verdict], plain });
    }
  }
  return runs;
}

function plainOutcome(verdict: Verdict | null): Run['plain'] {
  const outcome = verdict?.outcome;
  return outcome === 'success' || outcome === 'duplicate' ? outcome : null;
}

/** One update for a dense run; false when an item of it is no longer queued and each must be looked at. */
function recordRun(recording: Recording, run: Run): boolean {
  const { db, stream, batch } = recording;
  if (run.plain === null || !allQueued(db, stream, batch.genId, run.seqs)) return false;
  const changed = db.run(
    `UPDATE ${stream.deliveries} SET state = 2, outcome = :outcome, attempts = attempts + 1, due_at = 0
     WHERE gen_id = :genId AND seq BETWEEN :min AND :max AND state = 1`,
    {
      genId: batch.genId,
      min: run.seqs[0] ?? 0,
      max: run.seqs.at(-1) ?? 0,
      outcome: OUTCOMES.indexOf(run.plain) + 1,
    },
  ).changes;
  shift(recording, 'queued', -changed);
  shift(recording, 'delivered', changed);
  return true;
}

function recordItems(recording: Recording, run: Run): void {
  for (const [index, seq] of run.seqs.entries()) {
    const verdict = run.verdicts[index] ?? null;
    if (verdict !== null) recordItem(recording, seq, verdict);
  }
}

function recordItem(recording: Recording, seq: number, verdict: Verdict): void {
  const { db, stream, batch, now } = recording;
  const { genId } = batch;
  const delivery = readDelivery(db, stream, genId, seq);
  if (plainOutcome(verdict) === null) noteAttempt(recording, seq, verdict);
  const change = transition(delivery, verdict, now);
  if (change === null) return;
  db.run(
    `UPDATE ${stream.deliveries}
     SET state = :state, reason = :reason, outcome = :outcome, attempts = :attempts, due_at = :dueAt
     WHERE gen_id = :genId AND seq = :seq`,
    {
      genId,
      seq,
      state: DELIVERY_STATES.indexOf(change.state) + 1,
      reason: change.reason,
      outcome: OUTCOMES.indexOf(change.outcome) + 1,
      attempts: change.attempts,
      dueAt: change.dueAt,
    },
  );
  shift(recording, delivery.state, -1);
  shift(recording, change.state, 1);
}

function noteAttempt(recording: Recording, seq: number, verdict: Verdict): void {
  const { db, batch, now } = recording;
  db.run(NOTE_ATTEMPT, {
    genId: batch.genId,
    seq,
    batchId: batch.id,
    outcome: OUTCOMES.indexOf(verdict.outcome) + 1,
    httpStatus: verdict.httpStatus,
    category: verdict.category,
    detail: verdict.detail,
    now,
  });
  db.run(PRUNE_ATTEMPTS, { genId: batch.genId, seq, kept: KEPT_ATTEMPTS });
}

function readDelivery(db: Db, stream: Stream, genId: number, seq: number): Delivery {
  const row = db.get<DeliveryRow>(
    `SELECT state, reason, attempts, due_at FROM ${stream.deliveries} WHERE gen_id = :genId AND seq = :seq`,
    { genId, seq },
  );
  assert(row !== undefined, 'an item of a batch has a delivery');
  const state = DELIVERY_STATES[row.state - 1];
  assert(state !== undefined, 'a stored state has a name');
  return { state, reason: row.reason, attempts: row.attempts, dueAt: row.due_at };
}

/** Whether every one of these positions is queued; positions ascend and may have gaps. */
function allQueued(db: Db, stream: Stream, genId: number, seqs: readonly number[]): boolean {
  const row = db.get<{ n: number }>(
    `SELECT count(*) AS n FROM json_each(:seqs) wanted
     CROSS JOIN ${stream.deliveries} d ON d.gen_id = :genId AND d.seq = wanted.value
     WHERE d.state = 1`,
    { genId, seqs: JSON.stringify(seqs) },
  );
  return row?.n === seqs.length;
}

/**
 * Says that the drain is alive, as part of the caller's transaction.
 * @throws FenceLost when another process drains this route.
 */
export function requireFence(db: Db, drain: Drain, now: Millis): void {
  if (!renewDrain(db, drain, now)) throw new FenceLost('another process drains this route');
}

function shift(recording: Recording, state: DeliveryState, delta: number): void {
  recording.deltas.set(state, (recording.deltas.get(state) ?? 0) + delta);
}

function tally(verdicts: readonly (Verdict | null)[]): Record<Outcome, number> {
  const outcomes = noOutcomes();
  for (const verdict of verdicts) if (verdict !== null) outcomes[verdict.outcome] += 1;
  return outcomes;
}
