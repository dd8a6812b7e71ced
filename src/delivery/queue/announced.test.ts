import { describe, expect, it } from 'vitest';
import {
  ledgerTrial,
  STREAMS,
  verdict,
  type LedgerTrial,
} from '../../../test/support/ledger-trial.ts';
import { noFaults } from '../../base/index.ts';
import { bodiesStream as bodies } from '../../bodies/index.ts';
import { claimDrain } from '../drain/drains.ts';
import { open } from '../generations.ts';
import { begin, record, selectDue } from '../ledger.ts';
import { dropParked, listParked, retryParked } from '../parked.ts';
import { readQueue } from './queue.ts';
import type { Route } from '../routes.ts';
import { revoke } from '../grants.ts';
import { eventsStream as events, type Stream } from '../stream.ts';
import { readHeld } from './announced.ts';

function openAll(trial: LedgerTrial, route: Route): void {
  for (const stream of STREAMS) open(trial.db, { routeId: route.id, stream, faults: noFaults });
}

function due(trial: LedgerTrial, route: Route, stream: Stream = bodies): readonly number[] {
  const genId = trial.generation(route, stream).id;
  const page = { genId, after: 0, dueBy: trial.clock.now(), limit: 100 };
  return selectDue(trial.db, stream, page).map(({ seq }) => seq);
}

/** Sends what is due of a stream, with one answer for all of it. */
async function answer(
  trial: LedgerTrial,
  route: Route,
  said: { readonly stream: Stream; readonly verdict: ReturnType<typeof verdict> },
): Promise<void> {
  const { db, system, clock } = trial;
  const now = clock.now();
  const drain = await claimDrain(db, system, route.id);
  const items = said.stream.load(db, due(trial, route, said.stream));
  const genId = trial.generation(route, said.stream).id;
  const batch = begin(db, said.stream, { drain, genId, items, now });
  if (batch === null) throw new Error('the batch was not begun');
  const verdicts = items.map(() => said.verdict);
  const end = { httpStatus: 200, result: 'recorded', now, faults: noFaults };
  record(db, said.stream, { drain, batch, verdicts, ...end });
  db.run('UPDATE drains SET expires_at = NULL, owner_pid = NULL');
}

