import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  eventId,
  EVENTS_URL,
  HEALTH_URL,
  LIST_URL,
  NOW,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  type Reply,
  replyOf,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { sha256Hex } from '../../base/index.ts';
import { encodeBatch, parseHealth } from '../../wire/index.ts';
import { createApp } from '../app.ts';
import { MAX_BATCH_BYTES, MAX_EVENTS_PER_BATCH, MAX_REQUEST_BYTES } from '../limits.ts';
import type { Driver } from '../store/driver.ts';

async function post(
  trial: Trial,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return replyOf(trial.app.fetch(postRequest(body, headers)));
}

async function get(trial: Trial, url: string, token?: string): Promise<Reply> {
  const headers = token === undefined ? {} : bearer(token);
  return replyOf(trial.app.fetch(new Request(url, { headers })));
}

const GZIP = { 'content-encoding': 'gzip' };
const TOO_LARGE = {
  error_code: 'sync_batch_too_large',
  category: 'request_too_large',
  limits: {
    max_events_per_batch: MAX_EVENTS_PER_BATCH,
    max_decompressed_bytes_per_batch: MAX_BATCH_BYTES,
  },
};

function batch(number: number): Buffer {
  return encodeBatch([envelope(number)]);
}

it('accepts gzip, brotli and plain bodies, on the path with and without its slash', async () => {
  const trial = await startTrial();
  const replies = [
    await post(trial, batch(1)),
    await post(trial, batch(2), { 'content-encoding': 'identity' }),
    await post(trial, gzipSync(batch(3)), GZIP),
    await post(trial, brotliCompressSync(batch(4)), { 'content-encoding': 'BR' }),
    await post(trial, batch(5), { 'content-type': 'application/json; charset=UTF-8' }),
    await replyOf(trial.app.fetch(postRequest([envelope(6)], {}, EVENTS_URL.replace(/\/$/, '')))),
  ];
  for (const reply of replies) {
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({
      results: [{ status: 'success' }],
      server_instance_id: trial.store.instanceId,
    });
  }
});

it('takes one layer of the encodings it knows, and JSON alone', async () => {
  const trial = await startTrial();
  for (const encoding of ['gzip, gzip', 'deflate', 'zstd', 'gzip,identity', 'x']) {
    const reply = await post(trial, gzipSync(batch(1)), { 'content-encoding': encoding });
    expect([encoding, reply.status, reply.json['error_code']]).toEqual([
      encoding,
      415,
      'unsupported_content_encoding',
    ]);
  }
  for (const type of ['text/json', 'application/json-seq', 'text/plain', 'application/json;x=1']) {
    const reply = await post(trial, batch(1), { 'content-type': type });
    expect([type, reply.status]).toEqual([type, 415]);
  }
  const nested = await post(trial, gzipSync(gzipSync(batch(1))), GZIP);
  expect([nested.status, nested.json['error_code']]).toEqual([400, 'bad_request']);
});

it('refuses an empty list with the words that clients look for', async () => {
  const trial = await startTrial();
  const reply = await post(trial, Buffer.from('{"events": []}'));
  expect(reply.status).toBe(400);
  expect(reply.json['error']).toBe('No events provided');
});

it('refuses what is no batch with structured details', async () => {
  const trial = await startTrial();
  const bodies = [
    '',
    'null',
    '[]',
    '{"events":{}}',
    '{"events":[1,]}',
    '{"events":[1]',
    '{}',
    '\0',
  ];
  for (const body of bodies) {
    const reply = await post(trial, Buffer.from(body));
    expect([body, reply.status, reply.json['error_code']]).toEqual([body, 400, 'bad_request']);
    expect(reply.json['details']).toMatchObject([{ rule: expect.any(String) as string }]);
  }
  for (const [body, encoding] of [
    [gzipSync(encodeBatch([envelope(1)])).subarray(0, 40), 'gzip'],
    [Buffer.from('plain'), 'gzip'],
    [Buffer.alloc(0), 'gzip'],
    [Buffer.from('plain text that no brotli is'), 'br'],
  ] as const) {
    const reply = await post(trial, body, { 'content-encoding': encoding });
    expect([reply.status, reply.json['details']]).toMatchObject([400, [{ rule: 'damaged' }]]);
  }
});

