import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { drainOnce, ledgerRows, permit, tallyRows } from '../../../test/suites/drain-trial.ts';
import { eventId } from '../../../test/support/envelopes.ts';
import { ledgerTrial, STREAMS, type LedgerTrial } from '../../../test/support/ledger-trial.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type Recorded,
  type RecordingServer,
  type Reply,
} from '../../../test/support/recording-server.ts';
import { lateRefusal } from '../../../test/support/refusal.ts';
import { tempDir } from '../../../test/support/temp-home.ts';
import { faultsFrom, openDb } from '../../base/index.ts';
import { claimDrain, drainOwner, releaseDrain, renewDrain } from './drains.ts';
import { drain } from './dispatcher.ts';
import { acceptInstance, open } from '../generations.ts';
import { readPacing } from './pacing.ts';
import { listRoutes, type Route } from '../routes.ts';
import { revoke } from '../grants.ts';
import { listSightings } from '../sightings.ts';
import { eventsStream } from '../stream.ts';
import { setHeaders } from '../targets.ts';

type Say = (request: Recorded, index: number) => Reply | Promise<Reply>;

/** A receiver whose health names limits, and an instance when there is one. */
function receiver(
  limits: Readonly<Record<string, number>>,
  say: Say = (request) => answerAll(request),
  instance: () => string | null = () => null,
): Promise<RecordingServer> {
  return recordingServer((request, index) => {
    if (request.method === 'POST') return say(request, index);
    const server_instance_id = instance() ?? undefined;
    return { status: 200, body: JSON.stringify({ server_instance_id, sync_ingress: { limits } }) };
  });
}

function withdraw(trial: LedgerTrial, route: Route): void {
  const now = trial.clock.now();
  revoke(trial.db, { routeId: route.id, by: 'test', now, streams: STREAMS });
}

function blockedOn(trial: LedgerTrial, route: Route): string | undefined {
  return listRoutes(trial.db).find((each) => each.id === route.id)?.blocked?.reason;
}

describe('a drain', () => {
  it('delivers what is new in capture order, says so as it goes, and then has nothing to ask', async () => {
    const server = await receiver({ max_events_per_batch: 2 });
    const trial = ledgerTrial();
    trial.capture(5);
    const route = permit(trial, server.url);
    const progress: number[] = [];
    const report = await drain({
      home: trial.home,
      db: trial.db,
      route,
      streams: STREAMS,
      byOperator: false,
      signal: new AbortController().signal,
      onProgress: (done) => progress.push(done),
    });
    expect(report).toMatchObject({
      selected: 5,
      requests: 3,
      blocked: null,
      outcomes: { success: 5 },
    });
    expect(server.batches()).toEqual([
      [eventId(1), eventId(2)],
      [eventId(3), eventId(4)],
      [eventId(5)],
    ]);
    expect(progress).toEqual([2, 4, 5]);
    expect(trial.books(route)).toMatchObject({ delivered: 5, unopened: 0 });
    const asked = server.requests.length;
    expect(await drainOnce(trial, route, { byOperator: false })).toMatchObject({
      selected: 0,
      blocked: null,
    });
    expect(server.requests).toHaveLength(asked);
  });

  it('of an operator asks who is there even when there is nothing to send', async () => {
    const server = await receiver({});
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    expect(await drainOnce(trial, route)).toMatchObject({ selected: 0, blocked: null });
    expect(server.requests.map((request) => request.method)).toEqual(['GET']);
  });

  it('sends the bytes of the journal, byte for byte', async () => {
    const server = await receiver({});
    const trial = ledgerTrial();
    trial.capture(2, { payload: '{ "a" : 1.0,  "b":"\\u00e9" }' });
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    const stored = trial.db.all<{ payload: Buffer }>(
      'SELECT payload FROM event_payloads ORDER BY seq',
    );
    const [post] = server.requests.filter((request) => request.method === 'POST');
    expect(post?.body.toString()).toBe(
      `{"events":[${stored.map((row) => row.payload.toString()).join(',')}]}`,
    );
  });

  it('opens no socket without a permission, whatever it was told before', async () => {
    const server = await receiver({});
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    withdraw(trial, route);
    const report = await drainOnce(trial, route);
    expect(report.blocked?.remedy).toBe(`spec-kitty sync opt-in --target ${route.target.publicId}`);
    expect(server.requests).toEqual([]);
  });

  it('opens no socket while a gate is closed, writes the gate on the route, and takes it off again', async () => {
    const server = await receiver({});
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    setHeaders(trial.db, route.target.id, [{ name: 'x-key', envVar: 'MISSING_KEY' }]);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'missing_auth' });
    expect(blockedOn(trial, route)).toBe('missing_auth');
    expect(server.requests).toEqual([]);
    setHeaders(trial.db, route.target.id, []);
    await drainOnce(trial, route);
    expect(blockedOn(trial, route)).toBeUndefined();
    expect(tallyRows(trial, route)).toEqual({ delivered: 1 });
  });

  it('needs no network for a stub', async () => {
    const trial = ledgerTrial();
    const file = path.join(tempDir(), 'accepted.ndjson');
    trial.capture(2);
    const report = await drainOnce(trial, permit(trial, `stub:${file}`));
    expect(report).toMatchObject({ blocked: null, outcomes: { success: 2 } });
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it('sends nothing when it is interrupted before it began', async () => {
    const server = await receiver({});
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    await drainOnce(trial, route, { signal: AbortSignal.abort() });
    expect(server.batches()).toEqual([]);
    expect(drainOwner(trial.db, trial.system, route.id)).toBeNull();
  });

  it('never sends bytes that are no longer those of the journal, reports them, and goes on behind them', async () => {
    const server = await receiver({ max_events_per_batch: 1 });
    const trial = ledgerTrial();
    trial.capture(3);
    const route = permit(trial, server.url);
    trial.db.exec(`DROP TRIGGER payloads_no_update;
      UPDATE event_payloads SET payload = zeroblob(length(payload)) WHERE seq = 2`);
    const report = await drainOnce(trial, route);
    expect(report).toMatchObject({ damaged: [eventId(2)], selected: 2, blocked: null });
    expect(server.batches()).toEqual([[eventId(1)], [eventId(3)]]);
    expect(tallyRows(trial, route)).toEqual({ delivered: 2, queued: 1 });
  });
});

