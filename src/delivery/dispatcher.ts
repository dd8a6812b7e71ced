import { sha256Hex, type Db, type Millis } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import type { Blocked, OutboundItem, Receiver, Stop } from '../receivers/index.ts';
import type { Verdict } from '../wire/index.ts';
import { cutBatch, DEFAULT_BATCH_LIMITS, type BatchLimits } from './batcher.ts';
import { connect } from './connection.ts';
import { claimDrain, DRAIN_EXPIRY_MS, releaseDrain, renewDrain, type Drain } from './drains.ts';
import { open, readFollow, setInstance, type Generation } from './generations.ts';
import { begin, FenceLost, record, selectDue, type Batch } from './ledger.ts';
import { noteFailure, noteSuccess, readPacing } from './pacing.ts';
import { DrainTally, type DrainReport } from './report.ts';
import { block, routeById, unblock, type Route } from './routes.ts';
import type { Stream } from './stream.ts';
import { recordHealth, type Target } from './targets.ts';

export interface DrainOptions {
  readonly home: Home;
  readonly db: Db;
  readonly route: Route;
  readonly streams: readonly Stream[];
  /** An operator's own command ignores backoff, never a Retry-After, and asks the receiver who it is. */
  readonly byOperator: boolean;
  readonly signal: AbortSignal;
  /** Called after every recorded batch with the number of items done. */
  readonly onProgress: (done: number) => void;
}

const EVERYTHING_IS_DUE = Number.MAX_SAFE_INTEGER;
const MAX_BATCHES_IN_FLIGHT = 8;
const MAX_BATCH_BYTES = 8_388_608;
const MAX_BATCH_EVENTS = 5_000;
const RENEW_EVERY_MS = DRAIN_EXPIRY_MS / 3;

/**
 * Delivers what a route lacks: gates, then per stream open, select, begin, post, record, until nothing is due or
 * the receiver asks to wait. Whatever stops it is written on the route and returned; nothing is lost.
 * @throws UserError `busy` when another process drains this route for longer than 10 s.
 */
export async function drain(options: DrainOptions): Promise<DrainReport> {
  const { home, db, route } = options;
  const { system } = home;
  const tally = new DrainTally(route.target);
  const connection = await connect(home, db, route.target);
  if (connection.kind === 'blocked') {
    block(db, route.id, connection.blocked, system.clock.now());
    return tally.report(connection.blocked);
  }
  const lease = await claimDrain(db, system, route.id);
  const ended = new AbortController();
  const kept = keepDrain(options, lease, ended);
  try {
    const work = { options, lease, tally, receiver: connection.receiver };
    const blocked = await drainStreams(work, AbortSignal.any([options.signal, ended.signal]));
    writeBlocked(options, blocked);
    return tally.report(blocked);
  } catch (error) {
    if (!(error instanceof FenceLost)) throw error;
    return tally.report({
      reason: 'daemon_lock',
      detail: 'another process took over this target',
      remedy: 'spec-kitty sync status',
    });
  } finally {
    ended.abort();
    await kept;
    releaseDrain(db, lease);
  }
}

interface Work {
  readonly options: DrainOptions;
  readonly lease: Drain;
  readonly tally: DrainTally;
  readonly receiver: Receiver;
}

/** A slow receiver must not cost the drain its ownership: it is renewed while requests are under way. */
async function keepDrain(options: DrainOptions, lease: Drain, ended: AbortController): Promise<void> {
  const { clock } = options.home.system;
  while (!ended.signal.aborted) {
    await clock.sleep(RENEW_EVERY_MS, ended.signal);
    if (ended.signal.aborted) return;
    if (!renewDrain(options.db, lease, clock.now())) ended.abort();
  }
}

async function drainStreams(work: Work, signal: AbortSignal): Promise<Blocked | null> {
  for (const stream of work.options.streams) {
    if (!work.receiver.offers(stream.name)) continue;
    const blocked = await drainStream(work, stream, signal);
    if (blocked !== null) return blocked;
  }
  return null;
}