/** A batch of one event, and this many spaces. */
function padded(spaces: number): Buffer {
  return Buffer.from(`{"events":[${envelope(1).toString('utf8')}]${' '.repeat(spaces)}}`);
}

it('counts bytes after inflation and answers 413 with its limits', async () => {
  const trial = await startTrial();
  const room = MAX_BATCH_BYTES - batch(1).length;
  const fitting = await post(trial, gzipSync(padded(room)), GZIP);
  expect(fitting.status).toBe(200);
  const replies = [
    await post(trial, gzipSync(padded(room + 1)), GZIP),
    await post(trial, padded(room + 1)),
    await post(trial, brotliCompressSync(padded(room + 1)), { 'content-encoding': 'br' }),
    await post(trial, gzipSync(Buffer.alloc(100 * 1_048_576)), GZIP),
    await post(trial, Buffer.alloc(MAX_REQUEST_BYTES + 1)),
    await post(trial, padded(0), { 'content-length': String(MAX_REQUEST_BYTES + 1) }),
  ];
  for (const reply of replies) {
    expect(reply.status).toBe(413);
    expect(reply.json).toMatchObject(TOO_LARGE);
  }
});

it('takes 1000 events and answers 413 to one more', async () => {
  const trial = await startTrial();
  const many = Array.from({ length: 1001 }, (_, index) => envelope(index));
  const reply = await replyOf(trial.app.fetch(postRequest(many)));
  expect([reply.status, reply.json]).toMatchObject([413, TOO_LARGE]);
  expect((await get(trial, LIST_URL)).json['items']).toEqual([]);
});

it('answers its limits, capabilities and deployment with health', async () => {
  const deployment = { deploymentId: 'd-1', environmentName: 'test', gitSha: 'abc' };
  const trial = await startTrial({ deployment });
  const reply = await get(trial, HEALTH_URL);
  expect(reply.json).toMatchObject({
    sync_ingress: { limits: TOO_LARGE.limits },
    server_instance_id: trial.store.instanceId,
  });
  const parsed = parseHealth(Buffer.from(JSON.stringify(reply.json)));
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      ...deployment,
      limits: { maxConcurrentBatches: 3 },
      capabilities: { brotli: true, bodies: true, snapshots: true },
      identity: { team: 'local' },
    },
  });
  expect((await get(trial, HEALTH_URL.replace(/\/$/, ''))).status).toBe(200);
});

it('pages through what arrived, by cursor', async () => {
  const trial = await startTrial();
  await send(
    trial,
    [1, 2, 3].map((number) => envelope(number)),
  );
  await send(trial, [envelope(4, { project_uuid: OTHER_PROJECT, event_type: 'Novel' })]);
  const seen: unknown[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const { json } = await get(trial, `${LIST_URL}?after=${after}&limit=2`);
    expect((json['items'] as unknown[]).length).toBeLessThanOrEqual(2);
    seen.push(...(json['items'] as unknown[]));
    after = json['next_cursor'] as number | null;
  }
  expect(seen).toHaveLength(4);
  expect(seen[0]).toEqual({
    cursor: 1,
    event_id: eventId(1),
    sha256: sha256Hex(envelope(1)),
    type: 'WPAssigned',
    project: PROJECT,
    aggregate_type: 'WorkPackage',
    aggregate_id: 'WP01',
    category: null,
    occurred_at: '2026-03-14T09:26:53.000Z',
    received_at: new Date(NOW).toISOString(),
  });
  const ofProject = await get(trial, `${LIST_URL}?project=${OTHER_PROJECT.toUpperCase()}`);
  expect(ofProject.json).toMatchObject({ items: [{ event_id: eventId(4) }], next_cursor: null });
  const exactPage = await get(trial, `${LIST_URL}?limit=4`);
  expect(exactPage.json['next_cursor']).toBeNull();
});

