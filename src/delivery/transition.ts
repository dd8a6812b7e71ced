import type { Millis } from '../base/index.ts';
import { isTerminalCode, type Outcome, type Verdict } from '../wire/index.ts';

const FIRST_SECONDS = 1;
const LAST_SECONDS = 300;
const LAST_DOUBLING = 9;
const RETRY_AFTER_MIN_MS = 1_000;
/** No wait is ever longer: what is due later than this was written under another clock. */
export const LONGEST_WAIT_MS = 3_600_000;

/** The states of a delivery, in the order of their stored numbers. */
export const DELIVERY_STATES = ['queued', 'delivered', 'parked', 'superseded', 'withheld'] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface Delivery {
  readonly state: DeliveryState;
  readonly reason: string | null;
  /** Per-item answers so far. */
  readonly attempts: number;
  readonly dueAt: Millis;
}

/** What one verdict does to a delivery. */
export interface DeliveryChange extends Delivery {
  readonly outcome: Outcome;
}

/**
 * The whole state machine, total over states and outcomes. A positive answer delivers from every state, for the
 * bytes arrived; any other answer moves only a queued delivery; delivered never changes again.
 * @returns null when the delivery stays as it is.
 */
export function transition(
  delivery: Delivery,
  verdict: Verdict,
  now: Millis,
): DeliveryChange | null {
  if (delivery.state === 'delivered') return null;
  const attempts = delivery.attempts + 1;
  if (verdict.outcome === 'success' || verdict.outcome === 'duplicate') {
    return { state: 'delivered', reason: null, attempts, dueAt: 0, outcome: verdict.outcome };
  }
  if (delivery.state !== 'queued') return null;
  const code = verdict.category;
  if (verdict.outcome === 'terminal_failed' && code !== null && isTerminalCode(code)) {
    return { state: 'parked', reason: code, attempts, dueAt: 0, outcome: verdict.outcome };
  }
  // Only the allow-list parks: any other final word of a receiver is tried again.
  const outcome = verdict.outcome === 'terminal_failed' ? 'rejected' : verdict.outcome;
  const wait =
    verdict.retryAfterMs === null
      ? backoffMs(delivery.attempts)
      : clampRetryAfter(verdict.retryAfterMs);
  return { state: 'queued', reason: null, attempts, dueAt: now + wait, outcome };
}

/** Milliseconds to wait after the `failures`-th failure in a row (0 = the first): 1 s doubling to 5 min. */
export function backoffMs(failures: number): Millis {
  const doublings = Math.min(Math.max(failures, 0), LAST_DOUBLING);
  return Math.min(FIRST_SECONDS * 2 ** doublings, LAST_SECONDS) * 1000;
}

/** A server's Retry-After, kept between 1 s and 1 h whatever it says. */
export function clampRetryAfter(ms: Millis): Millis {
  if (Number.isNaN(ms)) return RETRY_AFTER_MIN_MS;
  return Math.ceil(Math.min(Math.max(ms, RETRY_AFTER_MIN_MS), LONGEST_WAIT_MS));
}
