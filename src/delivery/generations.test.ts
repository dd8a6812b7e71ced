import { describe, expect, it } from 'vitest';
import { LOCAL_TYPE, ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { faultsFrom, noFaults } from '../base/index.ts';
import { claimDrain, type Drain } from './drain/drains.ts';
import {
  acceptInstance,
  lastSeq,
  open,
  openFollow,
  readFollow,
  setInstance,
} from './generations.ts';
import { begin, selectDue, type Batch } from './ledger.ts';
import type { Route } from './routes.ts';
import { revoke } from './grants.ts';
import { eventsStream } from './stream.ts';
import { recordHealth } from './targets.ts';

const PAGE = 5_000;
const stream = eventsStream;

function openOnce(trial: LedgerTrial, route: Route): number {
  return open(trial.db, { routeId: route.id, stream, faults: noFaults });
}

function openAt(trial: LedgerTrial, route: Route): void {
  while (openOnce(trial, route) > 0);
}

/** Writes down a batch of the first queued items, as a drain does before it sends. */
async function send(trial: LedgerTrial, route: Route, count: number): Promise<Batch | null> {
  const { db, system, clock } = trial;
  const drain: Drain = await claimDrain(db, system, route.id);
  const genId = trial.generation(route).id;
  const due = selectDue(db, stream, { genId, after: 0, dueBy: clock.now(), limit: count });
  const items = stream.load(
    db,
    due.map((item) => item.seq),
  );
  return begin(db, stream, { drain, genId, items, now: clock.now() });
}

function dropPayload(trial: LedgerTrial, seq: number): void {
  const now = trial.clock.now();
  trial.db.run('INSERT INTO gc_permits VALUES (:seq, :reason, :now)', { seq, reason: 'gc', now });
  trial.db.run('DELETE FROM event_payloads WHERE seq = :seq', { seq });
}

describe('open', () => {
  it('turns new items into deliveries and looks at each once', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    expect(openOnce(trial, route)).toBe(0);
    trial.capture(2);
    expect(openOnce(trial, route)).toBe(2);
    expect(openOnce(trial, route)).toBe(0);
    trial.capture(1);
    expect(openOnce(trial, route)).toBe(1);
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued', '3 queued']);
    expect(trial.generation(route)).toMatchObject({
      fromSeq: 1,
      nextSeq: 4,
      kind: 'follow',
      planned: 0,
    });
    expect(trial.books(route)).toMatchObject({ opened: 3, queued: 3, unopened: 0 });
  });

  it('skips and counts what may never leave', () => {
    const trial = ledgerTrial();
    trial.capture(1, { type: LOCAL_TYPE });
    const route = trial.grant('a');
    trial.capture(1);
    trial.capture(2, { type: LOCAL_TYPE });
    expect(trial.books(route)).toMatchObject({ neverEligible: 3, unopened: 1, opened: 0 });
    openAt(trial, route);
    trial.capture(1, { type: LOCAL_TYPE });
    expect(trial.deliveries(route)).toEqual(['2 queued']);
    expect(trial.books(route)).toMatchObject({ neverEligible: 4, opened: 1, unopened: 0 });
  });

  it('skips and counts what has no payload any more', () => {
    const trial = ledgerTrial();
    trial.capture(3);
    dropPayload(trial, 2);
    trial.capture(1, { type: LOCAL_TYPE });
    dropPayload(trial, 4);
    const route = trial.grant('a');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 queued', '3 queued']);
    expect(trial.books(route)).toMatchObject({ dropped: 1, neverEligible: 1, opened: 2 });
  });

  it('counts a page of nothing but ineligible items too', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(3, { type: LOCAL_TYPE });
    expect(openOnce(trial, route)).toBe(3);
    expect(trial.books(route)).toMatchObject({ neverEligible: 3, opened: 0 });
  });

  it('goes page by page through a long journal and loses nothing at the boundaries', () => {
    const trial = ledgerTrial();
    trial.capture(PAGE - 1);
    trial.capture(2, { type: LOCAL_TYPE });
    trial.capture(PAGE - 1);
    trial.capture(1, { checkout: trial.otherCheckout });
    const route = trial.grant('a');
    expect(openOnce(trial, route)).toBe(PAGE);
    expect(trial.books(route)).toMatchObject({ opened: PAGE - 1, unopened: PAGE });
    expect(openOnce(trial, route)).toBe(PAGE);
    expect(openOnce(trial, route)).toBe(1);
    expect(openOnce(trial, route)).toBe(0);
    const books = trial.books(route);
    expect(books).toMatchObject({ queued: 2 * PAGE - 2, withheld: 1, neverEligible: 2 });
  });

  it('opens for one target what another one has had for long', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    const a = trial.grant('a');
    openAt(trial, a);
    const b = trial.grant('b');
    openAt(trial, b);
    expect(trial.deliveries(b)).toEqual(['1 queued', '2 queued']);
    expect(trial.books(a)).toEqual(trial.books(b));
  });

  it('opens nothing at a target that was never granted', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    expect(open(trial.db, { routeId: 7, stream, faults: noFaults })).toBe(0);
    expect(readFollow(trial.db, 7, stream)).toBeNull();
  });

  it('keeps nothing of a page when the process fails before the commit', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    const route = trial.grant('a');
    const faults = faultsFrom('open.commit', () => {
      throw new Error('power cut');
    });
    expect(() => open(trial.db, { routeId: route.id, stream, faults })).toThrow('power cut');
    expect(trial.deliveries(route)).toEqual([]);
    expect(trial.books(route)).toMatchObject({ unopened: 2, opened: 0 });
  });
});