it('refuses a query that it cannot read', async () => {
  const trial = await startTrial();
  for (const query of ['after=-1', 'after=1e3', 'limit=1001', 'limit=x', 'project=demo']) {
    const reply = await get(trial, `${LIST_URL}?${query}`);
    expect([query, reply.status]).toEqual([query, 400]);
  }
  expect((await get(trial, `${LIST_URL}?after=99&limit=`)).status).toBe(400);
});

it('shows an event with the bytes of its envelope', async () => {
  const trial = await startTrial();
  const text = envelope(1)
    .toString('utf8')
    .replace('"lamport_clock":1', '"lamport_clock": 1,"x":1.0');
  await send(trial, [Buffer.from(text), envelope(1, { project_uuid: OTHER_PROJECT })]);
  const response = await trial.app.fetch(new Request(`${LIST_URL}${eventId(1)}`));
  expect(response.headers.get('content-type')).toBe('application/json');
  const body = await response.text();
  expect(body).toContain(`"envelope":${text}}`);
  const { items, server_instance_id: instance } = JSON.parse(body) as {
    items: readonly { project: string }[];
    server_instance_id: string;
  };
  expect(items.map((item) => item.project)).toEqual([PROJECT, OTHER_PROJECT]);
  expect(instance).toBe(trial.store.instanceId);
  expect((await get(trial, `${LIST_URL}${eventId(2)}`)).status).toBe(404);
});

it('shows a token for one project nothing else', async () => {
  const trial = await startTrial();
  await send(trial, [
    envelope(1),
    envelope(2, { project_uuid: OTHER_PROJECT }),
    envelope(1, { project_uuid: OTHER_PROJECT }),
  ]);
  const one = await trial.token('read', [PROJECT]);
  const ids = async (url: string): Promise<unknown> => {
    const { json } = await get(trial, url, one);
    return (json['items'] as readonly { cursor: number }[]).map((item) => item.cursor);
  };
  expect(await ids(LIST_URL)).toEqual([1]);
  expect(await ids(`${LIST_URL}?project=${PROJECT}`)).toEqual([1]);
  expect(await ids(`${LIST_URL}?project=${OTHER_PROJECT}`)).toEqual([]);
  expect(await ids(`${LIST_URL}${eventId(1)}`)).toEqual([1]);
  expect((await get(trial, `${LIST_URL}${eventId(2)}`, one)).status).toBe(404);
  const two = await trial.token('read', [PROJECT, OTHER_PROJECT]);
  const unnamed = await get(trial, LIST_URL, two);
  expect([unnamed.status, unnamed.json['error_code']]).toEqual([400, 'project_required']);
  expect((await get(trial, `${LIST_URL}?project=${OTHER_PROJECT}`, two)).status).toBe(200);
});

it('names what is wrong with a path or a method', async () => {
  const trial = await startTrial();
  const reply = await replyOf(trial.app.fetch(new Request(EVENTS_URL)));
  expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'POST']);
  const posted = await replyOf(trial.app.fetch(postRequest([envelope(1)], {}, HEALTH_URL)));
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
  const lost = await get(trial, 'http://localhost/api/v2/');
  expect([lost.status, lost.json['error_code']]).toEqual([404, 'not_found']);
  expect(lost.json['server_instance_id']).toBe(trial.store.instanceId);
});

it('stores one batch of a team at a time, however many the store could', async () => {
  const trial = await startTrial();
  const { driver } = trial.store;
  let working = 0;
  let most = 0;
  const tx: Driver['tx'] = async (work) => {
    working += 1;
    most = Math.max(most, working);
    await trial.clock.sleep(5);
    working -= 1;
    return driver.tx(work);
  };
  const watched: Driver = { ...driver, writers: 4, tx, of: () => watched };
  const app = createApp({ ...trial.store, driver: watched }, trial.options);
  const posts = Array.from({ length: 12 }, (_, number) =>
    replyOf(app.fetch(postRequest([envelope(number)]))),
  );
  expect((await Promise.all(posts)).map((reply) => reply.status)).toEqual(posts.map(() => 200));
  expect(most).toBe(1);
});
