import { describe, expect, it } from 'vitest';
import {
  LOCAL_TYPE,
  ledgerTrial,
  verdict,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { noFaults } from '../base/index.ts';
import { readCounts, recount } from './counts.ts';
import { claimDrain, releaseDrain } from './drain/drains.ts';
import { open } from './generations.ts';
import { begin, record, selectDue } from './ledger.ts';
import {
  closeFinished,
  countReplaying,
  openReplay,
  openReplayPage,
  openReplays,
  planReplay,
  redeliver,
  type ReplayFilter,
} from './replay.ts';
import type { Route } from './routes.ts';
import { revoke } from './grants.ts';
import { eventsStream as stream } from './stream.ts';

const EVERYTHING: ReplayFilter = { mission: null, type: null, since: null, until: null };

function begun(trial: LedgerTrial, route: Route, filter = EVERYTHING): number {
  const { db, clock } = trial;
  const genId = openReplay(db, { routeId: route.id, stream, filter, now: clock.now() });
  while (openReplayPage(db, stream, genId, noFaults) > 0);
  expect(readCounts(db, genId)).toEqual(recount(db, genId, stream.deliveries));
  return genId;
}

function rows(trial: LedgerTrial, genId: number): readonly string[] {
  const sql = `SELECT seq || ' ' || state || coalesce(' ' || reason, '') AS row
    FROM event_deliveries_for_people WHERE gen_id = :genId ORDER BY seq`;
  return trial.db.all<{ row: string }>(sql, { genId }).map(({ row }) => row);
}

/** Sends everything queued in a generation; each answer is one word. */
async function send(
  trial: LedgerTrial,
  route: Route,
  genId: number,
  word = 'success',
): Promise<void> {
  const { db, system, clock } = trial;
  const drain = await claimDrain(db, system, route.id);
  const page = { genId, after: 0, dueBy: clock.now(), limit: 100 };
  const items = stream.load(
    db,
    selectDue(db, stream, page).map(({ seq }) => seq),
  );
  const batch = begin(db, stream, { drain, genId, items, now: clock.now() });
  if (batch === null) throw new Error('the batch was not begun');
  const said = word === 'success' ? verdict('success') : verdict('terminal_failed', word);
  const verdicts = items.map(() => said);
  const how = { httpStatus: 200, result: 'recorded', now: clock.now(), faults: noFaults };
  record(db, stream, { drain, batch, verdicts, ...how });
  releaseDrain(db, drain);
}

async function delivered(): Promise<{ readonly trial: LedgerTrial; readonly route: Route }> {
  const trial = ledgerTrial();
  const route = trial.grant('a');
  trial.capture(2, { aggregateId: 'WP01' });
  trial.clock.move(1_000);
  trial.capture(1, { type: LOCAL_TYPE });
  trial.capture(2, { checkout: null });
  trial.capture(1, { checkout: trial.otherCheckout });
  while (open(trial.db, { routeId: route.id, stream, faults: noFaults }) > 0);
  await send(trial, route, trial.generation(route).id);
  return { trial, route };
}

describe('a replay', () => {
  it('sends what is retained and permitted once more, beside the follow generation', async () => {
    const { trial, route } = await delivered();
    const before = trial.books(route);
    expect(planReplay(trial.db, route.id, stream, EVERYTHING)).toMatchObject({
      items: 4,
      dropped: 0,
    });
    const genId = begun(trial, route);
    expect(rows(trial, genId)).toEqual(['1 queued', '2 queued', '4 queued', '5 queued']);
    expect(openReplays(trial.db, route.id, stream)).toMatchObject([{ planned: 4, kind: 'replay' }]);
    expect(countReplaying(trial.db, route.id, stream)).toBe(4);
    await send(trial, route, genId);
    closeFinished(trial.db, route.id, stream, 1);
    expect(openReplays(trial.db, route.id, stream)).toEqual([]);
    expect(trial.books(route)).toEqual(before);
  });

  it('is bounded by its filters and by what was there when it began', async () => {
    const { trial, route } = await delivered();
    const half = trial.clock.now() - 500;
    expect(rows(trial, begun(trial, route, { ...EVERYTHING, since: half }))).toHaveLength(2);
    expect(rows(trial, begun(trial, route, { ...EVERYTHING, until: half }))).toHaveLength(2);
    expect(rows(trial, begun(trial, route, { ...EVERYTHING, type: 'Nothing' }))).toEqual([]);
    expect(rows(trial, begun(trial, route, { ...EVERYTHING, mission: 'none' }))).toEqual([]);
    const { db, clock } = trial;
    const how = { routeId: route.id, stream, filter: EVERYTHING, now: clock.now() };
    const genId = openReplay(db, how);
    trial.capture(3);
    while (openReplayPage(db, stream, genId, noFaults) > 0);
    expect(rows(trial, genId)).toHaveLength(4);
  });

  it('gives way to the next one, and what waited in it is withheld as replaced', async () => {
    const { trial, route } = await delivered();
    const first = begun(trial, route);
    const second = begun(trial, route);
    expect(rows(trial, first)[0]).toBe('1 withheld replaced');
    expect(openReplays(trial.db, route.id, stream).map(({ id }) => id)).toEqual([second]);
    expect(readCounts(trial.db, first)).toMatchObject({ withheld: 4, queued: 0 });
  });

  it('stays open while something of it is parked', async () => {
    const { trial, route } = await delivered();
    const genId = begun(trial, route);
    await send(trial, route, genId, 'erased');
    closeFinished(trial.db, route.id, stream, 1);
    expect(countReplaying(trial.db, route.id, stream)).toBe(4);
  });

  it('waits for a new permission like everything else', async () => {
    const { trial, route } = await delivered();
    const genId = begun(trial, route);
    const { db, clock } = trial;
    revoke(db, { routeId: route.id, by: 'test', now: clock.now(), streams: [stream] });
    expect(rows(trial, genId)[0]).toBe('1 withheld revoked');
    trial.grant('a');
    expect(rows(trial, genId)).toEqual(['1 queued', '2 queued', '4 queued', '5 queued']);
    revoke(db, { routeId: route.id, by: 'test', now: clock.now(), streams: [stream] });
    const how = { routeId: route.id, stream, filter: EVERYTHING, now: clock.now() };
    expect(openReplayPage(db, stream, openReplay(db, how), noFaults)).toBe(0);
  });

  it('says what has no payload and what a newer one stands for, and sends neither', () => {
    const trial = ledgerTrial();
    const route = trial.grant('a');
    trial.captureKeyed('spec.md');
    trial.captureKeyed('spec.md');
    trial.capture(1);
    trial.db.run(`INSERT INTO gc_permits VALUES (3, 'gc', 1)`);
    trial.db.run('DELETE FROM event_payloads WHERE seq = 3');
    while (open(trial.db, { routeId: route.id, stream, faults: noFaults }) > 0);
    expect(planReplay(trial.db, route.id, stream, EVERYTHING)).toMatchObject({
      ...{ items: 1, dropped: 1, superseded: 1 },
    });
    expect(rows(trial, begun(trial, route))).toEqual(['1 superseded by 2', '2 queued']);
  });

  it('never reaches behind the permission', () => {
    const trial = ledgerTrial();
    trial.capture(3);
    const route = trial.grant('a', { fromNow: true });
    trial.capture(1);
    expect(rows(trial, begun(trial, route))).toEqual(['4 queued']);
    expect(planReplay(trial.db, route.id, stream, EVERYTHING).items).toBe(1);
    const how = { routeId: route.id, streams: [stream], now: 1 };
    redeliver(trial.db, how);
    expect(trial.generation(route).fromSeq).toBe(4);
    redeliver(trial.db, { ...how, fromStart: true });
    expect(trial.generation(route).fromSeq).toBe(1);
  });
});

describe('redelivery', () => {
  it('closes the pass and begins the next one, of which no receiver is known yet', async () => {
    const { trial, route } = await delivered();
    trial.capture(1);
    while (open(trial.db, { routeId: route.id, stream, faults: noFaults }) > 0);
    const before = trial.generation(route);
    const replayed = begun(trial, route);
    redeliver(trial.db, { routeId: route.id, streams: [stream], now: trial.clock.now() });
    const after = trial.generation(route);
    expect(after).toMatchObject({ fromSeq: 1, nextSeq: 1, instanceId: null });
    expect(after.number).toBeGreaterThan(before.number);
    expect(rows(trial, before.id).at(-1)).toBe('7 withheld replaced');
    expect(rows(trial, before.id)[0]).toBe('1 delivered');
    expect(rows(trial, replayed)[0]).toBe('1 withheld replaced');
    while (open(trial.db, { routeId: route.id, stream, faults: noFaults }) > 0);
    expect(trial.books(route)).toMatchObject({ queued: 5, withheld: 1, delivered: 0 });
  });
});
