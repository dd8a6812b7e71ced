import { sha256Hex, type Db, type Millis } from '../../base/index.ts';
import type { Home } from '../../home/index.ts';
import type { BatchReply, Learned, OutboundItem, Receiver, Stop } from '../../receivers/index.ts';
import { cutBatch, DEFAULT_BATCH_LIMITS, type BatchLimits } from './batcher.ts';
import type { OwnWay } from './connection.ts';
import type { Drain } from './drains.ts';
import { anotherInstance } from './identity.ts';
import { setInstance, type Generation } from '../generations.ts';
import { begin, record, selectDue, type Batch } from '../ledger.ts';
import { noteSuccess } from './pacing.ts';
import type { DrainTally } from './report.ts';
import { routeById, type Route } from '../routes.ts';
import type { DueItem, Stream } from '../stream.ts';
import type { Target } from '../targets.ts';

export interface DrainOptions {
  readonly home: Home;
  readonly db: Db;
  readonly route: Route;
  readonly streams: readonly Stream[];
  /** An operator's own command ignores backoff, never a Retry-After, and asks the receiver who it is. */
  readonly byOperator: boolean;
  /** When settings or a login changed last: a backoff from before then is ignored, never a Retry-After. */
  readonly forgivenAt?: Millis;
  readonly signal: AbortSignal;
  /** What this drain alone brings along to speak to the receiver. */
  readonly own?: OwnWay;
  /** Called after every recorded batch with the number of items done. */
  readonly onProgress: (done: number) => void;
}

/** A drain under way: what it was asked, the right to record, the running sums, and whom it speaks to. */
export interface Work {
  readonly options: DrainOptions;
  readonly lease: Drain;
  readonly tally: DrainTally;
  readonly receiver: Receiver;
}

const EVERYTHING_IS_DUE = Number.MAX_SAFE_INTEGER;
const MAX_BATCHES_IN_FLIGHT = 8;
const MAX_BATCH_BYTES = 8_388_608;
const MAX_BATCH_EVENTS = 5_000;
/** Of the texts that are in memory together. */
const MAX_GROUP_BYTES = 4_194_304;

/** The next queued items behind position `after`; an operator's command takes those that back off as well. */
export function nextDue(
  work: Work,
  stream: Stream,
  page: { readonly genId: number; readonly after: number; readonly limit: number },
): readonly DueItem[] {
  const { byOperator, home, db } = work.options;
  const dueBy: Millis = byOperator ? EVERYTHING_IS_DUE : home.system.clock.now();
  return selectDue(db, stream, { ...page, dueBy });
}

/** The sending of one stream: batches in capture order, up to as many in flight as the receiver waives order for. */
export class Sending {
  readonly #work: Work;
  readonly #stream: Stream;
  readonly #generation: Generation;
  readonly #signal: AbortSignal;
  readonly #width: number;
  /** The receiver's limits, and the narrower ones that it is tried with after it refused a batch as too large. */
  #most: BatchLimits;
  #limits: BatchLimits;
  #instanceId: string | null;
  /** It said so itself in this drain. */
  #isConfirmed: boolean;
  #after = 0;
  #stop: Stop | null = null;
  #refused: Stop | null = null;

  constructor(
    work: Work,
    context: {
      readonly stream: Stream;
      readonly generation: Generation;
      readonly target: Target;
      /** The instance that is delivered to; null where the receiver names none. */
      readonly instanceId: string | null;
      /** Whether it was asked, and answered. */
      readonly hasAnswered: boolean;
      readonly signal: AbortSignal;
    },
  ) {
    const { target } = context;
    this.#work = work;
    this.#stream = context.stream;
    this.#generation = context.generation;
    this.#signal = context.signal;
    this.#instanceId = context.instanceId;
    this.#isConfirmed = context.hasAnswered;
    const { maxBatchItems } = context.stream;
    // Items that go out one by one are in flight together within their group already.
    const waived = Math.min(target.maxConcurrentBatches ?? 1, MAX_BATCHES_IN_FLIGHT);
    this.#width = maxBatchItems === null ? waived : 1;
    this.#most = maxBatchItems === null ? batchLimits(target) : groupLimits(maxBatchItems);
    this.#limits = this.#most;
  }

