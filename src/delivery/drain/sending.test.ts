import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { drainOnce, ledgerRows, permit, tallyRows } from '../../../test/suites/drain-trial.ts';
import { eventId } from '../../../test/support/envelopes.ts';
import { ledgerTrial } from '../../../test/support/ledger-trial.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type Recorded,
  type Reply,
} from '../../../test/support/recording-server.ts';
import { readEndpoint } from '../../home/index.ts';
import { readPacing } from './pacing.ts';
import { eventsStream as stream } from '../stream.ts';

const YEAR_MS = 31_536_000_000;

/** A receiver that holds its answers back until so many batches are under way at once, or none follows. */
function gathering(limits: Readonly<Record<string, number>>): {
  readonly most: () => number;
  readonly say: (request: Recorded) => Promise<Reply>;
} {
  const underWay = { now: 0, most: 0 };
  return {
    most: () => underWay.most,
    say: async (request) => {
      if (request.method === 'GET') {
        return { status: 200, body: JSON.stringify({ sync_ingress: { limits } }) };
      }
      underWay.now += 1;
      underWay.most = Math.max(underWay.most, underWay.now);
      await new Promise((resolve) => {
        setTimeout(resolve, 25);
      });
      underWay.now -= 1;
      return answerAll(request);
    },
  };
}

