import { describe, expect, it } from 'vitest';
import { ledgerTrial } from '../../../test/support/ledger-trial.ts';
import type { Stop } from '../../receivers/index.ts';
import { noteFailure, noteSuccess, readPacing } from './pacing.ts';
import { eventsStream as stream } from '../stream.ts';

const NOW = 1_760_000_000_000;

function stop(kind: Stop['kind'], retryAfterMs: number | null = null): Stop {
  return { kind, httpStatus: 503, code: 'server_error', detail: 'HTTP 503', retryAfterMs };
}

describe('a route that was never tried', () => {
  it('is due at once', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    expect(readPacing(trial.db, route.id, stream)).toEqual({
      failures: 0,
      dueAt: 0,
      retryAfterAt: 0,
      lastError: null,
      lastAttemptAt: null,
      lastSuccessAt: null,
    });
  });
});

describe('a failed request', () => {
  it('puts the route off for 1 s, then 2, 4 … up to 5 minutes, and no other route', () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    const waits = Array.from({ length: 11 }, () => {
      noteFailure(trial.db, { routeId: a.id, stream }, stop('backoff'), NOW);
      return (readPacing(trial.db, a.id, stream).dueAt - NOW) / 1_000;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(readPacing(trial.db, a.id, stream)).toMatchObject({
      failures: 11,
      retryAfterAt: 0,
      lastError: 'server_error: HTTP 503',
      lastAttemptAt: NOW,
      lastSuccessAt: null,
    });
    expect(readPacing(trial.db, b.id, stream).failures).toBe(0);
  });

  it('for which an operator is needed is tried again after 5 minutes all the same', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    noteFailure(trial.db, { routeId: route.id, stream }, stop('halt'), NOW);
    expect(readPacing(trial.db, route.id, stream)).toMatchObject({
      dueAt: NOW + 300_000,
      retryAfterAt: 0,
    });
  });

  it.each([
    [30_000, 30_000, 30_000],
    [0, 1_000, 1_000],
    [9e12, 3_600_000, 3_600_000],
  ])('with a Retry-After of %i ms waits at least that, within an hour', (said, until, due) => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    noteFailure(trial.db, { routeId: route.id, stream }, stop('backoff', said), NOW);
    expect(readPacing(trial.db, route.id, stream)).toMatchObject({
      retryAfterAt: NOW + until,
      dueAt: NOW + due,
    });
  });

  it('never waits less than its own turn because the receiver asked for less', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    for (let n = 0; n < 5; n += 1)
      noteFailure(trial.db, { routeId: route.id, stream }, stop('backoff', 2_000), NOW);
    expect(readPacing(trial.db, route.id, stream)).toMatchObject({
      retryAfterAt: NOW + 2_000,
      dueAt: NOW + 16_000,
    });
  });

  it('is forgotten after the next good one', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    noteFailure(trial.db, { routeId: route.id, stream }, stop('backoff', 5_000), NOW);
    noteSuccess(trial.db, route.id, stream, NOW + 9_000);
    expect(readPacing(trial.db, route.id, stream)).toEqual({
      failures: 0,
      dueAt: 0,
      retryAfterAt: 0,
      lastError: null,
      lastAttemptAt: NOW + 9_000,
      lastSuccessAt: NOW + 9_000,
    });
    noteFailure(trial.db, { routeId: route.id, stream }, stop('backoff'), NOW + 10_000);
    expect(readPacing(trial.db, route.id, stream)).toMatchObject({
      failures: 1,
      lastSuccessAt: NOW + 9_000,
    });
  });
});