describe('an older event of the same key', () => {
  it('is superseded by the newer one when it was never sent anywhere, across pages too', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.captureKeyed('spec.md');
    trial.captureKeyed('plan.md');
    trial.captureKeyed('spec.md');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 superseded by 3', '2 queued', '3 queued']);
    trial.capture(1);
    trial.captureKeyed('spec.md');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual([
      '1 superseded by 3',
      '2 queued',
      '3 superseded by 5',
      '4 queued',
      '5 queued',
    ]);
    expect(trial.books(route)).toMatchObject({ superseded: 2, queued: 3 });
  });

  it('is sent when a batch at this target ever held it', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.captureKeyed('spec.md');
    openAt(trial, route);
    expect(await send(trial, route, 1)).not.toBeNull();
    trial.captureKeyed('spec.md');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued']);
  });

  it('is sent when a batch at another target ever held it, so that both receive the same ids', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.captureKeyed('spec.md');
    openAt(trial, a);
    await send(trial, a, 1);
    trial.captureKeyed('spec.md');
    for (const route of [a, b]) {
      openAt(trial, route);
      expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued']);
    }
  });

  it('is superseded at a later target too when an earlier one sent nothing of it', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.captureKeyed('spec.md');
    trial.captureKeyed('spec.md');
    openAt(trial, a);
    await send(trial, a, 5);
    openAt(trial, b);
    for (const route of [a, b]) {
      expect(trial.deliveries(route)).toEqual(['1 superseded by 2', '2 queued']);
      trial.books(route);
    }
  });

  it('is not begun at a target where it was queued before another superseded it', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.captureKeyed('spec.md');
    openAt(trial, a);
    trial.captureKeyed('spec.md');
    openAt(trial, b);
    expect(trial.deliveries(b)).toEqual(['1 superseded by 2', '2 queued']);
    expect(await send(trial, a, 5)).toBeNull();
    expect(trial.deliveries(a)).toEqual(['1 superseded by 2']);
    openAt(trial, a);
    expect(trial.deliveries(a)).toEqual(['1 superseded by 2', '2 queued']);
    trial.books(a);
  });

  it('stays unsent after a new permission, when another target superseded it meanwhile', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.captureKeyed('spec.md');
    openAt(trial, a);
    const now = trial.clock.now();
    revoke(trial.db, { routeId: a.id, by: 'test', now, streams: [stream] });
    trial.captureKeyed('spec.md');
    openAt(trial, b);
    await send(trial, b, 5);
    trial.grant('a');
    openAt(trial, a);
    await send(trial, a, 5);
    for (const route of [a, b])
      expect(trial.deliveries(route)).toEqual(['1 superseded by 2', '2 queued']);
  });

  it('is sent when the newer one lies in another checkout, which a permission may leave out', () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.grant('b', { checkout: trial.otherCheckout });
    trial.captureKeyed('spec.md');
    trial.captureKeyed('spec.md', { checkout: trial.otherCheckout });
    for (const route of [a, b]) openAt(trial, route);
    expect(trial.deliveries(a)).toEqual(['1 queued', '2 withheld unknown_checkout']);
    expect(trial.deliveries(b)).toEqual(['1 queued', '2 queued']);
  });

  it('is sent when the newer one is withheld', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.captureKeyed('spec.md');
    trial.captureKeyed('spec.md', { checkout: trial.otherCheckout });
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 withheld unknown_checkout']);
  });

  it('stays withheld when it is, and is superseded no more once it may go', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.captureKeyed('spec.md', { checkout: trial.otherCheckout });
    openAt(trial, route);
    trial.captureKeyed('spec.md');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 withheld unknown_checkout', '2 queued']);
    trial.books(route);
  });

  it('travels when a part of its key is missing, or its type never coalesces', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    const payload = '{"namespace":{"mission_slug":"001-demo"},"artifact_id":{"path":"spec.md"}}';
    trial.capture(2, { type: 'MissionDossierArtifactIndexed', payload });
    trial.capture(2, { aggregateId: 'WP01' });
    openAt(trial, route);
    expect(trial.books(route)).toMatchObject({ queued: 4, superseded: 0 });
  });

  it('keeps its place in the books through revoke and grant', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.captureKeyed('spec.md');
    openAt(trial, route);
    const now = trial.clock.now();
    revoke(trial.db, { routeId: route.id, by: 'test', now, streams: [stream] });
    trial.captureKeyed('spec.md');
    trial.grant('a');
    openAt(trial, route);
    expect(trial.deliveries(route)).toEqual(['1 superseded by 2', '2 queued']);
    expect(trial.books(route)).toMatchObject({ superseded: 1, queued: 1, withheld: 0 });
  });
});

