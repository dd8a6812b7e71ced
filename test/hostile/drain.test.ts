import { describe, expect, it } from 'vitest';
import { readEndpoint } from '../../src/home/index.ts';
import { listRoutes } from '../../src/delivery/index.ts';
import { drainOnce, ledgerRows, permit, tallyRows } from '../suites/drain-trial.ts';
import { eventId } from '../support/envelopes.ts';
import { ledgerTrial } from '../support/ledger-trial.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type Recorded,
  type Reply,
} from '../support/recording-server.ts';
import { rawServer } from './raw-server.ts';

/** A payload with so many bytes more than an empty one. */
function padded(bytes: number): string {
  return `{"pad":"${'x'.repeat(bytes)}"}`;
}

function health(
  limits: Readonly<Record<string, number>>,
  more: Readonly<Record<string, unknown>> = {},
): Reply {
  return { status: 200, body: JSON.stringify({ sync_ingress: { limits }, ...more }) };
}

/** A receiver without health, asked at an address of its own. */
async function hook(reply: (request: Recorded, index: number) => Reply): Promise<{
  readonly url: string;
  sizes(): readonly number[];
  batches(): readonly (readonly string[])[];
}> {
  const server = await recordingServer(reply);
  return {
    url: `${server.url}/hook`,
    batches: () => server.batches(),
    sizes: () => server.batches().map((ids) => ids.length),
  };
}

describe('an event that is too large for the receiver', () => {
  it('is parked with its size, and all others are delivered, when health names the limit', async () => {
    const limits = { max_decompressed_bytes_per_batch: 5_000 };
    const server = await recordingServer((request) => {
      if (request.method === 'GET') return health(limits);
      return request.body.length > 5_000 ? { status: 413 } : answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(20);
    trial.capture(1, { payload: padded(10_000) });
    trial.capture(20);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report).toMatchObject({
      blocked: null,
      outcomes: { success: 40 },
      failures: [{ id: eventId(21), category: 'payload_too_large', httpStatus: 413 }],
    });
    expect(report.failures[0]?.detail).toMatch(
      /^a request with it alone has 10\d{3} bytes, the receiver takes 5000$/,
    );
    expect(tallyRows(trial, route)).toEqual({ delivered: 40, 'parked payload_too_large': 1 });
    // It went out alone, once: what was within the limit was never refused.
    const refused = server.requests.filter(
      (each) => each.method === 'POST' && each.body.length > 5_000,
    );
    expect(refused.map((each) => idsOf(each.body))).toEqual([[eventId(21)]]);
  });

  it('is parked when only the refusal names the limit', async () => {
    const limits = { max_decompressed_bytes_per_batch: 5_000 };
    const body = JSON.stringify({ error: 'too large', limits });
    const server = await hook((request) =>
      request.body.length > 5_000 ? { status: 413, body } : answerAll(request),
    );
    const trial = ledgerTrial();
    trial.capture(10, { payload: padded(100) });
    trial.capture(1, { payload: padded(10_000) });
    trial.capture(10, { payload: padded(100) });
    const route = permit(trial, server.url);
    expect((await drainOnce(trial, route)).blocked).toBeNull();
    expect(tallyRows(trial, route)).toEqual({ delivered: 20, 'parked payload_too_large': 1 });
  });

  it('waits, and holds nobody back, when no limit was ever named', async () => {
    const server = await hook((request) =>
      request.body.length > 5_000 ? { status: 413 } : answerAll(request),
    );
    const trial = ledgerTrial();
    trial.capture(3);
    trial.capture(1, { payload: padded(10_000) });
    trial.capture(3);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.failures).toMatchObject([
      { outcome: 'transient', category: 'limit_contradicted' },
    ]);
    expect(tallyRows(trial, route)).toEqual({ delivered: 6, queued: 1 });
  });
});