async function drainStream(work: Work, stream: Stream, signal: AbortSignal): Promise<Blocked | null> {
  const { options } = work;
  const { home, db, route } = options;
  openAll(work, stream);
  const waiting = pacingBlock(options, stream);
  if (waiting !== null) return waiting;
  const generation = readFollow(db, route.id, stream);
  if (generation === null) return null;
  const isDue = nextDue(work, stream, { genId: generation.id, after: 0, limit: 1 }).length > 0;
  if (!isDue && !options.byOperator) return null;
  const asked = await askReceiver(work, { stream, generation, signal });
  if (asked.blocked !== null || !isDue) return asked.blocked;
  const sending = new Sending(work, { stream, generation: asked.generation, target: asked.target, signal });
  const stop = await sending.run();
  if (stop === null) return null;
  if (stop.code !== 'revoked') {
    noteFailure(db, { routeId: route.id, stream }, stop, home.system.clock.now());
  }
  return blockedBy(stop);
}

function openAll(work: Work, stream: Stream): void {
  const { db, route, home } = work.options;
  const { faults } = home.system;
  for (;;) {
    const opened = open(db, { routeId: route.id, stream, faults });
    if (opened === 0) return;
  }
}

/** A Retry-After is honoured by everyone; a backoff of our own by everyone but the operator. */
function pacingBlock(options: DrainOptions, stream: Stream): Blocked | null {
  const { db, route, home, byOperator } = options;
  const pacing = readPacing(db, route.id, stream);
  const until = byOperator ? pacing.retryAfterAt : Math.max(pacing.dueAt, pacing.retryAfterAt);
  const left = until - home.system.clock.now();
  if (left <= 0) return null;
  const seconds = Math.ceil(left / 1000);
  const why = pacing.lastError === null ? '' : ` (${pacing.lastError})`;
  return {
    reason: 'network_unavailable',
    detail: `the receiver is left alone for another ${seconds} s${why}`,
    remedy: 'spec-kitty sync now',
  };
}

interface Asked {
  readonly blocked: Blocked | null;
  readonly generation: Generation;
  readonly target: Target;
}

/** Asks who the receiver is and what it takes, before anything is sent to it. */
async function askReceiver(
  work: Work,
  context: { readonly stream: Stream; readonly generation: Generation; readonly signal: AbortSignal },
): Promise<Asked> {
  const { db, route, home } = work.options;
  const { generation, stream } = context;
  const now = home.system.clock.now();
  const probe = await work.receiver.probe(context.signal);
  if (probe.kind === 'stopped') {
    noteFailure(db, { routeId: route.id, stream }, probe.stop, now);
    return { blocked: blockedBy(probe.stop), generation, target: route.target };
  }
  if (probe.kind === 'silent') return { blocked: null, generation, target: route.target };
  recordHealth(db, route.target.id, probe.health, now);
  const target = routeById(db, route.id)?.target ?? route.target;
  const blocked = resetBlock(generation, target, probe.health.serverInstanceId);
  return { blocked, generation, target };
}

function resetBlock(generation: Generation, target: Target, instanceId: string | null): Blocked | null {
  if (generation.instanceId === null || instanceId === null) return null;
  if (generation.instanceId === instanceId) return null;
  return {
    reason: 'receiver_reset',
    detail: `${target.canonicalUrl} is another instance than the one that was delivered to`,
    remedy: `spec-kitty sync targets accept ${target.publicId}`,
  };
}

function blockedBy(stop: Stop): Blocked {
  const detail = stop.code === stop.detail ? stop.code : `${stop.code}: ${stop.detail}`;
  if (stop.kind === 'backoff') {
    return { reason: 'network_unavailable', detail, remedy: 'spec-kitty sync now' };
  }
  const reason = stop.code === 'receiver_reset' ? 'receiver_reset' : 'halted';
  return { reason, detail, remedy: 'spec-kitty sync now' };
}

function writeBlocked(options: DrainOptions, blocked: Blocked | null): void {
  const { db, route, home } = options;
  if (blocked === null) unblock(db, route.id);
  else block(db, route.id, blocked, home.system.clock.now());
}

function nextDue(
  work: Work,
  stream: Stream,
  page: { readonly genId: number; readonly after: number; readonly limit: number },
): ReturnType<typeof selectDue> {
  const { byOperator, home, db } = work.options;
  const dueBy: Millis = byOperator ? EVERYTHING_IS_DUE : home.system.clock.now();
  return selectDue(db, stream, { ...page, dueBy });
}