  /** Sends until nothing is due; null, or what stopped it. */
  async run(): Promise<Stop | null> {
    const inFlight = new Set<Promise<unknown>>();
    try {
      await this.#pump(inFlight);
    } finally {
      // Requests under way are recorded, or fail, before anyone else may drain.
      await Promise.allSettled(inFlight);
    }
    return this.#stop ?? this.#refused;
  }

  async #pump(inFlight: Set<Promise<unknown>>): Promise<void> {
    const failures: unknown[] = [];
    let prepared = this.#prepare();
    while (inFlight.size > 0 || prepared.length > 0) {
      while (prepared.length > 0 && inFlight.size < this.#width) {
        const batch = this.#begin(prepared);
        if (batch !== null) {
          const posted = this.#post(batch, prepared)
            .catch((error: unknown) => failures.push(error))
            .finally(() => inFlight.delete(posted));
          inFlight.add(posted);
        }
        prepared = this.#prepare();
      }
      if (inFlight.size > 0) await Promise.race(inFlight);
      // Two batches may end at once: the failure of one must not be lost behind the success of the other.
      if (failures.length > 0) throw failures[0];
      if (this.#stop !== null) prepared = [];
    }
  }

  /** The next batch behind the last one, verified against the journal; empty when nothing is left or wanted. */
  #prepare(): readonly OutboundItem[] {
    while (this.#stop === null && !this.#signal.aborted) {
      const due = nextDue(this.#work, this.#stream, {
        genId: this.#generation.id,
        after: this.#after,
        limit: this.#limits.maxEvents,
      });
      const cut = due.slice(0, cutBatch(due, this.#limits));
      const last = cut.at(-1);
      if (last === undefined) return [];
      this.#after = last.seq;
      const items = this.#intact(cut.map((item) => item.seq));
      if (items.length > 0) return items;
    }
    return [];
  }