describe('a permission that is withdrawn while a batch is under way', () => {
  it('lets nothing leave any more, and counts what arrived', async () => {
    const server = await receiver({ max_events_per_batch: 2 }, (request) => {
      withdraw(trial, route);
      return answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(6);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(server.batches()).toEqual([[eventId(1), eventId(2)]]);
    expect(tallyRows(trial, route)).toEqual({ delivered: 2, 'withheld revoked': 4 });
    expect(report.blocked?.remedy).toContain('sync opt-in');
    expect(readPacing(trial.db, route.id, eventsStream)).toMatchObject({ failures: 0, dueAt: 0 });
    trial.books(route);
  });

  it('of one event alone keeps that one back and no other', async () => {
    const server = await receiver({ max_events_per_batch: 2 }, (request) => {
      trial.db.run(
        `UPDATE event_deliveries SET state = 3, reason = 'erased' WHERE seq = 3 AND state = 1`,
      );
      return answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(5);
    const route = permit(trial, server.url);
    expect((await drainOnce(trial, route)).blocked).toBeNull();
    expect(server.batches()).toEqual([
      [eventId(1), eventId(2)],
      [eventId(4), eventId(5)],
    ]);
  });
});

describe('the right to drain', () => {
  it('belongs to one: who finds it taken says so and sends nothing', async () => {
    const server = await receiver({});
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    const other = { ...trial.system, host: { ...trial.system.host, pid: process.ppid } };
    const held = await claimDrain(trial.db, other, route.id);
    const refused = lateRefusal(drainOnce(trial, route));
    for (let step = 0; step < 120; step += 1) {
      renewDrain(trial.db, held, trial.clock.now());
      trial.clock.move(100);
      await setImmediate();
    }
    expect((await refused).code).toBe('busy');
    expect(server.requests).toEqual([]);
    releaseDrain(trial.db, held);
  });

  it('is kept while a receiver is slow', async () => {
    const server = await receiver({}, async (request) => {
      for (let second = 0; second < 30; second += 1) {
        trial.clock.move(1_000);
        await setImmediate();
      }
      expect(drainOwner(trial.db, trial.system, route.id)).toBe(process.pid);
      return answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    expect(await drainOnce(trial, route)).toMatchObject({
      blocked: null,
      outcomes: { success: 1 },
    });
    expect(drainOwner(trial.db, trial.system, route.id)).toBeNull();
  });

  it('is kept when one renewal comes to nothing', async () => {
    const server = await receiver({}, async (request) => {
      const other = openDb(trial.db.path, { clock: trial.clock });
      other.exec('BEGIN IMMEDIATE');
      trial.clock.move(4_000);
      await setImmediate();
      other.exec('ROLLBACK');
      other.close();
      return answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(1);
    trial.db.waitAtMost(0);
    const route = permit(trial, server.url);
    expect(await drainOnce(trial, route)).toMatchObject({
      blocked: null,
      outcomes: { success: 1 },
    });
    expect(readFileSync(trial.home.paths.log, 'utf8')).toContain('delivery.renewal');
  });

  it('is lost to another process: nothing of this one is recorded any more', async () => {
    const server = await receiver({}, async (request) => {
      trial.clock.move(20_000);
      const other = { ...trial.system, host: { ...trial.system.host, pid: process.ppid } };
      await claimDrain(trial.db, other, route.id);
      return answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(2);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'daemon_lock' });
    expect(tallyRows(trial, route)).toEqual({ queued: 2 });
    expect(drainOwner(trial.db, trial.system, route.id)).toBe(process.ppid);
    trial.books(route);
  });

  it('is lost to another process while the receiver is asked who it is: what it says counts for nothing', async () => {
    const server = await recordingServer(() => {
      trial.db.run('UPDATE drains SET fence = fence + 1');
      return { status: 200, body: JSON.stringify({ server_instance_id: 'late' }) };
    });
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'daemon_lock' });
    expect(server.requests.map((request) => request.method)).toEqual(['GET']);
    expect(listSightings(trial.db, route.target.id)).toEqual([]);
    expect(listRoutes(trial.db)[0]?.target.instanceId).toBeNull();
  });

  it.each([
    'open.commit',
    'batch.begin',
    'batch.send',
    'batch.answer',
    'record.append',
    'record.commit',
    'record.done',
  ])(
    'is given back when the process fails at %s, and the next one finishes the work',
    async (point) => {
      const server = await receiver({ max_events_per_batch: 2 });
      const trial = ledgerTrial();
      trial.capture(4);
      const route = permit(trial, server.url);
      const faults = faultsFrom(point, () => {
        throw new Error('power cut');
      });
      const failing = { ...trial, home: { ...trial.home, system: { ...trial.system, faults } } };
      await expect(drainOnce(failing, route)).rejects.toThrow('power cut');
      expect(drainOwner(trial.db, trial.system, route.id)).toBeNull();
      trial.books(route);
      expect((await drainOnce(trial, route)).blocked).toBeNull();
      expect(tallyRows(trial, route)).toEqual({ delivered: 4 });
      expect(new Set(server.batches().flat()).size).toBe(4);
      expect(trial.db.all('SELECT 1 FROM batches WHERE ended_at IS NULL')).toEqual([]);
      trial.books(route);
    },
  );
});

describe('another instance under the same address', () => {
  it('gets nothing until an operator accepts it', async () => {
    const current = { id: 'one' };
    const server = await receiver(
      {},
      (request) => answerAll(request),
      () => current.id,
    );
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    open(trial.db, { routeId: route.id, stream: eventsStream, faults: trial.system.faults });
    trial.db.run(`UPDATE generations SET instance_id = 'one'`);
    expect((await drainOnce(trial, route)).outcomes.success).toBe(1);
    current.id = 'two';
    trial.capture(1);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({
      reason: 'receiver_reset',
      remedy: `spec-kitty sync targets accept ${route.target.publicId}`,
    });
    expect(blockedOn(trial, route)).toBe('receiver_reset');
    expect(tallyRows(trial, route)).toEqual({ delivered: 1, queued: 1 });
    acceptInstance(trial.db, route.id);
    expect((await drainOnce(trial, route)).blocked).toBeNull();
    expect(tallyRows(trial, route)).toEqual({ delivered: 2 });
  });

  it('is noticed by the answer to a batch, which then counts for nothing', async () => {
    const current = { id: 'one' };
    const server = await recordingServer((request) => {
      const results = idsOf(request.body).map((event_id) => ({ event_id, status: 'success' }));
      return { status: 200, body: JSON.stringify({ results, server_instance_id: current.id }) };
    });
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, `${server.url}/hook`);
    expect((await drainOnce(trial, route)).blocked).toBeNull();
    expect(trial.generation(route).instanceId).toBe('one');
    current.id = 'two';
    trial.capture(1);
    expect((await drainOnce(trial, route)).blocked).toMatchObject({ reason: 'receiver_reset' });
    expect(ledgerRows(trial, route)[1]).toMatchObject({ state: 'queued', attempts: 0 });
    trial.books(route);
  });
});
