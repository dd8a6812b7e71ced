import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../wire/index.ts';
import { cutBatch, DEFAULT_BATCH_LIMITS } from './batcher.ts';
import type { DueItem } from '../stream.ts';

/** `{"events":[` and `]}`. */
const WRAPPER = 13;

function due(...sizes: readonly number[]): readonly DueItem[] {
  return sizes.map((bytes, index) => ({ seq: index + 1, bytes }));
}

describe('cutBatch', () => {
  it('uses 1000 events and 512 KiB where a receiver advertises nothing', () => {
    expect(DEFAULT_BATCH_LIMITS).toEqual({ maxEvents: 1000, maxBytes: 524_288 });
  });

  it.each([
    ['nothing is due', [], { maxEvents: 10, maxBytes: 100 }, 0],
    ['all fit', [10, 10], { maxEvents: 10, maxBytes: 100 }, 2],
    ['the count is reached', [1, 1, 1], { maxEvents: 2, maxBytes: 100 }, 2],
    ['the bytes are reached exactly', [10, 10], { maxEvents: 9, maxBytes: WRAPPER + 21 }, 2],
    ['the comma is one byte too many', [10, 10], { maxEvents: 9, maxBytes: WRAPPER + 20 }, 1],
    ['the first alone is too large', [500, 1], { maxEvents: 9, maxBytes: 100 }, 1],
    ['a later one is too large', [10, 500, 1], { maxEvents: 9, maxBytes: 100 }, 1],
  ])('when %s', (_when, sizes, limits, count) => {
    expect(cutBatch(due(...sizes), limits)).toBe(count);
  });

  it('takes as many as a request holds, counted in bytes of the request as it is encoded', () => {
    const sizes = fc.array(fc.integer({ min: 2, max: 60 }), { minLength: 1, maxLength: 30 });
    const limits = fc.record({
      maxEvents: fc.integer({ min: 1, max: 20 }),
      maxBytes: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(sizes, limits, (all, limit) => {
        const count = cutBatch(due(...all), limit);
        const size = (n: number): number =>
          encodeBatch(all.slice(0, n).map((bytes) => Buffer.alloc(bytes, '1'))).length;
        expect(count).toBeGreaterThanOrEqual(1);
        expect(count).toBeLessThanOrEqual(limit.maxEvents);
        if (count > 1) expect(size(count)).toBeLessThanOrEqual(limit.maxBytes);
        const isFull = count === all.length || count === limit.maxEvents;
        if (!isFull) expect(size(count + 1)).toBeGreaterThan(limit.maxBytes);
      }),
    );
  });
});
