import type { Millis } from '../../base/index.ts';

/** When an event happened, among all others: the later of two has the last word. */
export interface Moment {
  readonly occurredAt: Millis;
  readonly lamport: number;
  readonly eventId: string;
}

/** Whether `one` has the last word over `other`. */
export function isLater(one: Moment, other: Moment): boolean {
  if (one.occurredAt !== other.occurredAt) return one.occurredAt > other.occurredAt;
  if (one.lamport !== other.lamport) return one.lamport > other.lamport;
  return one.eventId > other.eventId;
}
