import { BATCH_WRAPPER_BYTES } from '../../wire/index.ts';
import type { DueItem } from '../stream.ts';

/** What one request may hold; bytes are counted before compression. */
export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** Used where a receiver advertises nothing (wire contract 1.2). */
export const DEFAULT_BATCH_LIMITS: BatchLimits = { maxEvents: 1000, maxBytes: 524_288 };

const COMMA_BYTES = 1;

/**
 * How many of the due items, from the first, fit one request. The first is always taken, even when it alone is
 * over the limit: whether it is refused for that is the receiver's word.
 */
export function cutBatch(due: readonly DueItem[], limits: BatchLimits): number {
  let bytes = BATCH_WRAPPER_BYTES;
  let count = 0;
  for (const item of due) {
    if (count === limits.maxEvents) break;
    bytes += item.bytes + (count === 0 ? 0 : COMMA_BYTES);
    if (count > 0 && bytes > limits.maxBytes) break;
    count += 1;
  }
  return count;
}