describe('a follow generation', () => {
  it('is open once for each route and stream, by the database itself', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    openFollow(trial.db, { routeId: route.id, stream, fromNow: false, now: 1 });
    expect(trial.generation(route).number).toBe(1);
    expect(() =>
      trial.db.run(`INSERT INTO generations (route_id, stream, kind, number, from_seq, next_seq, opened_at)
        VALUES (${route.id}, 1, 1, 9, 1, 1, 1)`),
    ).toThrow(/UNIQUE/);
  });

  it('remembers the instance it delivers to, until another one is accepted', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    expect(trial.generation(route).instanceId).toBeNull();
    setInstance(trial.db, trial.generation(route).id, 'first');
    setInstance(trial.db, trial.generation(route).id, 'another');
    expect(trial.generation(route).instanceId).toBe('first');
    const health = {
      serverInstanceId: 'second',
      deploymentId: null,
      environmentName: null,
      gitSha: null,
      limits: {},
      capabilities: { brotli: false, bodies: false, snapshots: false },
      identity: null,
    };
    recordHealth(trial.db, route.target.id, health, 1);
    acceptInstance(trial.db, route.id);
    expect(trial.generation(route).instanceId).toBe('second');
  });

  it('starts behind the last item there is when it is to follow from now on', () => {
    const trial = ledgerTrial();
    expect(lastSeq(trial.db, stream)).toBe(0);
    trial.capture(3);
    const route = trial.grant('a', { fromNow: true });
    expect(trial.generation(route)).toMatchObject({ fromSeq: 4, nextSeq: 4 });
  });
});
