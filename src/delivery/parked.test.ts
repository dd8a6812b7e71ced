import { describe, expect, it } from 'vitest';
import {
  ledgerTrial,
  STREAMS,
  verdict,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { refusal } from '../../test/support/refusal.ts';
import { noFaults } from '../base/index.ts';
import type { TerminalCode } from '../wire/index.ts';
import { claimDrain, releaseDrain } from './drain/drains.ts';
import { readCounts } from './counts.ts';
import { open } from './generations.ts';
import { begin, record } from './ledger.ts';
import { attemptsOf, dropParked, listParked, retryParked } from './parked.ts';
import type { Route } from './routes.ts';
import { revoke } from './grants.ts';
import { eventsStream as stream } from './stream.ts';

/** Parks the given items of a route for a code each. */
async function park(
  trial: LedgerTrial,
  route: Route,
  codes: Readonly<Record<number, TerminalCode>>,
): Promise<void> {
  const { db, clock, system } = trial;
  open(db, { routeId: route.id, stream, faults: noFaults });
  const drain = await claimDrain(db, system, route.id);
  const seqs = Object.keys(codes).map(Number);
  const items = stream.load(db, seqs);
  const genId = trial.generation(route).id;
  const batch = begin(db, stream, { drain, genId, items, now: clock.now() });
  if (batch === null) throw new Error('the batch was not begun');
  const verdicts = Object.values(codes).map((code) => ({
    ...verdict('terminal_failed', code),
    detail: `because of ${code}`,
  }));
  const answer = { verdicts, httpStatus: 207, result: 'recorded' };
  record(db, stream, { drain, batch, ...answer, now: clock.now(), faults: noFaults });
  releaseDrain(db, drain);
}

describe('a parked item', () => {
  it('is listed with its reason and what was said of it', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(2);
    await park(trial, route, { 2: 'schema_invalid' });
    const genId = trial.generation(route).id;
    expect(listParked(trial.db, stream)).toMatchObject([
      {
        genId,
        routeId: route.id,
        seq: 2,
        type: 'WPStatusChanged',
        mission: '001-demo',
        canonicalUrl: 'https://a.example',
        targetId: route.target.publicId,
        code: 'schema_invalid',
        detail: 'because of schema_invalid',
        httpStatus: 200,
        attempts: 1,
        parkedAt: trial.clock.now(),
      },
    ]);
    expect(attemptsOf(trial.db, genId, 2)).toMatchObject([{ outcome: 'terminal_failed' }]);
  });

  it('is found by id, code, mission and route', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.capture(2);
    trial.capture(1, { payload: '{"mission_slug":"002-other"}' });
    await park(trial, a, { 1: 'erased', 2: 'schema_invalid', 3: 'erased' });
    await park(trial, b, { 1: 'erased' });
    const found = (filter: Parameters<typeof listParked>[2]): readonly string[] =>
      listParked(trial.db, stream, filter).map((item) => `${item.routeId}:${item.seq}`);
    expect(found({})).toEqual(['1:1', '1:2', '1:3', '2:1']);
    expect(found({ code: 'erased' })).toEqual(['1:1', '1:3', '2:1']);
    expect(found({ mission: '002-other' })).toEqual(['1:3']);
    expect(found({ routeId: b.id })).toEqual(['2:1']);
    expect(found({ ids: [listParked(trial.db, stream)[1]?.id ?? ''] })).toEqual(['1:2']);
    expect(found({ ids: [] })).toEqual([]);
    expect(found({ code: null, mission: null, routeId: null })).toHaveLength(4);
  });

  it('is queued again by a retry, due at once', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(2);
    await park(trial, route, { 1: 'erased', 2: 'erased' });
    retryParked(trial.db, stream, listParked(trial.db, stream).slice(0, 1));
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 parked erased']);
    expect(trial.db.get('SELECT due_at FROM event_deliveries WHERE seq = 1')).toEqual({
      due_at: 0,
    });
    expect(trial.books(route)).toMatchObject({ queued: 1, parked: 1 });
  });

  it('of a checkout that the permission does not cover is withheld instead of queued', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(2);
    await park(trial, route, { 1: 'erased', 2: 'erased' });
    const items = listParked(trial.db, stream);
    const after = { by: 'test', now: trial.clock.now(), streams: STREAMS };
    revoke(trial.db, { routeId: route.id, ...after });
    trial.grant('a', { checkout: trial.otherCheckout });
    expect(retryParked(trial.db, stream, items.slice(0, 1))).toEqual([]);
    expect(retryParked(trial.db, stream, items.slice(0, 1))).toEqual([]);
    expect(trial.deliveries(route)).toEqual(['1 withheld unknown_checkout', '2 parked erased']);
    expect(trial.books(route)).toMatchObject({ parked: 1, withheld: 1, queued: 0 });
    trial.grant('a');
    expect(retryParked(trial.db, stream, items.slice(1))).toHaveLength(1);
    expect(trial.deliveries(route)).toEqual(['1 queued', '2 queued']);
  });

  it('is given up by a drop: the fact stays, and the books say so', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(1);
    await park(trial, route, { 1: 'erased' });
    dropParked(trial.db, STREAMS, listParked(trial.db, stream));
    expect(trial.deliveries(route)).toEqual(['1 withheld dropped']);
    expect(trial.books(route)).toMatchObject({ parked: 0, withheld: 1, captured: 1 });
    trial.grant('a');
    expect(trial.deliveries(route)).toEqual(['1 withheld dropped']);
  });

  it('is not queued where there is no permission, and neither are those named with it', async () => {
    const trial = ledgerTrial();
    const [a, b] = [trial.grant('a'), trial.grant('b')];
    trial.capture(1);
    await park(trial, a, { 1: 'erased' });
    await park(trial, b, { 1: 'erased' });
    const items = listParked(trial.db, stream);
    const now = trial.clock.now();
    revoke(trial.db, { routeId: b.id, by: 'test', now, streams: STREAMS });
    const error = refusal(() => {
      retryParked(trial.db, stream, items);
    });
    expect(error).toMatchObject({ code: 'no_grant' });
    expect(error.remedy).toContain(b.target.publicId);
    expect(trial.deliveries(a)).toEqual(['1 parked erased']);
    expect(trial.books(b)).toMatchObject({ parked: 1 });
  });

  it('that was moved by somebody else meanwhile is counted once', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(1);
    await park(trial, route, { 1: 'erased' });
    const items = listParked(trial.db, stream);
    retryParked(trial.db, stream, items);
    retryParked(trial.db, stream, items);
    dropParked(trial.db, STREAMS, items);
    expect(trial.deliveries(route)).toEqual(['1 queued']);
    expect(trial.books(route)).toMatchObject({ queued: 1, parked: 0, withheld: 0 });
  });

  it('is withheld when a permission from now on ends its pass, and then stays as it is', async () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.capture(1);
    await park(trial, route, { 1: 'erased' });
    const { id: genId } = trial.generation(route);
    const listed = listParked(trial.db, stream);
    revoke(trial.db, { routeId: route.id, by: 'test', now: 1, streams: STREAMS });
    trial.grant('a', { fromNow: true });
    expect(listParked(trial.db, stream)).toEqual([]);
    expect(retryParked(trial.db, stream, listed)).toEqual([]);
    expect(dropParked(trial.db, STREAMS, listed)).toEqual([]);
    expect(trial.db.all('SELECT gen_id, state, reason FROM event_deliveries')).toEqual([
      { gen_id: genId, state: 5, reason: 'replaced' },
    ]);
    expect(readCounts(trial.db, genId)).toMatchObject({ queued: 0, parked: 0, withheld: 1 });
  });
});