describe('a receiver that takes less than it says', () => {
  it('gets smaller batches at once, and is tried upwards again', async () => {
    const server = await hook((request) =>
      idsOf(request.body).length > 100 ? { status: 413 } : answerAll(request),
    );
    const trial = ledgerTrial();
    trial.capture(3_000, { payload: '{}' });
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(tallyRows(trial, route)).toEqual({ delivered: 3_000 });
    expect(report.blocked).toBeNull();
    const refused = server.sizes().filter((size) => size > 100);
    const taken = server.sizes().filter((size) => size <= 100);
    expect(Math.min(...taken)).toBeGreaterThan(30);
    // Less than one refusal for each batch that was taken.
    expect(refused.length).toBeLessThan(taken.length);
    expectCaptureOrder(server.batches().filter((ids) => ids.length <= 100));
  });

  it('does not pay for one large event with a request for each of the others', async () => {
    const server = await hook((request) =>
      request.body.length > 500_000 ? { status: 413 } : answerAll(request),
    );
    const trial = ledgerTrial();
    // These two fill the first batch, of which only the small one passes.
    trial.capture(1);
    trial.capture(1, { payload: padded(523_000) });
    trial.capture(2_000, { payload: '{}' });
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    expect(server.sizes().slice(0, 3)).toEqual([2, 1, 1]);
    expect(tallyRows(trial, route)).toEqual({ delivered: 2_001, queued: 1 });
    expect(server.sizes().length).toBeLessThan(100);
  });

  it('is believed at once when it names its limit', async () => {
    const body = JSON.stringify({ limits: { max_events_per_batch: 60 } });
    const server = await hook((request) =>
      idsOf(request.body).length > 60 ? { status: 413, body } : answerAll(request),
    );
    const trial = ledgerTrial();
    trial.capture(1_500, { payload: '{}' });
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    expect(tallyRows(trial, route)).toEqual({ delivered: 1_500 });
    // The first batch, and the second that was ready before its answer came.
    expect(server.sizes().filter((size) => size > 60).length).toBeLessThanOrEqual(2);
  });

  it('changes its mind in the middle of a drain', async () => {
    let most = 500;
    const server = await recordingServer((request) => {
      if (request.method === 'GET') return health({ max_events_per_batch: 500 });
      const { length } = idsOf(request.body);
      if (length === 500) most = 20;
      const limits = { max_events_per_batch: most };
      return length > most ? { status: 413, body: JSON.stringify({ limits }) } : answerAll(request);
    });
    const trial = ledgerTrial();
    trial.capture(1_200, { payload: '{}' });
    const route = permit(trial, server.url);
    expect((await drainOnce(trial, route)).blocked).toBeNull();
    expect(tallyRows(trial, route)).toEqual({ delivered: 1_200 });
  });
});

describe('a receiver that refuses without a reason', () => {
  it('holds nobody back with one event that fills a batch of its own', async () => {
    const poison = eventId(1);
    const server = await hook((request) =>
      idsOf(request.body).includes(poison) ? { status: 400 } : answerAll(request),
    );
    const trial = ledgerTrial();
    trial.capture(1, { payload: padded(520_000) });
    trial.capture(10, { payload: padded(10_000) });
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(server.batches()[0]).toEqual([poison]);
    expect(report).toMatchObject({
      blocked: null,
      outcomes: { success: 10, rejected: 1 },
      failures: [{ id: poison, outcome: 'rejected', category: 'bad_request' }],
    });
    expect(tallyRows(trial, route)).toEqual({ delivered: 10, queued: 1 });
    expect(ledgerRows(trial, route)[0]).toMatchObject({
      attempts: 1,
      due_at: trial.clock.now() + 1_000,
    });
  });

  it('parks nothing when it refuses everything, and is asked less and less often', async () => {
    const server = await hook(() => ({ status: 400, body: '{"error":"schema_invalid"}' }));
    const trial = ledgerTrial();
    trial.capture(7);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'network_unavailable' });
    expect(report.blocked?.detail).toContain('bad_request');
    expect(tallyRows(trial, route)).toEqual({ queued: 7 });
    const asked = server.sizes().length;
    expect(await drainOnce(trial, route, { byOperator: false })).toMatchObject({ selected: 0 });
    expect(server.sizes()).toHaveLength(asked);
  });

  it('stops after two batches of which it takes nothing', async () => {
    const server = await hook(() => ({ status: 400 }));
    const trial = ledgerTrial();
    trial.capture(40, { payload: padded(60_000) });
    const route = permit(trial, server.url);
    expect((await drainOnce(trial, route)).selected).toBeLessThanOrEqual(24);
    expect(tallyRows(trial, route)).toEqual({ queued: 40 });
  });
});

