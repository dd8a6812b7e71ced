import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { drainOnce, permit } from '../../../test/suites/drain-trial.ts';
import { ledgerTrial, type LedgerTrial } from '../../../test/support/ledger-trial.ts';
import { realReceiver, type RealReceiver } from '../../../test/support/real-receiver.ts';
import {
  answerAll,
  recordingServer,
  type Recorded,
  type RecordingServer,
  type Reply,
} from '../../../test/support/recording-server.ts';
import { tempDir } from '../../../test/support/temp-home.ts';
import { sha256Hex } from '../../base/index.ts';
import { bodiesStream as bodies } from '../../bodies/index.ts';
import { attemptsOf, listParked, retryParked } from '../parked.ts';
import type { Route } from '../routes.ts';
import { eventsStream as events } from '../stream.ts';

const DAY_MS = 86_400_000;

interface Push {
  readonly artifact_path: string;
  readonly content_hash: string;
}

function pushOf(request: Recorded): Push {
  return JSON.parse(request.body.toString()) as Push;
}

function pushesAt(server: RecordingServer): readonly string[] {
  const pushes = server.requests.filter((each) => each.path.includes('push-content'));
  return pushes.map((each) => pushOf(each).artifact_path);
}

function stored(request: Recorded): Reply {
  const { artifact_path, content_hash } = pushOf(request);
  return { status: 201, body: JSON.stringify({ status: 'stored', artifact_path, content_hash }) };
}

/** A receiver of another make that takes bodies; `push` answers those. */
function taking(
  push: (request: Recorded) => Reply | Promise<Reply> = stored,
  options: { readonly width?: number; readonly events?: (request: Recorded) => Reply } = {},
): Promise<RecordingServer> {
  const health = {
    sync_ingress: { limits: { max_concurrent_batches: options.width ?? 1 } },
    capabilities: { bodies: true },
  };
  return recordingServer((request) => {
    if (request.method === 'GET') return { status: 200, body: JSON.stringify(health) };
    if (request.path.includes('push-content')) return push(request);
    return options.events === undefined ? answerAll(request) : options.events(request);
  });
}

/** Every text that the product's own receiver holds, by path. */
async function heldBy(receiver: RealReceiver): Promise<readonly string[]> {
  const rows = await receiver.store.driver.all<{ path: string; content: Buffer }>(
    `SELECT v.path, b.content FROM artifact_versions v JOIN bodies b ON b.sha256 = v.sha256
     WHERE v.stored_at IS NOT NULL ORDER BY v.path, b.content`,
  );
  return rows.map((row) => `${row.path} ${row.content.toString()}`);
}

function uploadMany(trial: LedgerTrial, count: number): void {
  for (let n = 0; n < count; n += 1) trial.upload(`text ${n}`, { path: `research/${n}.md` });
}

function states(trial: LedgerTrial, route: Route): readonly string[] {
  return [...new Set(trial.deliveries(route, bodies).map((each) => each.replace(/^\d+ /, '')))];
}

