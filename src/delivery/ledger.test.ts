import { describe, expect, it } from 'vitest';
import {
  ledgerTrial,
  STREAMS,
  verdict,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { faultsFrom, noFaults, type Faults } from '../base/index.ts';
import type { Verdict } from '../wire/index.ts';
import { claimDrain, type Drain } from './drain/drains.ts';
import { open } from './generations.ts';
import { begin, FenceLost, record, selectDue, type Batch, type Recorded } from './ledger.ts';
import { attemptsOf } from './parked.ts';
import type { Route } from './routes.ts';
import { revoke } from './grants.ts';
import { eventsStream as stream } from './stream.ts';

/** A granted route with opened items and the right to drain it. */
interface Draining {
  readonly trial: LedgerTrial;
  readonly route: Route;
  readonly drain: Drain;
  readonly genId: number;
}

async function draining(count: number): Promise<Draining> {
  const trial = ledgerTrial();
  const route = trial.grant('a');
  trial.capture(count);
  open(trial.db, { routeId: route.id, stream, faults: noFaults });
  const drain = await claimDrain(trial.db, trial.system, route.id);
  return { trial, route, drain, genId: trial.generation(route).id };
}

function beginWith(on: Draining, seqs: readonly number[], drain = on.drain): Batch | null {
  const items = stream.load(on.trial.db, seqs);
  return begin(on.trial.db, stream, { drain, genId: on.genId, items, now: on.trial.clock.now() });
}

function started(on: Draining, seqs: readonly number[]): Batch {
  const batch = beginWith(on, seqs);
  if (batch === null) throw new Error('the batch was not begun');
  return batch;
}

function recordWith(
  on: Draining,
  batch: Batch,
  verdicts: readonly (Verdict | null)[],
  more: { readonly drain?: Drain; readonly faults?: Faults } = {},
): Recorded {
  return record(on.trial.db, stream, {
    drain: more.drain ?? on.drain,
    batch,
    verdicts,
    httpStatus: 200,
    result: 'recorded',
    now: on.trial.clock.now(),
    faults: more.faults ?? noFaults,
  });
}

function due(
  on: Draining,
  after = 0,
  limit = 100,
  dueBy = on.trial.clock.now(),
): readonly number[] {
  return selectDue(on.trial.db, stream, { genId: on.genId, after, dueBy, limit }).map(
    (item) => item.seq,
  );
}

function withdraw(on: Draining): void {
  const now = on.trial.clock.now();
  revoke(on.trial.db, { routeId: on.route.id, by: 'test', now, streams: STREAMS });
}

/** One item put aside by hand, as a command of the operator does. */
function withhold(on: Draining, seq: number): void {
  const where = { genId: on.genId, seq };
  const { db } = on.trial;
  db.run(
    `UPDATE event_deliveries SET state = 5, reason = 'dropped' WHERE gen_id = :genId AND seq = :seq`,
    where,
  );
  db.run('UPDATE delivery_counts SET n = n - 1 WHERE gen_id = :genId AND state = 1', {
    genId: on.genId,
  });
  db.run(
    `INSERT INTO delivery_counts VALUES (:genId, 5, 1) ON CONFLICT (gen_id, state) DO UPDATE SET n = n + 1`,
    { genId: on.genId },
  );
}

function batches(on: Draining): readonly object[] {
  return on.trial.db.all('SELECT * FROM batches ORDER BY batch_id');
}

const success = verdict('success');

describe('selectDue', () => {
  it('gives the queued items in capture order, a page at a time', async () => {
    const on = await draining(5);
    expect(due(on)).toEqual([1, 2, 3, 4, 5]);
    expect(due(on, 2)).toEqual([3, 4, 5]);
    expect(due(on, 0, 2)).toEqual([1, 2]);
    withhold(on, 2);
    recordWith(on, started(on, [1]), [success]);
    expect(due(on)).toEqual([3, 4, 5]);
  });

  it('says how many bytes an item will add, without reading them', async () => {
    const on = await draining(1);
    const [item] = stream.load(on.trial.db, [1]);
    const page = { genId: on.genId, after: 0, dueBy: 0, limit: 1 };
    expect(selectDue(on.trial.db, stream, page)).toEqual([{ seq: 1, bytes: item?.bytes.length }]);
  });

  it('leaves out what backs off, and lets nothing wait behind it', async () => {
    const on = await draining(3);
    recordWith(on, started(on, [1, 2, 3]), [
      verdict('rejected'),
      null,
      verdict('transient', null, 60_000),
    ]);
    expect(due(on)).toEqual([2]);
    on.trial.clock.move(1_000);
    expect(due(on)).toEqual([1, 2]);
    on.trial.clock.move(59_000);
    expect(due(on)).toEqual([1, 2, 3]);
  });

  it('takes an item for due whose time lies further ahead than any wait: the clock was set back', async () => {
    const on = await draining(2);
    recordWith(on, started(on, [1]), [verdict('rejected', null, 3_600_000)]);
    expect(due(on)).toEqual([2]);
    on.trial.clock.setWall(on.trial.clock.now() - 31_536_000_000);
    expect(due(on)).toEqual([1, 2]);
  });
});

describe('begin', () => {
  it('writes the batch down, with its fence, before anything leaves', async () => {
    const on = await draining(4);
    const batch = started(on, [1, 2, 4]);
    expect(batch).toMatchObject({ genId: on.genId, seqs: [1, 2, 4] });
    const bytes = stream
      .load(on.trial.db, [1, 2, 4])
      .reduce((sum, item) => sum + item.bytes.length, 0);
    expect(batches(on)).toMatchObject([
      { fence: on.drain.fence, min_seq: 1, max_seq: 4, n: 3, bytes, ended_at: null, result: null },
    ]);
    expect(on.trial.db.get('SELECT sent_seq FROM generations')).toEqual({ sent_seq: 4 });
    expect(on.trial.books(on.route)).toMatchObject({ queued: 4 });
  });

  it('sends nothing without a permission', async () => {
    const on = await draining(2);
    withdraw(on);
    expect(beginWith(on, [1, 2])).toBeNull();
    expect(batches(on)).toEqual([]);
  });

  it('looks for the permission itself, whatever state the items are in', async () => {
    const on = await draining(1);
    // Only with the foreign keys off can a queued row lose its permission at all.
    on.trial.db.exec('PRAGMA foreign_keys = OFF; DELETE FROM grants; PRAGMA foreign_keys = ON');
    expect(on.trial.deliveries(on.route)).toEqual(['1 queued']);
    expect(beginWith(on, [1])).toBeNull();
    expect(batches(on)).toEqual([]);
  });

  it('sends nothing when one of the items is no longer queued', async () => {
    const on = await draining(3);
    withhold(on, 2);
    expect(beginWith(on, [1, 2, 3])).toBeNull();
    expect(beginWith(on, [1, 3])).not.toBeNull();
    expect(batches(on)).toHaveLength(1);
  });

  it('is refused to a drainer that was replaced', async () => {
    const on = await draining(1);
    on.trial.clock.move(20_000);
    await claimDrain(on.trial.db, on.trial.system, on.route.id);
    expect(() => beginWith(on, [1])).toThrow(FenceLost);
    expect(batches(on)).toEqual([]);
  });

  it('has an item', async () => {
    const on = await draining(1);
    expect(() => beginWith(on, [])).toThrow('a batch has an item');
  });
});

describe('record', () => {
  it('delivers a dense batch and closes it with what was answered', async () => {
    const on = await draining(3);
    const batch = started(on, [1, 2, 3]);
    const recorded = recordWith(on, batch, [success, success, success]);
    expect(recorded).toEqual({
      outcomes: {
        success: 3,
        duplicate: 0,
        pending: 0,
        rejected: 0,
        transient: 0,
        terminal_failed: 0,
      },
      parked: 0,
    });
    expect(on.trial.deliveries(on.route)).toEqual(['1 delivered', '2 delivered', '3 delivered']);
    expect(batches(on)).toMatchObject([
      { ended_at: on.trial.clock.now(), http_status: 200, result: 'recorded' },
    ]);
    expect(on.trial.books(on.route)).toMatchObject({ delivered: 3, queued: 0 });
    expect(attemptsOf(on.trial.db, on.genId, 1)).toEqual([]);
  });

  it('delivers what a batch held and nothing in its gaps', async () => {
    const on = await draining(6);
    recordWith(on, started(on, [1, 3, 4, 6]), [success, success, success, success]);
    expect(on.trial.deliveries(on.route)).toEqual([
      '1 delivered',
      '2 queued',
      '3 delivered',
      '4 delivered',
      '5 queued',
      '6 delivered',
    ]);
    on.trial.books(on.route);
  });

  it('gives each item of a mixture its own word', async () => {
    const on = await draining(7);
    const recorded = recordWith(on, started(on, [1, 2, 3, 4, 5, 6, 7]), [
      success,
      verdict('duplicate'),
      verdict('terminal_failed', 'schema_invalid'),
      verdict('rejected', 'try_later'),
      verdict('pending'),
      null,
      verdict('transient', null, 2_000),
    ]);
    expect(recorded).toMatchObject({
      parked: 1,
      outcomes: { success: 1, duplicate: 1, pending: 1 },
    });
    const { db, clock, route } = { ...on.trial, route: on.route };
    expect(on.trial.deliveries(route)).toEqual([
      '1 delivered',
      '2 delivered',
      '3 parked schema_invalid',
      '4 queued',
      '5 queued',
      '6 queued',
      '7 queued',
    ]);
    const outcomes = db.all(
      'SELECT seq, outcome, attempts, due_at FROM event_deliveries ORDER BY seq',
    );
    expect(outcomes).toEqual([
      { seq: 1, outcome: 1, attempts: 1, due_at: 0 },
      { seq: 2, outcome: 2, attempts: 1, due_at: 0 },
      { seq: 3, outcome: 6, attempts: 1, due_at: 0 },
      { seq: 4, outcome: 4, attempts: 1, due_at: clock.now() + 1_000 },
      { seq: 5, outcome: 3, attempts: 1, due_at: clock.now() + 1_000 },
      { seq: 6, outcome: null, attempts: 0, due_at: 0 },
      { seq: 7, outcome: 5, attempts: 1, due_at: clock.now() + 2_000 },
    ]);
    expect(on.trial.books(route)).toMatchObject({ delivered: 2, parked: 1, queued: 4 });
  });

  it('touches nothing when the request failed as a whole', async () => {
    const on = await draining(2);
    const before = on.trial.db.all('SELECT * FROM event_deliveries');
    recordWith(on, started(on, [1, 2]), [null, null]);
    recordWith(on, started(on, [1, 2]), []);
    expect(on.trial.db.all('SELECT * FROM event_deliveries')).toEqual(before);
    expect(on.trial.books(on.route)).toMatchObject({ queued: 2 });
    expect(batches(on)).toMatchObject([{ ended_at: on.trial.clock.now() }, { n: 2 }]);
  });

  it('delivers what was withdrawn while it was under way, for the bytes arrived', async () => {
    const on = await draining(4);
    const batch = started(on, [1, 2, 3, 4]);
    withdraw(on);
    recordWith(on, batch, [
      success,
      verdict('rejected'),
      verdict('terminal_failed', 'erased'),
      success,
    ]);
    expect(on.trial.deliveries(on.route)).toEqual([
      '1 delivered',
      '2 withheld revoked',
      '3 withheld revoked',
      '4 delivered',
    ]);
    expect(on.trial.books(on.route)).toMatchObject({ delivered: 2, withheld: 2, queued: 0 });
  });

  it('looks at each item when one of a dense run was put aside meanwhile', async () => {
    const on = await draining(3);
    const batch = started(on, [1, 2, 3]);
    withhold(on, 2);
    recordWith(on, batch, [success, success, success]);
    expect(on.trial.deliveries(on.route)).toEqual(['1 delivered', '2 delivered', '3 delivered']);
    expect(on.trial.books(on.route)).toMatchObject({ delivered: 3, withheld: 0, queued: 0 });
  });

  it('leaves a parked item inside of the range alone, and one that was queued again since', async () => {
    const on = await draining(4);
    recordWith(on, started(on, [2, 3]), [
      verdict('terminal_failed', 'erased'),
      verdict('terminal_failed', 'erased'),
    ]);
    const batch = started(on, [1, 4]);
    on.trial.db.run('UPDATE event_deliveries SET state = 1, reason = NULL WHERE seq = 3');
    on.trial.db.run(
      'UPDATE delivery_counts SET n = n + iif(state = 1, 1, -1) WHERE state IN (1, 3)',
    );
    recordWith(on, batch, [success, success]);
    expect(on.trial.deliveries(on.route)).toEqual([
      '1 delivered',
      '2 parked erased',
      '3 queued',
      '4 delivered',
    ]);
    expect(on.trial.books(on.route)).toMatchObject({ delivered: 2, parked: 1, queued: 1 });
  });

  it('may hear of a batch twice: delivered is delivered', async () => {
    const on = await draining(2);
    const batch = started(on, [1, 2]);
    recordWith(on, batch, [success, null]);
    recordWith(on, batch, [verdict('terminal_failed', 'erased'), success]);
    expect(on.trial.deliveries(on.route)).toEqual(['1 delivered', '2 delivered']);
    on.trial.books(on.route);
  });

  it('takes everything back when another process has taken over', async () => {
    const on = await draining(3);
    const batch = started(on, [1, 2, 3]);
    on.trial.clock.move(20_000);
    const next = await claimDrain(on.trial.db, on.trial.system, on.route.id);
    const before = [batches(on), on.trial.db.all('SELECT * FROM event_deliveries')];
    expect(() =>
      on.trial.db.tx(() => {
        on.trial.db.run(`UPDATE routes SET blocked_reason = 'halted'`);
        recordWith(on, batch, [success, verdict('rejected'), success]);
      }),
    ).toThrow(FenceLost);
    expect([batches(on), on.trial.db.all('SELECT * FROM event_deliveries')]).toEqual(before);
    expect(attemptsOf(on.trial.db, on.genId, 2)).toEqual([]);
    expect(on.trial.route('a').blocked).toBeNull();
    expect(
      recordWith(on, started({ ...on, drain: next }, [1]), [success], { drain: next }).parked,
    ).toBe(0);
  });

  it.each(['record.append', 'record.commit'])(
    'keeps nothing when the process fails at %s',
    async (point) => {
      const on = await draining(2);
      const batch = started(on, [1, 2]);
      const faults = faultsFrom(point, () => {
        throw new Error('power cut');
      });
      expect(() => recordWith(on, batch, [success, verdict('rejected')], { faults })).toThrow(
        'power cut',
      );
      expect(on.trial.books(on.route)).toMatchObject({ queued: 2, delivered: 0 });
      expect(batches(on)).toMatchObject([{ ended_at: null }]);
    },
  );

  it('keeps the last 50 tries of each item', async () => {
    const on = await draining(2);
    for (let round = 1; round <= 60; round += 1) {
      const said = { ...verdict('rejected', 'not_yet'), detail: `try ${round}`, httpStatus: 207 };
      recordWith(on, started(on, [1, 2]), [said, round < 3 ? said : null]);
    }
    const kept = attemptsOf(on.trial.db, on.genId, 1);
    expect(kept).toHaveLength(50);
    expect(kept[0]).toEqual({
      outcome: 'rejected',
      httpStatus: 207,
      category: 'not_yet',
      detail: 'try 11',
      at: on.trial.clock.now(),
    });
    expect(kept.at(-1)?.detail).toBe('try 60');
    expect(attemptsOf(on.trial.db, on.genId, 2)).toHaveLength(2);
    expect(on.trial.db.get('SELECT attempts FROM event_deliveries WHERE seq = 1')).toEqual({
      attempts: 60,
    });
  });
});