/** An address of this machine where nobody listens. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return `http://127.0.0.1:${port}`;
}

describe('batches under way together', () => {
  it('are one, where the receiver does not say that order is all the same to it', async () => {
    const { most, say } = gathering({ max_events_per_batch: 1 });
    const server = await recordingServer(say);
    const trial = ledgerTrial();
    trial.capture(4);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    expect(most()).toBe(1);
    expect(server.batches().flat()).toEqual([1, 2, 3, 4].map(eventId));
  });

  it('are as many as the receiver takes, and eight at most', async () => {
    for (const [advertised, expected] of [
      [3, 3],
      [50, 8],
    ] as const) {
      const limits = { max_events_per_batch: 1, max_concurrent_batches: advertised };
      const { most, say } = gathering(limits);
      const server = await recordingServer(say);
      const trial = ledgerTrial();
      trial.capture(24);
      const route = permit(trial, server.url);
      await drainOnce(trial, route);
      expect(most()).toBe(expected);
      expect(tallyRows(trial, route)).toEqual({ delivered: 24 });
      trial.books(route);
    }
  });

  it('are all recorded when one of them is refused, and nothing follows', async () => {
    const limits = { max_events_per_batch: 1, max_concurrent_batches: 3 };
    const server = await recordingServer((request) => {
      if (request.method === 'GET') {
        return { status: 200, body: JSON.stringify({ sync_ingress: { limits } }) };
      }
      return idsOf(request.body)[0] === eventId(2) ? { status: 403 } : answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(20);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'halted' });
    const delivered = ledgerRows(trial, route).filter((row) => row.state === 'delivered');
    expect(delivered.length).toBeLessThan(10);
    expect(server.batches().length - delivered.length).toBe(1);
    expect(trial.db.all('SELECT 1 FROM batches WHERE ended_at IS NULL')).toEqual([]);
    trial.books(route);
  });

  it('are all listened to: whoever asks to be left alone for longest is heard', async () => {
    const limits = { max_events_per_batch: 1, max_concurrent_batches: 3 };
    const waits = new Map<string, string>([
      [eventId(1), '10'],
      [eventId(2), '40'],
    ]);
    const server = await recordingServer((request) => {
      if (request.method === 'GET') {
        return { status: 200, body: JSON.stringify({ sync_ingress: { limits } }) };
      }
      const retryAfter = waits.get(idsOf(request.body)[0] ?? '');
      return {
        status: 503,
        headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
      };
    });
    const trial = ledgerTrial();
    trial.capture(3);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    expect(server.batches()).toHaveLength(3);
    expect(readPacing(trial.db, route.id, stream)).toMatchObject({
      failures: 1,
      retryAfterAt: trial.clock.now() + 40_000,
    });
  });

  it('that fail without a wish wait for their turn', async () => {
    const limits = { max_events_per_batch: 1, max_concurrent_batches: 2 };
    const server = await recordingServer((request) => {
      const body = JSON.stringify({ sync_ingress: { limits } });
      return request.method === 'GET' ? { status: 200, body } : { status: 502 };
    });
    const trial = ledgerTrial();
    trial.capture(2);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    const pacing = readPacing(trial.db, route.id, stream);
    expect(pacing).toMatchObject({
      failures: 1,
      retryAfterAt: 0,
      dueAt: trial.clock.now() + 1_000,
    });
  });
});

describe('a batch of which nothing is taken', () => {
  it('does not hold back what comes behind it', async () => {
    const server = await recordingServer((request) => {
      if (request.method === 'GET') {
        const limits = { max_events_per_batch: 2 };
        return { status: 200, body: JSON.stringify({ sync_ingress: { limits } }) };
      }
      const isBad = idsOf(request.body).some((id) => id === eventId(1) || id === eventId(2));
      return isBad ? { status: 400 } : answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(6);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    expect(tallyRows(trial, route)).toMatchObject({ delivered: 4 });
    trial.books(route);
  });
});

describe('an event that is refused', () => {
  it('holds nobody back, not even of its own aggregate', async () => {
    const server = await recordingServer((request) => {
      const results = idsOf(request.body).map((event_id) =>
        event_id === eventId(1)
          ? { event_id, status: 'rejected', error_category: 'not_yet' }
          : { event_id, status: 'success' },
      );
      return { status: 200, body: JSON.stringify({ results }) };
    });
    const trial = ledgerTrial();
    trial.capture(3, { aggregateId: 'WP01' });
    const route = permit(trial, `${server.url}/hook`);
    const report = await drainOnce(trial, route, { byOperator: false });
    expect(report).toMatchObject({
      blocked: null,
      failures: [{ id: eventId(1), category: 'not_yet' }],
    });
    expect(tallyRows(trial, route)).toEqual({ delivered: 2, queued: 1 });
    await drainOnce(trial, route, { byOperator: false });
    expect(server.batches()).toHaveLength(1);
    trial.clock.move(1_000);
    await drainOnce(trial, route, { byOperator: false });
    expect(server.batches().slice(1)).toEqual([[eventId(1)]]);
  });

  it('does not wait for its turn when an operator asks', async () => {
    const server = await recordingServer((request) =>
      answerAll(request, server.batches().length > 1 ? 'success' : 'rejected'),
    );
    const trial = ledgerTrial();
    trial.capture(2);
    const route = permit(trial, `${server.url}/hook`);
    await drainOnce(trial, route);
    expect(tallyRows(trial, route)).toEqual({ queued: 2 });
    await drainOnce(trial, route);
    expect(tallyRows(trial, route)).toEqual({ delivered: 2 });
  });
});

describe('a receiver that cannot be asked', () => {
  it('is left alone by everyone but an operator, at this origin', async () => {
    const dead = await deadAddress();
    const trial = ledgerTrial();
    trial.capture(1);
    const [one, two] = [permit(trial, `${dead}/one`), permit(trial, `${dead}/two`)];
    const first = await drainOnce(trial, one, { byOperator: false });
    expect(first.blocked).toMatchObject({ reason: 'network_unavailable' });
    expect(readEndpoint(trial.home.machine(), dead)).toMatchObject({ failures: 1 });
    const second = await drainOnce(trial, two, { byOperator: false });
    expect(second.blocked?.detail).toContain('is out of reach');
    expect(trial.db.all('SELECT 1 FROM batches')).toHaveLength(1);
    expect((await drainOnce(trial, two)).blocked?.detail).toContain('refused');
    expect(trial.db.all('SELECT 1 FROM batches')).toHaveLength(2);
    expect(tallyRows(trial, two)).toEqual({ queued: 1 });
  });

  it('is tried again when the clock was set back and its time would never come', async () => {
    const dead = await deadAddress();
    const trial = ledgerTrial();
    trial.capture(1);
    const [one, two] = [permit(trial, `${dead}/one`), permit(trial, `${dead}/two`)];
    await drainOnce(trial, one, { byOperator: false });
    trial.clock.setWall(trial.clock.now() - YEAR_MS);
    for (const route of [one, two]) {
      const report = await drainOnce(trial, route, { byOperator: false });
      expect(report.blocked?.detail).toContain('refused');
    }
  });

  it('halts the route when it refuses the login, and says how to log in', async () => {
    const server = await recordingServer(() => ({ status: 401 }));
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({
      reason: 'halted',
      remedy: `spec-kitty auth login --server ${server.url} --token-stdin`,
    });
    expect(server.batches()).toEqual([]);
    const pacing = readPacing(trial.db, route.id, stream);
    expect(pacing).toMatchObject({
      failures: 1,
      dueAt: trial.clock.now() + 300_000,
      retryAfterAt: 0,
    });
    const later = await drainOnce(trial, route, { byOperator: false });
    expect(later.blocked?.detail).toContain('left alone for another 300 s');
  });

  it('is left alone as long as it asks in its health, by an operator too', async () => {
    const server = await recordingServer(() => ({ status: 503, headers: { 'retry-after': '30' } }));
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    expect((await drainOnce(trial, route)).blocked?.detail).toContain(
      'left alone for another 30 s',
    );
    expect(server.requests).toHaveLength(1);
  });
});
