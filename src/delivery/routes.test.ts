import { describe, expect, it } from 'vitest';
import {
  LOCAL_TYPE,
  ledgerTrial,
  STREAMS,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { noFaults } from '../base/index.ts';
import { open } from './generations.ts';
import {
  activate,
  block,
  listRoutes,
  readActive,
  routeById,
  routeTo,
  unblock,
  type Route,
} from './routes.ts';
import { countCovered, coversCheckout, revoke } from './grants.ts';
import { eventsStream } from './stream.ts';

function openAt(trial: LedgerTrial, route: Route): void {
  while (open(trial.db, { routeId: route.id, stream: eventsStream, faults: noFaults }) > 0);
}

function withdraw(trial: LedgerTrial, route: Route): number {
  const { db, clock } = trial;
  return revoke(db, { routeId: route.id, by: 'test', now: clock.now(), streams: STREAMS });
}

function history(trial: LedgerTrial, route: Route): readonly string[] {
  const sql = 'SELECT what, detail FROM grant_log WHERE route_id = :id ORDER BY entry_id';
  const rows = trial.db.all<{ what: string; detail: string }>(sql, { id: route.id });
  return rows.map(({ what, detail }) => `${what}: ${detail}`);
}

describe('a route', () => {
  it('is there from the first grant on and for ever, one for each target', () => {
    const trial = ledgerTrial();
    const { db } = trial;
    const target = trial.target('a');
    expect(routeTo(db, target)).toBeNull();
    expect(listRoutes(db)).toEqual([]);
    const route = trial.grant('a');
    expect(route).toMatchObject({
      grantedAt: trial.clock.now(),
      blocked: null,
      target: { id: target },
    });
    expect(trial.grant('a').id).toBe(route.id);
    withdraw(trial, route);
    expect(routeTo(db, target)).toMatchObject({ id: route.id, grantedAt: null });
    expect(routeById(db, route.id)?.grantedAt).toBeNull();
    expect(routeById(db, route.id + 1)).toBeNull();
    const second = trial.grant('b');
    expect(listRoutes(db).map((each) => each.id)).toEqual([route.id, second.id]);
  });

  it('keeps why nothing leaves until something leaves, or a new grant is made', () => {
    const trial = ledgerTrial();
    const { db } = trial;
    const route = trial.grant('a');
    const why = { reason: 'halted', detail: 'forbidden', remedy: null } as const;
    block(db, route.id, why, 5);
    expect(trial.route('a').blocked).toEqual({ ...why, at: 5 });
    unblock(db, route.id);
    expect(trial.route('a').blocked).toBeNull();
    block(db, route.id, why, 6);
    expect(trial.grant('a').blocked).toBeNull();
  });

  it('is the active one when it is named, and naming grants nothing', () => {
    const trial = ledgerTrial();
    const { db } = trial;
    expect(readActive(db)).toBeNull();
    activate(db, { mode: 'LOCAL_RETENTION', routeId: null }, 1);
    expect(readActive(db)).toEqual({ mode: 'LOCAL_RETENTION', routeId: null });
    const route = trial.grant('a');
    withdraw(trial, route);
    activate(db, { mode: 'EXTERNAL_RECEIVER', routeId: route.id }, 2);
    expect(readActive(db)).toEqual({ mode: 'EXTERNAL_RECEIVER', routeId: route.id });
    expect(trial.route('a').grantedAt).toBeNull();
  });
});

describe('a grant', () => {
  it('covers everything retained of its checkout, and rows of old queues', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    trial.capture(1, { checkout: null });
    trial.capture(1, { checkout: trial.otherCheckout });
    trial.capture(1, { type: LOCAL_TYPE });
    const route = trial.grant('a');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual([
      '1 queued',
      '2 queued',
      '3 queued',
      '4 withheld unknown_checkout',
    ]);
    expect(trial.books(route)).toMatchObject({
      queued: 3,
      withheld: 1,
      neverEligible: 1,
      unopened: 0,
    });
    expect(coversCheckout(trial.db, route.id, trial.checkout)).toBe(true);
    expect(coversCheckout(trial.db, route.id, trial.otherCheckout)).toBe(false);
  });

  it('says how many events it covers, and since when', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    expect(countCovered(trial.db, route.id, 1)).toEqual({ events: 0, away: 0, oldestAt: null });
    const start = trial.clock.now();
    trial.capture(1, { checkout: trial.otherCheckout });
    trial.clock.move(10);
    trial.capture(1, { checkout: null });
    trial.clock.move(10);
    trial.capture(2);
    trial.capture(1, { type: LOCAL_TYPE });
    expect(countCovered(trial.db, route.id, 1)).toEqual({
      ...{ events: 3, away: 0, oldestAt: start + 10 },
    });
    expect(countCovered(trial.db, route.id, 3)).toEqual({
      ...{ events: 2, away: 0, oldestAt: start + 20 },
    });
  });

  it('from now on covers only what is captured afterwards', () => {
    const trial = ledgerTrial();
    trial.capture(3);
    trial.capture(1, { type: LOCAL_TYPE });
    const route = trial.grant('a', { fromNow: true });
    trial.capture(2);
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['5 queued', '6 queued']);
    expect(trial.books(route)).toMatchObject({ beforeStart: 4, queued: 2, captured: 6 });
  });

  it('from now on changes nothing where a permission stands', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    const route = trial.grant('a');
    openAt(trial, route);
    trial.grant('a', { fromNow: true });
    expect(trial.generation(route).number).toBe(1);
    expect(trial.books(route)).toMatchObject({ queued: 2, beforeStart: 0 });
  });

  it('in a second checkout queues what was withheld there', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(1, { checkout: trial.otherCheckout });
    trial.capture(1);
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 withheld unknown_checkout', '2 queued']);
    trial.grant('a', { checkout: trial.otherCheckout });
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued']);
    trial.capture(1, { checkout: trial.otherCheckout });
    openAt(trial, route);
    expect(trial.books(route)).toMatchObject({ queued: 3, withheld: 0 });
    expect(history(trial, route)).toEqual([
      'granted: test',
      `covered: checkout ${trial.checkout}, test`,
      `covered: checkout ${trial.otherCheckout}, test`,
    ]);
  });

  it('covers its own route and no other', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    const [a, b] = [trial.grant('a'), trial.grant('b', { checkout: trial.otherCheckout })];
    openAt(trial, a);
    openAt(trial, b);
    expect(trial.deliveries(a)).toEqual(['1 queued']);
    expect(trial.deliveries(b)).toEqual(['1 withheld unknown_checkout']);
  });
});