describe('a failure of a whole request', () => {
  it.each([
    ['an odd 2xx', { status: 200, body: '<html>' }],
    ['a 503', { status: 503 }],
    ['a 404', { status: 404 }],
    ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }],
    ['a cut connection', null],
  ] as const)('touches no delivery and counts no try: %s', async (_what, reply) => {
    const isHealed = { yes: false };
    const server = await hook((request) => (isHealed.yes ? answerAll(request) : reply));
    const trial = ledgerTrial();
    trial.capture(3);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).not.toBeNull();
    expect(report.outcomes).toMatchObject({
      success: 0,
      rejected: 0,
      transient: 0,
      terminal_failed: 0,
    });
    for (const row of ledgerRows(trial, route)) {
      expect(row).toMatchObject({ state: 'queued', attempts: 0, due_at: 0, outcome: null });
    }
    trial.books(route);
    isHealed.yes = true;
    expect((await drainOnce(trial, route)).outcomes.success).toBe(3);
  });

  it('waits as long as the receiver asks, an operator too', async () => {
    const reply = { status: 429, headers: { 'retry-after': '90' } };
    const server = await hook((request, index) => (index === 0 ? reply : answerAll(request)));
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    trial.clock.move(89_000);
    const early = await drainOnce(trial, route);
    expect(early.blocked?.detail).toContain('left alone for another 1 s');
    trial.clock.move(1_000);
    expect((await drainOnce(trial, route)).outcomes.success).toBe(1);
    expect(server.sizes()).toEqual([1, 1]);
  });

  it.each([
    ['0', 1_000],
    ['999999999', 3_600_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 1_000],
  ])('never waits shorter or longer than is sane: %s', async (retryAfter, ms) => {
    const reply = { status: 503, headers: { 'retry-after': retryAfter } };
    const server = await hook((request, index) => (index === 0 ? reply : answerAll(request)));
    const trial = ledgerTrial();
    trial.capture(1);
    const route = permit(trial, server.url);
    await drainOnce(trial, route);
    trial.clock.move(ms - 1);
    expect((await drainOnce(trial, route)).selected).toBe(0);
    trial.clock.move(1);
    expect((await drainOnce(trial, route)).outcomes.success).toBe(1);
  });

  it('keeps what was said before it', async () => {
    const server = await hook((request, index) => {
      if (index === 0) return { status: 413 };
      return index === 1 ? answerAll(request) : { status: 502 };
    });
    const trial = ledgerTrial();
    trial.capture(10);
    const route = permit(trial, server.url);
    expect((await drainOnce(trial, route)).blocked?.detail).toContain('HTTP 502');
    expect(tallyRows(trial, route)).toEqual({ delivered: 5, queued: 5 });
    trial.books(route);
  });
});

describe('answers that are not quite right', () => {
  it('leave what was not spoken of waiting, and count what nobody asked for', async () => {
    const server = await hook((request) => {
      const [first] = idsOf(request.body);
      const results = [
        { event_id: first, status: 'success' },
        { event_id: 'X', status: 'success' },
        null,
      ];
      return { status: 200, body: JSON.stringify({ results }) };
    });
    const trial = ledgerTrial();
    trial.capture(3);
    const route = permit(trial, server.url);
    expect(await drainOnce(trial, route)).toMatchObject({
      strays: 2,
      blocked: null,
      outcomes: { success: 1, transient: 2 },
    });
    const rows = ledgerRows(trial, route);
    expect(rows.map((row) => row.state)).toEqual(['delivered', 'queued', 'queued']);
    expect(rows[1]).toMatchObject({ attempts: 1, due_at: trial.clock.now() + 1_000 });
    // One more each time, with the same ids, until all are there.
    await drainOnce(trial, route);
    await drainOnce(trial, route);
    expect(tallyRows(trial, route)).toEqual({ delivered: 3 });
    expect(server.sizes()).toEqual([3, 2, 1]);
  });

  it('of two instances under one address are believed neither', async () => {
    let flips = 0;
    const server = await hook((request, index) => {
      if (index === 0) return { status: 413 };
      const results = idsOf(request.body).map((event_id) => ({ event_id, status: 'success' }));
      flips += 1;
      return {
        status: 200,
        body: JSON.stringify({ results, server_instance_id: `i-${flips % 2}` }),
      };
    });
    const trial = ledgerTrial();
    trial.capture(4);
    const route = permit(trial, server.url);
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'halted' });
    expect(report.blocked?.detail).toContain('several instances take turns');
    expect(tallyRows(trial, route)).toEqual({ queued: 4 });
    trial.books(route);
  });
});

it('an interrupted drain says nothing against the receiver', async () => {
  const server = await rawServer({});
  const trial = ledgerTrial();
  trial.capture(1);
  const route = permit(trial, `${server.url}/hook`);
  const aborter = new AbortController();
  const draining = drainOnce(trial, route, { signal: aborter.signal });
  while (server.received().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  aborter.abort();
  await draining;
  expect(readEndpoint(trial.home.machine(), server.url)).toMatchObject({ failures: 0 });
  expect(trial.db.all('SELECT failures FROM route_streams WHERE failures > 0')).toEqual([]);
  expect(tallyRows(trial, route)).toEqual({ queued: 1 });
  expect(listRoutes(trial.db)).toHaveLength(1);
});

function expectCaptureOrder(taken: readonly (readonly string[])[]): void {
  const order = new Map<string, number>(
    Array.from({ length: 3_000 }, (_, n) => [eventId(n + 1), n]),
  );
  const places = taken.flat().map((id) => order.get(id) ?? -1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
}
