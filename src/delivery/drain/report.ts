import type { BatchReply, Blocked, OutboundItem } from '../../receivers/index.ts';
import type { Outcome, Verdict } from '../../wire/index.ts';
import type { Target } from '../targets.ts';

/** One item that was not accepted. */
export interface ItemFailure {
  readonly id: string;
  readonly outcome: Outcome;
  readonly httpStatus: number | null;
  readonly category: string | null;
  readonly detail: string | null;
}

/** What one drain of one route did. */
export interface DrainReport {
  readonly target: Target;
  /** Items that were part of a batch. */
  readonly selected: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** The first thousand that were not accepted. */
  readonly failures: readonly ItemFailure[];
  /** Ids of items whose stored bytes no longer have the hash they were captured with; they were not sent. */
  readonly damaged: readonly string[];
  /** Batch requests made. */
  readonly requests: number;
  /** Results that spoke of no item they were asked about; they decided nothing. */
  readonly strays: number;
  /** Items of replays that wait or are parked after it. */
  readonly replaying: number;
  /** What stopped it, null when it came to its end. */
  readonly blocked: Blocked | null;
}

const MAX_FAILURES = 1_000;
const ACCEPTED: ReadonlySet<Outcome> = new Set(['success', 'duplicate', 'pending']);

/** Adds up a drain while it runs. */
export class DrainTally {
  readonly #target: Target;
  readonly #outcomes: Record<Outcome, number> = {
    success: 0,
    duplicate: 0,
    pending: 0,
    rejected: 0,
    transient: 0,
    terminal_failed: 0,
  };
  readonly #failures: ItemFailure[] = [];
  readonly #damaged: string[] = [];
  #selected = 0;
  #requests = 0;
  #strays = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Items that were part of a recorded batch so far. */
  get done(): number {
    return this.#selected;
  }

  addBatch(
    items: readonly OutboundItem[],
    reply: Pick<BatchReply, 'requests' | 'strays' | 'verdicts'>,
  ): void {
    this.#selected += items.length;
    this.#requests += reply.requests;
    this.#strays += reply.strays;
    for (const [index, item] of items.entries()) {
      const verdict = reply.verdicts[index] ?? null;
      if (verdict !== null) this.#addVerdict(item.id, verdict);
    }
  }

  addDamaged(id: string): void {
    this.#damaged.push(id);
  }

  report(blocked: Blocked | null, replaying = 0): DrainReport {
    return {
      target: this.#target,
      selected: this.#selected,
      outcomes: { ...this.#outcomes },
      failures: [...this.#failures],
      damaged: [...this.#damaged],
      requests: this.#requests,
      strays: this.#strays,
      replaying,
      blocked,
    };
  }

  #addVerdict(id: string, verdict: Verdict): void {
    const { outcome, httpStatus, category, detail } = verdict;
    this.#outcomes[outcome] += 1;
    if (ACCEPTED.has(outcome) || this.#failures.length >= MAX_FAILURES) return;
    this.#failures.push({ id, outcome, httpStatus, category, detail });
  }
}

/** The report of a drain that came to nothing. */
export function undrained(target: Target, blocked: Blocked): DrainReport {
  return new DrainTally(target).report(blocked);
}