describe('revoking', () => {
  it('withholds what is queued and keeps the rest as it is', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(2);
    trial.capture(1, { checkout: trial.otherCheckout });
    openAt(trial, route);
    trial.capture(1);
    expect(withdraw(trial, route)).toBe(2);
    expect(trial.deliveries(route)).toEqual([
      '1 withheld revoked',
      '2 withheld revoked',
      '3 withheld unknown_checkout',
    ]);
    expect(trial.books(route)).toMatchObject({ queued: 0, withheld: 3, unopened: 1 });
    expect(coversCheckout(trial.db, route.id, trial.checkout)).toBe(false);
  });

  it('opens nothing while there is no permission, be it a row without a checkout', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    withdraw(trial, route);
    trial.capture(1);
    trial.capture(1, { checkout: null });
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual([]);
    expect(trial.books(route)).toMatchObject({ unopened: 2, opened: 0 });
  });

  it('is written down once, and revoking nothing is nothing', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    withdraw(trial, route);
    expect(withdraw(trial, route)).toBe(0);
    expect(history(trial, route).at(-1)).toBe('revoked: test');
    expect(history(trial, route)).toHaveLength(3);
  });

  it('leaves the other targets alone', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    openAt(trial, a);
    openAt(trial, b);
    withdraw(trial, a);
    expect(trial.books(a)).toMatchObject({ withheld: 2, queued: 0 });
    expect(trial.books(b)).toMatchObject({ withheld: 0, queued: 2 });
  });

  it('ends with a new grant: what it withheld is queued again and what came since is opened', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(2);
    openAt(trial, route);
    withdraw(trial, route);
    trial.capture(1);
    trial.grant('a');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued', '3 queued']);
    expect(trial.generation(route).number).toBe(1);
    expect(trial.books(route)).toMatchObject({ queued: 3, withheld: 0 });
  });

  it('ends for the checkouts that the new grant covers: the others are withheld for that reason', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.grant('a', { checkout: trial.otherCheckout });
    trial.capture(1);
    trial.capture(1, { checkout: trial.otherCheckout });
    openAt(trial, route);
    withdraw(trial, route);
    trial.grant('a', { checkout: trial.otherCheckout });
    expect(trial.deliveries(route)).toEqual(['1 withheld unknown_checkout', '2 queued']);
    trial.grant('a');
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued']);
    trial.books(route);
  });

  it('ends from now on: what was withheld stays behind in the closed pass', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(2);
    openAt(trial, route);
    withdraw(trial, route);
    trial.grant('a', { fromNow: true });
    trial.capture(1);
    openAt(trial, route);
    expect(trial.generation(route).number).toBe(2);
    expect(trial.deliveries(route)).toEqual(['3 queued']);
    expect(trial.books(route)).toMatchObject({ beforeStart: 2, queued: 1, captured: 3 });
    const left = trial.db.all(`SELECT reason FROM event_deliveries WHERE gen_id = 1 AND state = 5`);
    expect(left).toEqual([{ reason: 'revoked' }, { reason: 'revoked' }]);
  });
});