describe('a body', () => {
  it('is due at a target once its event is delivered at that target, and not before', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.upload('text');
    openAll(trial, a);
    openAll(trial, b);
    expect([due(trial, a), due(trial, b)]).toEqual([[], []]);
    expect(readHeld(trial.db, bodies, trial.generation(a, bodies).id)).toEqual([
      { event: 'queued', reason: null, n: 1 },
    ]);
    await answer(trial, a, { stream: events, verdict: verdict('success') });
    expect([due(trial, a), due(trial, b)]).toEqual([[1], []]);
    await answer(trial, a, { stream: bodies, verdict: verdict('success') });
    expect(trial.deliveries(a, bodies)).toEqual(['1 delivered']);
    expect(trial.deliveries(b, bodies)).toEqual(['1 queued']);
    expect(trial.books(a, bodies)).toMatchObject({ captured: 1, delivered: 1, queued: 0 });
    expect(trial.books(b, bodies)).toMatchObject({ captured: 1, delivered: 0, queued: 1 });
  });

  it('waits for a parked event and says so, and goes when that is retried', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.upload('text');
    openAll(trial, route);
    const refused = verdict('terminal_failed', 'schema_invalid');
    await answer(trial, route, { stream: events, verdict: refused });
    expect(due(trial, route)).toEqual([]);
    const queue = readQueue(trial.db, bodies, trial.generation(route, bodies).id, 0);
    expect(queue).toMatchObject({
      ready: 0,
      waiting: [{ event: 'parked', reason: 'schema_invalid', n: 1 }],
    });
    retryParked(trial.db, events, listParked(trial.db, events));
    await answer(trial, route, { stream: events, verdict: verdict('success') });
    expect(due(trial, route)).toEqual([1]);
  });

  it('is given up with its event', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.upload('text');
    openAll(trial, route);
    const refused = verdict('terminal_failed', 'schema_invalid');
    await answer(trial, route, { stream: events, verdict: refused });
    dropParked(trial.db, STREAMS, listParked(trial.db, events));
    expect(trial.deliveries(route, bodies)).toEqual(['1 withheld dropped']);
    expect(trial.books(route, bodies)).toMatchObject({ withheld: 1, queued: 0 });
    trial.upload('other', { event: 1, path: 'plan.md' });
    openAll(trial, route);
    expect(trial.books(route, bodies)).toMatchObject({ captured: 2, dropped: 1, withheld: 1 });
  });

  it('is skipped where its event was skipped: before the start, or without its payload', () => {
    const trial = ledgerTrial();
    const { event } = trial.upload('text');
    const late = trial.grant('a', { fromNow: true });
    trial.upload('later', { event, path: 'plan.md' });
    openAll(trial, late);
    expect(trial.books(late, bodies)).toMatchObject({ beforeStart: 1, dropped: 1, opened: 0 });
    trial.db.run("INSERT INTO gc_permits VALUES (:event, 'test', 1)", { event });
    trial.db.run('DELETE FROM event_payloads WHERE seq = :event', { event });
    const whole = trial.grant('b');
    openAll(trial, whole);
    expect(trial.books(whole, bodies)).toMatchObject({ captured: 2, dropped: 2, opened: 0 });
  });

  it('is opened behind its event alone, so that one that comes meanwhile is not passed over', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.upload('one');
    openAll(trial, route);
    trial.upload('two', { path: 'plan.md' });
    expect(open(trial.db, { routeId: route.id, stream: bodies, faults: noFaults })).toBe(0);
    expect(trial.books(route, bodies)).toMatchObject({ opened: 1, unopened: 1 });
    openAll(trial, route);
    expect(trial.books(route, bodies)).toMatchObject({ opened: 2, unopened: 0 });
  });

  it('keeps its event from being superseded', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.upload('one');
    trial.captureKeyed('spec.md');
    trial.captureKeyed('spec.md');
    openAll(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 superseded by 3', '3 queued']);
  });

  it('shares permission, checkout and revocation with everything else', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.upload('here');
    trial.upload('there', { path: 'plan.md', checkout: trial.otherCheckout });
    openAll(trial, route);
    expect(trial.deliveries(route, bodies)).toEqual(['1 queued', '2 withheld unknown_checkout']);
    revoke(trial.db, { routeId: route.id, by: 'test', now: 1, streams: STREAMS });
    expect(trial.deliveries(route, bodies)).toEqual([
      '1 withheld revoked',
      '2 withheld unknown_checkout',
    ]);
    trial.grant('a');
    trial.grant('a', { checkout: trial.otherCheckout });
    expect(trial.deliveries(route, bodies)).toEqual(['1 queued', '2 queued']);
    expect(trial.books(route, bodies)).toMatchObject({ queued: 2 });
  });
});

it('a queue is told by readiness, age, tries, mission and its last failures', async () => {
  const trial = ledgerTrial();
  const route = trial.grant('a');
  trial.upload('one');
  trial.upload('two', { path: 'plan.md' });
  trial.upload('three', { path: 'tasks.md' });
  openAll(trial, route);
  await answer(trial, route, { stream: events, verdict: verdict('success') });
  const unknown = verdict('transient', 'index_entry_not_found');
  await answer(trial, route, { stream: bodies, verdict: { ...unknown, detail: 'not yet' } });
  trial.upload('four', { path: 'research.md' });
  openAll(trial, route);
  const { id } = trial.generation(route, bodies);
  const at = (ms: number): ReturnType<typeof readQueue> =>
    readQueue(trial.db, bodies, id, trial.clock.now() + ms);
  expect(at(0)).toMatchObject({
    ready: 0,
    inBackoff: 3,
    waiting: [{ event: 'queued', n: 1 }],
    maxAttempts: 1,
    ages: { hour: 4, day: 0, week: 0, older: 0 },
    attempts: { none: 1, few: 3, many: 0, most: 0 },
    groups: [{ name: '001-demo on main (software-dev 1)', n: 4 }],
    neverIndexed: 0,
  });
  expect(at(0).failures).toHaveLength(3);
  expect(at(0).failures[0]).toMatchObject({
    id: expect.stringMatching(/^001-demo\/tasks\.md@[0-9a-f]{12}$/) as string,
    category: 'index_entry_not_found',
    detail: 'not yet',
    isParked: false,
  });
  const DAY_MS = 86_400_000;
  expect(at(2 * DAY_MS)).toMatchObject({ ready: 3, ages: { week: 4 }, neverIndexed: 3 });
});
