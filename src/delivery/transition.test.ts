import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verdict } from '../../test/support/ledger-trial.ts';
import { OUTCOMES, TERMINAL_CODES, type Outcome } from '../wire/index.ts';
import {
  backoffMs,
  clampRetryAfter,
  DELIVERY_STATES,
  transition,
  type DeliveryState,
} from './transition.ts';

const NOW = 1_760_000_000_000;
const ATTEMPTS = 3;
/** After three earlier failures: 2^3 seconds. */
const BACKOFF_MS = 8_000;

const OTHER_CODES = [
  null,
  '',
  'server_error',
  'validation',
  'HASH_CONFLICT',
  ' erased',
  'constructor',
];
const POSITIVE: readonly Outcome[] = ['success', 'duplicate'];
const OTHERS: readonly Outcome[] = ['pending', 'rejected', 'transient'];

function from(state: DeliveryState): Parameters<typeof transition>[0] {
  const isAside = state === 'parked' || state === 'superseded' || state === 'withheld';
  return { state, reason: isAside ? 'a reason' : null, attempts: ATTEMPTS, dueAt: 17 };
}

function each<A, B, C>(as: readonly A[], bs: readonly B[], cs: readonly C[]): readonly [A, B, C][] {
  return as.flatMap((a) => bs.flatMap((b) => cs.map((c): [A, B, C] => [a, b, c])));
}

const CODES = [...OTHER_CODES, ...TERMINAL_CODES];
const NOT_DELIVERED = DELIVERY_STATES.filter((state) => state !== 'delivered');
const ASIDE = NOT_DELIVERED.filter((state) => state !== 'queued');

describe('a delivery', () => {
  it.each(each(['delivered'] as const, OUTCOMES, CODES))(
    'that is %s stays so whatever is said: %s %s',
    (state, outcome, code) => {
      expect(transition(from(state), verdict(outcome, code), NOW)).toBeNull();
    },
  );

  it.each(each(NOT_DELIVERED, POSITIVE, CODES))(
    'that is %s is delivered by %s (%s), for the bytes arrived',
    (state, outcome, code) => {
      expect(transition(from(state), verdict(outcome, code, 60_000), NOW)).toEqual({
        state: 'delivered',
        reason: null,
        attempts: ATTEMPTS + 1,
        dueAt: 0,
        outcome,
      });
    },
  );

  it.each(each(ASIDE, [...OTHERS, 'terminal_failed'] as const, CODES))(
    'that is %s does not move for %s (%s)',
    (state, outcome, code) => {
      expect(transition(from(state), verdict(outcome, code), NOW)).toBeNull();
    },
  );

  it.each(TERMINAL_CODES)('that is queued is parked by the final word %s', (code) => {
    expect(transition(from('queued'), verdict('terminal_failed', code, 60_000), NOW)).toEqual({
      state: 'parked',
      reason: code,
      attempts: ATTEMPTS + 1,
      dueAt: 0,
      outcome: 'terminal_failed',
    });
  });

  it.each(OTHER_CODES)(
    'that is queued is tried again after a final word that is not on the list: %j',
    (code) => {
      expect(transition(from('queued'), verdict('terminal_failed', code), NOW)).toMatchObject({
        state: 'queued',
        reason: null,
        attempts: ATTEMPTS + 1,
        dueAt: NOW + BACKOFF_MS,
      });
    },
  );

  it.each(each(OTHERS, CODES, [null, 30_000]))(
    'that is queued waits for its next turn after %s (%s), Retry-After %s',
    (outcome, code, retryAfterMs) => {
      expect(transition(from('queued'), verdict(outcome, code, retryAfterMs), NOW)).toEqual({
        state: 'queued',
        reason: null,
        attempts: ATTEMPTS + 1,
        dueAt: NOW + (retryAfterMs ?? BACKOFF_MS),
        outcome,
      });
    },
  );

  it('has a whole number of milliseconds for its next turn, at most an hour ahead', () => {
    const said = fc.oneof(fc.double(), fc.integer());
    fc.assert(
      fc.property(fc.constantFrom(...OTHERS), said, fc.nat(), (outcome, retryAfterMs, attempts) => {
        const delivery = { ...from('queued'), attempts };
        const change = transition(delivery, verdict(outcome, null, retryAfterMs), NOW);
        expect(Number.isInteger(change?.dueAt)).toBe(true);
        expect(change?.dueAt).toBeGreaterThan(NOW);
        expect(change?.dueAt).toBeLessThanOrEqual(NOW + 3_600_000);
      }),
    );
  });
});

it('the states stand in the order of their stored numbers', () => {
  expect(DELIVERY_STATES).toEqual(['queued', 'delivered', 'parked', 'superseded', 'withheld']);
});

it.each([
  [0, 1],
  [1, 2],
  [2, 4],
  [3, 8],
  [4, 16],
  [5, 32],
  [6, 64],
  [7, 128],
  [8, 256],
  [9, 300],
  [10, 300],
  [1_000_000, 300],
  [Number.POSITIVE_INFINITY, 300],
  [-1, 1],
])('the wait after %i earlier failures is %i s', (failures, seconds) => {
  expect(backoffMs(failures)).toBe(seconds * 1_000);
});

it.each([
  [0, 1_000],
  [-5, 1_000],
  [999, 1_000],
  [1_000, 1_000],
  [1_500.4, 1_501],
  [3_600_000, 3_600_000],
  [3_600_001, 3_600_000],
  [Number.POSITIVE_INFINITY, 3_600_000],
  [Number.NEGATIVE_INFINITY, 1_000],
  [Number.NaN, 1_000],
])('a Retry-After of %d ms is taken for %d ms', (said, taken) => {
  expect(clampRetryAfter(said)).toBe(taken);
});
