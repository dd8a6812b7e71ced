import { expect, it } from 'vitest';
import { noFaults, urlHash } from '../base/index.ts';
import { ledgerTrial, STREAMS, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { rememberDelivered, type DeliveredBefore } from './earlier.ts';
import { open } from './generations.ts';
import { redeliver } from './replay.ts';
import type { Route } from './routes.ts';
import { eventsStream as stream } from './stream.ts';

const A = { urlHash: urlHash('https://a.example'), team: '', user: '' };

function before(...seqs: readonly number[]): readonly DeliveredBefore[] {
  return seqs.map((seq) => ({ seq, outcome: 'success', deliveredAt: 5 }));
}

function openAll({ db }: LedgerTrial, route: Route): void {
  while (open(db, { routeId: route.id, stream, faults: noFaults }) > 0);
}

it('opens what a target had before as delivered there, and queues it elsewhere', () => {
  const trial = ledgerTrial();
  trial.capture(3, { checkout: null });
  expect(rememberDelivered(trial.db, A, before(1, 3))).toBe(2);
  expect(rememberDelivered(trial.db, A, before(1, 3))).toBe(0);
  const [a, b] = [trial.grant('a'), trial.grant('b')];
  openAll(trial, a);
  openAll(trial, b);
  expect(trial.deliveries(a)).toEqual(['1 delivered', '2 queued', '3 delivered']);
  expect(trial.books(a)).toMatchObject({ queued: 1, delivered: 2, balanced: true });
  expect(trial.deliveries(b)).toEqual(['1 queued', '2 queued', '3 queued']);
});

it('is of the same team and user alone', () => {
  const trial = ledgerTrial();
  trial.capture(1);
  rememberDelivered(trial.db, { ...A, team: 'acme' }, before(1));
  const route = trial.grant('a');
  openAll(trial, route);
  expect(trial.deliveries(route)).toEqual(['1 queued']);
});

it('lets no newer event stand for one that a target had', () => {
  const trial = ledgerTrial();
  trial.captureKeyed('spec.md');
  trial.captureKeyed('spec.md');
  rememberDelivered(trial.db, A, before(1));
  const [a, b] = [trial.grant('a'), trial.grant('b')];
  openAll(trial, a);
  openAll(trial, b);
  expect(trial.deliveries(a)).toEqual(['1 delivered', '2 queued']);
  expect(trial.deliveries(b)).toEqual(['1 queued', '2 queued']);
});

it('does not keep a redelivery from sending everything', () => {
  const trial = ledgerTrial();
  trial.capture(2);
  rememberDelivered(trial.db, A, before(1, 2));
  const route = trial.grant('a');
  openAll(trial, route);
  expect(trial.books(route)).toMatchObject({ delivered: 2 });
  redeliver(trial.db, { routeId: route.id, streams: STREAMS, now: trial.clock.now() });
  openAll(trial, route);
  expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued']);
});