describe('bodies', () => {
  it('go to A, then to B, and to neither again', async () => {
    const trial = ledgerTrial();
    const [a, b] = [await realReceiver(), await realReceiver()];
    const routes = [permit(trial, a.url), permit(trial, b.url)];
    const texts = ['plain', '\ufeffmark\r\n', 'emoji 🚀 \u0007', 'x'.repeat(524_288)];
    for (const [n, text] of texts.entries()) trial.upload(text, { path: `research/${n}.md` });
    for (const route of routes) {
      const report = await drainOnce(trial, route);
      expect(report.bodies).toMatchObject({ selected: 4, outcomes: { success: 4 }, failures: [] });
      expect(report).toMatchObject({ selected: 4, blocked: null });
      expect((await drainOnce(trial, route)).bodies).toMatchObject({ selected: 0, requests: 0 });
      expect(trial.books(route, bodies)).toMatchObject({ captured: 4, delivered: 4, queued: 0 });
    }
    const expected = texts.map((text, n) => `research/${n}.md ${text}`).sort();
    expect([...(await heldBy(a))].sort()).toEqual(expected);
    expect([...(await heldBy(b))].sort()).toEqual(expected);
  });

  it('leave only behind their events, and wait where those were refused', async () => {
    const mood = { isRefusing: true };
    const refuse = (request: Recorded): Reply => {
      const said = answerAll(request, 'rejected');
      const body = (said?.body ?? '').replaceAll('}]', ',"error_category":"schema_invalid"}]');
      return mood.isRefusing ? { status: 200, body } : answerAll(request);
    };
    const server = await taking(stored, { events: refuse });
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    trial.upload('text');
    const report = await drainOnce(trial, route);
    expect(report.bodies.selected).toBe(0);
    expect([pushesAt(server), trial.deliveries(route)]).toEqual([[], ['1 parked schema_invalid']]);
    mood.isRefusing = false;
    retryParked(trial.db, events, listParked(trial.db, events));
    expect((await drainOnce(trial, route)).bodies.outcomes.success).toBe(1);
    expect(pushesAt(server)).toEqual(['spec.md']);
    const order = server.requests
      .filter(({ method }) => method === 'POST')
      .map((each) => each.path);
    expect(order.map((each) => each.includes('push-content'))).toEqual([false, false, true]);
  });

  it('survive thirty days without network, and arrive afterwards', async () => {
    const mood = { isDead: true };
    const server = await recordingServer((request) => {
      if (mood.isDead) return null;
      if (request.path.includes('push-content')) return stored(request);
      if (request.method === 'POST') return answerAll(request);
      return { status: 200, body: '{"capabilities":{"bodies":true}}' };
    });
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    uploadMany(trial, 40);
    for (let day = 0; day < 30; day += 1) {
      trial.clock.move(DAY_MS);
      const report = await drainOnce(trial, route, { byOperator: false });
      expect(report.blocked?.reason).toBe('network_unavailable');
    }
    expect(trial.db.get('SELECT count(*) AS n FROM attempts')).toEqual({ n: 0 });
    mood.isDead = false;
    trial.clock.move(DAY_MS);
    await drainOnce(trial, route, { byOperator: false });
    expect(states(trial, route)).toEqual(['delivered']);
    expect(trial.books(route, bodies)).toMatchObject({ delivered: 40 });
  });

  it('do not die of being unknown, however often they are told so', async () => {
    const mood = { isIndexed: false };
    const unknown = { status: 404, body: '{"error":"index_entry_not_found"}' };
    const server = await taking((request) => (mood.isIndexed ? stored(request) : unknown));
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    trial.upload('text');
    await drainOnce(trial, route);
    const waits: number[] = [];
    for (let n = 0; n < 30; n += 1) {
      const row = trial.db.get<{ due_at: number }>('SELECT due_at FROM body_deliveries');
      waits.push(((row?.due_at ?? 0) - trial.clock.now()) / 1000);
      trial.clock.move((row?.due_at ?? 0) - trial.clock.now());
      // The route as it is now, with what its receiver has said of itself.
      await drainOnce(trial, permit(trial, server.url), { byOperator: false });
    }
    expect(waits.slice(0, 11)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(trial.db.get('SELECT state, attempts FROM body_deliveries')).toEqual({
      state: 1,
      attempts: 31,
    });
    mood.isIndexed = true;
    await drainOnce(trial, route);
    expect(states(trial, route)).toEqual(['delivered']);
  });

  it('are in flight together as far as the receiver allows', async () => {
    const flight = { now: 0, most: 0 };
    const slowly = async (request: Recorded): Promise<Reply> => {
      flight.now += 1;
      flight.most = Math.max(flight.most, flight.now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      flight.now -= 1;
      return stored(request);
    };
    for (const [width, most] of [
      [1, 1],
      [3, 3],
    ] as const) {
      Object.assign(flight, { now: 0, most: 0 });
      const server = await taking(slowly, { width });
      const trial = ledgerTrial();
      const route = permit(trial, server.url);
      uploadMany(trial, 40);
      await drainOnce(trial, route);
      expect([flight.most, states(trial, route)]).toEqual([most, ['delivered']]);
    }
  });

  it('refused for good are parked with what the server said of each field, and hold nobody back', async () => {
    const errors = JSON.stringify({ content_body: ['may not be blank'] });
    const server = await taking((request) =>
      pushOf(request).artifact_path === 'research/1.md'
        ? { status: 400, body: errors }
        : stored(request),
    );
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    uploadMany(trial, 3);
    const report = await drainOnce(trial, route);
    expect(report.bodies.outcomes).toMatchObject({ success: 2, terminal_failed: 1 });
    const [parked] = listParked(trial.db, bodies);
    expect(parked).toMatchObject({ stream: 'bodies', code: 'bad_request', type: 'research/1.md' });
    expect(parked?.id).toBe(`001-demo/research/1.md@${sha256Hex('text 1').slice(0, 12)}`);
    expect(attemptsOf(trial.db, parked?.genId ?? 0, parked?.seq ?? 0)).toMatchObject([
      { httpStatus: 400, detail: 'content_body: may not be blank' },
    ]);
    expect(trial.db.get('SELECT count(*) AS n FROM blobs')).toEqual({ n: 3 });
    retryParked(trial.db, bodies, listParked(trial.db, bodies));
    expect(states(trial, route)).toEqual(['delivered', 'queued']);
  });

  it('are kept here where the receiver does not say that it takes them', async () => {
    const server = await recordingServer((request) =>
      request.method === 'GET' ? { status: 200, body: '{}' } : answerAll(request),
    );
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    trial.upload('text');
    for (const byOperator of [true, false]) {
      expect(await drainOnce(trial, route, { byOperator })).toMatchObject({ blocked: null });
    }
    expect(pushesAt(server)).toEqual([]);
    expect(trial.books(route, bodies)).toMatchObject({ unopened: 1, opened: 0 });
  });

  it('are lines of a stub file, each once', async () => {
    const file = path.join(tempDir(), 'kept.ndjson');
    const trial = ledgerTrial();
    const route = permit(trial, `stub:${file}`);
    trial.upload('text');
    await drainOnce(trial, route);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({
      artifact_path: 'spec.md',
      content_body: 'text',
    });
    trial.db.run('UPDATE body_deliveries SET attempts = attempts');
    const again = ledgerTrial();
    const other = permit(again, `stub:${file}`);
    again.upload('text');
    expect((await drainOnce(again, other)).bodies.outcomes).toMatchObject({ duplicate: 1 });
    expect(existsSync(file) && readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('what stops one stream', () => {
  it('leaves the other its turn', async () => {
    const mood = { isBusy: false };
    const server = await taking(stored, {
      events: (request) => (mood.isBusy ? { status: 503 } : answerAll(request)),
    });
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    const { event } = trial.upload('text');
    await drainOnce(trial, route);
    trial.upload('second', { event, path: 'plan.md' });
    trial.capture(1);
    mood.isBusy = true;
    const report = await drainOnce(trial, route);
    expect(report.blocked).toMatchObject({ reason: 'network_unavailable' });
    expect(report.bodies.outcomes.success).toBe(1);
    expect(states(trial, route)).toEqual(['delivered']);
  });

  it('ends the drain where the receiver asks to be left alone, for everything', async () => {
    const busy = { status: 429, headers: { 'retry-after': '60' } };
    const server = await taking(() => busy);
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    uploadMany(trial, 5);
    expect((await drainOnce(trial, route)).blocked).toMatchObject({
      reason: 'network_unavailable',
    });
    expect(pushesAt(server)).toHaveLength(1);
    expect(trial.db.get('SELECT max(attempts) AS most FROM body_deliveries')).toEqual({ most: 0 });
    trial.capture(1);
    const before = server.requests.length;
    await drainOnce(trial, route);
    expect(server.requests).toHaveLength(before);
    trial.clock.move(61_000);
    await drainOnce(trial, route);
    expect(server.requests.length).toBeGreaterThan(before);
  });

  it('halts the route where nobody may push', async () => {
    const server = await taking(() => ({ status: 403, body: '{"error":"forbidden"}' }));
    const trial = ledgerTrial();
    const route = permit(trial, server.url);
    uploadMany(trial, 5);
    expect((await drainOnce(trial, route)).blocked).toMatchObject({ reason: 'halted' });
    expect([pushesAt(server).length, states(trial, route)]).toEqual([1, ['queued']]);
  });
});
