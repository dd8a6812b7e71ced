import type { BatchReply, Blocked, OutboundItem, StreamName } from '../../receivers/index.ts';
import { noOutcomes, type Outcome, type Verdict } from '../../wire/index.ts';
import type { Target } from '../targets.ts';

/** One item that was not accepted. */
export interface ItemFailure {
  readonly id: string;
  readonly outcome: Outcome;
  readonly httpStatus: number | null;
  readonly category: string | null;
  readonly detail: string | null;
}

/** One item that was accepted. */
export interface ItemSuccess {
  readonly id: string;
  readonly outcome: Outcome;
  readonly httpStatus: number | null;
  /** What the receiver answered, where it is worth keeping. */
  readonly receipt: string | null;
}

/** What one drain did of one stream. */
export interface StreamReport {
  /** Items that were part of a batch. */
  readonly selected: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** The first thousand that were not accepted. */
  readonly failures: readonly ItemFailure[];
  /** The first thousand that arrived now or had before. */
  readonly accepted: readonly ItemSuccess[];
  /** Ids of items whose stored bytes no longer have the hash they were captured with; they were not sent. */
  readonly damaged: readonly string[];
  /** Requests made, those for health apart. */
  readonly requests: number;
  /** Results that spoke of no item they were asked about; they decided nothing. */
  readonly strays: number;
}

/** What one drain of one route did: of its events, and beside them of its bodies and snapshots. */
export interface DrainReport extends StreamReport {
  readonly target: Target;
  readonly bodies: StreamReport;
  readonly snapshots: StreamReport;
  /** Items of replays that wait or are parked after it. */
  readonly replaying: number;
  /** What stopped it, null when it came to its end. */
  readonly blocked: Blocked | null;
}

const MAX_LISTED = 1_000;
const ACCEPTED: ReadonlySet<Outcome> = new Set(['success', 'duplicate', 'pending']);

/** The sums of one stream while it is drained. */
interface Sums extends StreamReport {
  selected: number;
  readonly outcomes: Record<Outcome, number>;
  readonly failures: ItemFailure[];
  readonly accepted: ItemSuccess[];
  readonly damaged: string[];
  requests: number;
  strays: number;
}

/** Adds up a drain while it runs. */
export class DrainTally {
  readonly #target: Target;
  readonly #sums = new Map<StreamName, Sums>();

  constructor(target: Target) {
    this.#target = target;
  }

  /** Items that were part of a recorded batch so far. */
  get done(): number {
    return [...this.#sums.values()].reduce((sum, { selected }) => sum + selected, 0);
  }

  addBatch(
    stream: StreamName,
    items: readonly OutboundItem[],
    reply: Pick<BatchReply, 'requests' | 'strays' | 'verdicts'>,
  ): void {
    const sums = this.#of(stream);
    sums.selected += items.length;
    sums.requests += reply.requests;
    sums.strays += reply.strays;
    for (const [index, item] of items.entries()) {
      const verdict = reply.verdicts[index] ?? null;
      if (verdict !== null) addVerdict(sums, item.id, verdict);
    }
  }

  addDamaged(stream: StreamName, id: string): void {
    this.#of(stream).damaged.push(id);
  }

  report(blocked: Blocked | null, replaying = 0): DrainReport {
    const [bodies, snapshots] = [{ ...this.#of('bodies') }, { ...this.#of('snapshots') }];
    return { target: this.#target, ...this.#of('events'), bodies, snapshots, replaying, blocked };
  }

  #of(stream: StreamName): Sums {
    const known = this.#sums.get(stream);
    if (known !== undefined) return known;
    const sums = nothing();
    this.#sums.set(stream, sums);
    return sums;
  }
}

function nothing(): Sums {
  return {
    selected: 0,
    outcomes: noOutcomes(),
    failures: [],
    accepted: [],
    damaged: [],
    requests: 0,
    strays: 0,
  };
}

function addVerdict(sums: Sums, id: string, verdict: Verdict): void {
  const { outcome, httpStatus, category, detail, receipt } = verdict;
  sums.outcomes[outcome] += 1;
  if (ACCEPTED.has(outcome)) {
    if (sums.accepted.length < MAX_LISTED) {
      sums.accepted.push({ id, outcome, httpStatus, receipt });
    }
  } else if (sums.failures.length < MAX_LISTED) {
    sums.failures.push({ id, outcome, httpStatus, category, detail });
  }
}

/** The report of a drain that came to nothing. */
export function undrained(target: Target, blocked: Blocked): DrainReport {
  return new DrainTally(target).report(blocked);
}
