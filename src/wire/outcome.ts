import type { Millis } from '../base/index.ts';

/** What the far side can say about one item; the six words are the contract's. */
export const OUTCOMES = [
  'success',
  'duplicate',
  'pending',
  'rejected',
  'transient',
  'terminal_failed',
] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** A count of each outcome, all of them 0. */
export function noOutcomes(): Record<Outcome, number> {
  return { success: 0, duplicate: 0, pending: 0, rejected: 0, transient: 0, terminal_failed: 0 };
}

/** What a receiver's answer means for one item. */
export interface Verdict {
  readonly outcome: Outcome;
  /** Null when no answer came. */
  readonly httpStatus: number | null;
  /** A code, ours or the receiver's; only those of `TERMINAL_CODES` may park an item. */
  readonly category: string | null;
  /** Text for people; it never decides anything. */
  readonly detail: string | null;
  readonly retryAfterMs: Millis | null;
  /** What the receiver signed, if it signs; kept, not read. */
  readonly receipt: string | null;
}

/** The only codes with which an item is parked. Everything else is tried again. */
export const TERMINAL_CODES = [
  'hash_conflict',
  'hash_mismatch',
  'payload_too_large',
  'schema_invalid',
  'unknown_event_type',
  'project_not_admitted',
  'project_not_consented',
  'project_refused',
  'namespace_not_found',
  'bad_request',
  'erased',
] as const;

export type TerminalCode = (typeof TERMINAL_CODES)[number];

const TERMINAL: ReadonlySet<string> = new Set(TERMINAL_CODES);

/** Whether a code of an answer is on the allow-list of codes that park. Exact spelling. */
export function isTerminalCode(text: string): text is TerminalCode {
  return TERMINAL.has(text);
}