/** The sending of one stream: batches in capture order, up to as many in flight as the receiver waives order for. */
class Sending {
  readonly #work: Work;
  readonly #stream: Stream;
  readonly #generation: Generation;
  readonly #signal: AbortSignal;
  readonly #width: number;
  #limits: BatchLimits;
  #instanceId: string | null;
  #after = 0;
  #stop: Stop | null = null;

  constructor(
    work: Work,
    context: {
      readonly stream: Stream;
      readonly generation: Generation;
      readonly target: Target;
      readonly signal: AbortSignal;
    },
  ) {
    const { target } = context;
    this.#work = work;
    this.#stream = context.stream;
    this.#generation = context.generation;
    this.#signal = context.signal;
    this.#instanceId = context.generation.instanceId;
    this.#width = Math.min(target.maxConcurrentBatches ?? 1, MAX_BATCHES_IN_FLIGHT);
    this.#limits = {
      maxEvents: Math.min(target.maxBatchEvents ?? DEFAULT_BATCH_LIMITS.maxEvents, MAX_BATCH_EVENTS),
      maxBytes: Math.min(target.maxBatchBytes ?? DEFAULT_BATCH_LIMITS.maxBytes, MAX_BATCH_BYTES),
    };
  }

  /** Sends until nothing is due; null, or what stopped it. */
  async run(): Promise<Stop | null> {
    const inFlight = new Set<Promise<void>>();
    try {
      await this.#pump(inFlight);
    } finally {
      // Requests under way are recorded, or fail, before anyone else may drain.
      await Promise.allSettled(inFlight);
    }
    return this.#stop;
  }

  async #pump(inFlight: Set<Promise<void>>): Promise<void> {
    let prepared = this.#prepare();
    while (inFlight.size > 0 || prepared.length > 0) {
      while (prepared.length > 0 && inFlight.size < this.#width) {
        const batch = this.#begin(prepared);
        if (batch !== null) {
          const posted = this.#post(batch, prepared).finally(() => inFlight.delete(posted));
          inFlight.add(posted);
        }
        prepared = this.#prepare();
      }
      if (inFlight.size > 0) await Promise.race(inFlight);
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
      if (!isIntact) this.#work.tally.addDamaged(item.id);
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
    const another = this.#isAnotherInstance(reply.instanceId);
    if (another) this.#stop ??= stopFor('receiver_reset', 'a batch was answered by another instance');
    this.#stop ??= reply.stop;
    this.#learn(reply.learned);
    this.#record(batch, items, {
      verdicts: another ? items.map(() => null) : reply.verdicts,
      httpStatus: reply.httpStatus,
      requests: reply.requests,
      isAnswered: reply.stop === null && !another,
    });
  }

  #record(
    batch: Batch,
    items: readonly OutboundItem[],
    answer: {
      readonly verdicts: readonly (Verdict | null)[];
      readonly httpStatus: number | null;
      readonly requests: number;
      readonly isAnswered: boolean;
    },
  ): void {
    const { options, lease, tally } = this.#work;
    const { system, log } = options.home;
    const now = system.clock.now();
    const { verdicts, httpStatus, requests } = answer;
    const result = this.#stop?.code ?? 'recorded';
    const recorded = options.db.tx(() => {
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
    tally.addBatch(items, verdicts, requests);
    log.info('delivery.batch', {
      target: options.route.target.publicId,
      stream: this.#stream.name,
      batch: batch.id,
      items: items.length,
      status: httpStatus,
      requests,
      result,
      parked: recorded.parked,
      ...recorded.outcomes,
    });
    options.onProgress(tally.done);
  }

  #isAnotherInstance(instanceId: string | null): boolean {
    if (instanceId === null) return false;
    if (this.#instanceId === null) {
      this.#instanceId = instanceId;
      setInstance(this.#work.options.db, this.#generation.id, instanceId);
    }
    return instanceId !== this.#instanceId;
  }

  #learn(learned: { readonly maxEvents: number | null; readonly maxBytes: number | null }): void {
    this.#limits = {
      maxEvents: Math.min(this.#limits.maxEvents, learned.maxEvents ?? this.#limits.maxEvents),
      maxBytes: Math.min(this.#limits.maxBytes, learned.maxBytes ?? this.#limits.maxBytes),
    };
  }
}

function stopFor(code: string, detail: string): Stop {
  return { kind: 'halt', httpStatus: null, code, detail, retryAfterMs: null };
}
