import { describe, expect, it } from 'vitest';
import type { RouteFacts } from '../delivery/index.ts';
import type { JournalFacts } from '../journal/index.ts';
import { balance, isSettled } from './conservation.ts';

const JOURNAL: JournalFacts = { captured: 100, ineligible: 7, oldestCapturedAt: 0, lastSeq: 100 };
const NOTHING = { queued: 0, delivered: 0, parked: 0, superseded: 0, withheld: 0 };

/** A pass from the 11th event on that has opened up to the 80th; 4 of those and 3 behind may never leave. */
const FACTS: RouteFacts = {
  stream: 'events',
  generation: {
    ...{ id: 1, routeId: 1, kind: 'follow', number: 1, fromSeq: 11, nextSeq: 81 },
    ...{ skippedIneligible: 4, skippedDropped: 6, planned: 0, instanceId: null },
  },
  queue: null,
  recounted: null,
  kinds: null,
  counts: { queued: 10, delivered: 30, parked: 8, superseded: 7, withheld: 5 },
  ineligibleAhead: 3,
  lastSeq: 100,
  aside: [],
  oldestWaitingAt: null,
  pacing: {
    ...{ failures: 0, dueAt: 0, retryAfterAt: 0, lastAttemptAt: null },
    ...{ lastSuccessAt: null, lastError: null },
  },
};

it('puts every captured event into exactly one place', () => {
  expect(balance(JOURNAL, FACTS)).toEqual({
    ...{ captured: 100, beforeStart: 10, neverEligible: 7, dropped: 6, unopened: 17, opened: 60 },
    ...{ ...FACTS.counts, balanced: true },
  });
});

describe('does not balance', () => {
  it('when the journal counted another number than there are rows', () => {
    expect(balance({ ...JOURNAL, captured: 101 }, FACTS).balanced).toBe(false);
    expect(balance({ ...JOURNAL, captured: 99 }, FACTS).balanced).toBe(false);
  });

  it.each(Object.keys(NOTHING))('when a delivery too many or too few is %s', (state) => {
    for (const by of [-1, 1]) {
      const counts = { ...FACTS.counts };
      counts[state as keyof typeof counts] += by;
      expect(balance(JOURNAL, { ...FACTS, counts }).balanced).toBe(false);
    }
  });

  it('when the cursor stands behind the last event', () => {
    const generation = { ...FACTS.generation, nextSeq: 103 };
    const counts = { ...FACTS.counts, delivered: 52 };
    const books = balance({ ...JOURNAL, captured: 100 }, { ...FACTS, generation, counts });
    expect(books.unopened).toBeLessThan(0);
    expect(books.balanced).toBe(false);
  });
});

describe('is settled', () => {
  const done: RouteFacts = {
    ...FACTS,
    generation: { ...FACTS.generation, nextSeq: 101, skippedIneligible: 7 },
    ineligibleAhead: 0,
    counts: { ...NOTHING, delivered: 70, superseded: 5, withheld: 2 },
  };

  it('when nothing waits and nothing is parked; what was withheld has left the line', () => {
    expect(isSettled(balance(JOURNAL, done))).toBe(true);
  });

  it.each([
    ['unopened', FACTS],
    ['queued', { ...done, counts: { ...done.counts, queued: 1, delivered: 69 } }],
    ['parked', { ...done, counts: { ...done.counts, parked: 1, delivered: 69 } }],
    ['missing', { ...done, counts: { ...done.counts, delivered: 69 } }],
  ])('not while something is %s', (_, facts) => {
    expect(isSettled(balance(JOURNAL, facts))).toBe(false);
  });
});