  /** Items whose bytes are still those of the journal. A damaged one is never sent and is reported. */
  #intact(seqs: readonly number[]): readonly OutboundItem[] {
    const { db } = this.#work.options;
    return this.#stream.load(db, seqs).filter((item) => {
      const isIntact = sha256Hex(item.bytes) === item.sha256;
      if (!isIntact) this.#work.tally.addDamaged(this.#stream.name, item.id);
      return isIntact;
    });
  }

  #begin(items: readonly OutboundItem[]): Batch | null {
    const { options, lease } = this.#work;
    const { system } = options.home;
    const batch = begin(options.db, this.#stream, {
      drain: lease,
      genId: this.#generation.id,
      items,
      now: system.clock.now(),
    });
    system.faults.at('batch.begin');
    if (batch !== null) return batch;
    if (routeById(options.db, options.route.id)?.grantedAt === null) {
      this.#stop = stopFor('revoked', 'the permission to send was withdrawn meanwhile');
    } else {
      // An item was withdrawn between reading and beginning: look again from before the batch.
      this.#after = (items[0]?.seq ?? 1) - 1;
    }
    return null;
  }

  async #post(batch: Batch, items: readonly OutboundItem[]): Promise<void> {
    const { options, receiver } = this.#work;
    const { system } = options.home;
    system.faults.at('batch.send');
    const reply = await receiver.deliver(this.#stream.name, items, this.#signal);
    system.faults.at('batch.answer');
    const another = this.#isAnotherInstance(reply.instanceIds);
    if (another) this.#stop ??= anotherInstance(options.route.target, this.#isConfirmed);
    this.#stop = joined(this.#stop, this.#weigh(reply.stop));
    this.#learn(reply.learned);
    this.#record(batch, items, {
      ...reply,
      verdicts: another ? items.map(() => null) : reply.verdicts,
      isAnswered: reply.stop === null && !another,
    });
  }

  /**
   * One batch whose every event was refused may itself be to blame, and must not hold back what comes behind it;
   * when the next one fares the same, or none follows, it is the receiver.
   */
  #weigh(stop: Stop | null): Stop | null {
    const isRefused = stop?.code === 'bad_request';
    if (isRefused && this.#refused === null) {
      this.#refused = stop;
      return null;
    }
    if (stop === null) this.#refused = null;
    return stop;
  }

  #record(
    batch: Batch,
    items: readonly OutboundItem[],
    answer: Pick<BatchReply, 'httpStatus' | 'requests' | 'strays' | 'verdicts'> & {
      readonly isAnswered: boolean;
    },
  ): void {
    const { options, lease, tally } = this.#work;
    const { system, log } = options.home;
    const now = system.clock.now();
    const { verdicts, httpStatus, requests, strays } = answer;
    const result = this.#stop?.code ?? 'recorded';
    const recorded = options.db.tx(() => {
      this.#rememberInstance();
      if (answer.isAnswered) noteSuccess(options.db, options.route.id, this.#stream, now);
      const { db } = options;
      return record(db, this.#stream, {
        drain: lease,
        batch,
        verdicts,
        httpStatus,
        result,
        now,
        faults: system.faults,
      });
    });
    system.faults.at('record.done');
    tally.addBatch(this.#stream.name, items, answer);
    log.info('delivery.batch', {
      target: options.route.target.publicId,
      stream: this.#stream.name,
      batch: batch.id,
      items: items.length,
      status: httpStatus,
      requests,
      strays,
      result,
      parked: recorded.parked,
      ...recorded.outcomes,
    });
    options.onProgress(tally.done);
  }

  #isAnotherInstance(instanceIds: BatchReply['instanceIds']): boolean {
    const said = instanceIds.filter((each) => each !== null);
    this.#instanceId ??= said[0] ?? null;
    this.#isConfirmed ||= said.includes(this.#instanceId ?? '');
    return said.some((each) => each !== this.#instanceId);
  }

  /** Part of the transaction that records: one who lost the drain must not say who the receiver is. */
  #rememberInstance(): void {
    const { id, instanceId } = this.#generation;
    if (instanceId !== null || this.#instanceId === null) return;
    setInstance(this.#work.options.db, id, this.#instanceId);
  }

  /** A guessed limit is tried upwards again: one item may have been all that was too large. */
  #learn({ maxEvents, maxBytes, passed }: Learned): void {
    const most = this.#most;
    this.#most = {
      maxEvents: Math.min(most.maxEvents, maxEvents ?? most.maxEvents),
      maxBytes: Math.min(most.maxBytes, maxBytes ?? most.maxBytes),
    };
    const tried = passed ?? this.#limits.maxEvents * 2;
    this.#limits = { ...this.#most, maxEvents: Math.min(tried, this.#most.maxEvents) };
  }
}

function batchLimits({ maxBatchEvents, maxBatchBytes }: Target): BatchLimits {
  const { maxEvents, maxBytes } = DEFAULT_BATCH_LIMITS;
  return {
    maxEvents: Math.min(maxBatchEvents ?? maxEvents, MAX_BATCH_EVENTS),
    maxBytes: Math.min(maxBatchBytes ?? maxBytes, MAX_BATCH_BYTES),
  };
}

function groupLimits(maxEvents: number): BatchLimits {
  return { maxEvents, maxBytes: MAX_GROUP_BYTES };
}

/** The first stop decides; whoever asks to be left alone for longer is heard all the same. */
function joined(first: Stop | null, next: Stop | null): Stop | null {
  if (first === null || next === null) return first ?? next;
  const wishes = [first.retryAfterMs, next.retryAfterMs].filter((ms) => ms !== null);
  return { ...first, retryAfterMs: wishes.length === 0 ? null : Math.max(...wishes) };
}

function stopFor(code: string, detail: string): Stop {
  return { kind: 'halt', httpStatus: null, code, detail, retryAfterMs: null };
}
