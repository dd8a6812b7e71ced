import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { rawServer } from '../../test/hostile/raw-server.ts';
import { answerAll, recordingServer, type Reply } from '../../test/support/recording-server.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { sha256Hex, systemClock } from '../base/index.ts';
import { createHttp } from '../home/index.ts';
import { encodeHealth, type Health } from '../wire/index.ts';
import { createHttpReceiver, type HttpReceiverOptions } from './http-receiver.ts';
import type { BatchReply, OutboundItem, Probe, Receiver } from './receiver.ts';

const BATCH = '/api/v1/events/batch/';
const HEALTH = '/api/v1/sync/health/';

const items: readonly OutboundItem[] = [1, 2].map((seq) => {
  const bytes = Buffer.from(`{"event_id":"E${seq}", "text":"é🚀"}`);
  return { seq, id: `E${seq}`, sha256: sha256Hex(bytes), bytes };
});

function receiverAt(url: string, options: Partial<HttpReceiverOptions> = {}): Receiver {
  const http = createHttp({});
  onTestFinished(() => {
    http.close();
  });
  return createHttpReceiver({
    kind: 'external',
    http,
    clock: systemClock(),
    eventsUrl: `${url}${BATCH}`,
    healthUrl: `${url}${HEALTH}`,
    bodiesUrl: `${url}/api/dossier/push-content/`,
    snapshotsUrl: null,
    snapshots: false,
    bodies: false,
    width: 1,
    headers: { authorization: 'Bearer t', 'x-api-key': 'k' },
    brotli: false,
    maxBytes: null,
    ...options,
  });
}

function deliver(receiver: Receiver): Promise<BatchReply> {
  return receiver.deliver('events', items, new AbortController().signal);
}

function probe(receiver: Receiver): Promise<Probe> {
  return receiver.probe(new AbortController().signal);
}

function healthOf(more: Partial<Health> = {}): Reply {
  const health: Health = {
    serverInstanceId: 'i-1',
    deploymentId: null,
    environmentName: null,
    gitSha: null,
    limits: {},
    capabilities: { brotli: false, bodies: false, snapshots: false },
    identity: null,
    ...more,
  };
  return { status: 200, body: JSON.stringify(encodeHealth(health)) };
}

describe('a batch', () => {
  it('travels packed, with the credentials, and with the bytes as they were captured', async () => {
    const server = await recordingServer((request) => answerAll(request));
    const reply = await deliver(receiverAt(server.url));
    expect(reply).toMatchObject({
      verdicts: [{ outcome: 'success' }, { outcome: 'success' }],
      stop: null,
      requests: 1,
      httpStatus: 200,
    });
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: BATCH });
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer t',
      'x-api-key': 'k',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'accept-encoding': 'identity',
    });
    expect(request?.body.toString()).toBe(
      `{"events":[${items.map((item) => Buffer.from(item.bytes).toString()).join(',')}]}`,
    );
  });

  it('is posted to the very address that was named', async () => {
    const server = await recordingServer((request) => answerAll(request));
    await deliver(receiverAt(server.url, { eventsUrl: `${server.url}/Hook%2f/../x/` }));
    expect(server.requests.map((each) => each.path)).toEqual(['/Hook%2f/../x/']);
  });

  it('is packed the other way once the receiver offers it', async () => {
    const capabilities = { brotli: true, bodies: false, snapshots: false };
    const server = await recordingServer((request) =>
      request.method === 'GET' ? healthOf({ capabilities }) : answerAll(request),
    );
    const receiver = receiverAt(server.url);
    await deliver(receiver);
    await probe(receiver);
    expect((await deliver(receiver)).verdicts[0]?.outcome).toBe('success');
    const posted = server.requests.filter((each) => each.method === 'POST');
    expect(posted.map((each) => each.headers['content-encoding'])).toEqual(['gzip', 'br']);
  });

  it('with an event above the limit that health just named parks it', async () => {
    const limits = { maxDecompressedBytesPerBatch: 20 };
    const server = await recordingServer((request) =>
      request.method === 'GET' ? healthOf({ limits }) : { status: 413 },
    );
    const receiver = receiverAt(server.url);
    expect((await deliver(receiver)).verdicts[0]?.category).toBe('limit_contradicted');
    await probe(receiver);
    expect((await deliver(receiver)).verdicts[0]?.category).toBe('payload_too_large');
  });

  it.each([301, 302, 303, 307, 308])(
    'answered with a %i sends no byte and no credential elsewhere',
    async (status) => {
      const elsewhere = await rawServer({});
      for (const location of [
        elsewhere.url,
        `//127.0.0.1:${elsewhere.port}/x`,
        '/there',
        'file:///x',
      ]) {
        const server = await recordingServer(() => ({ status, headers: { location } }));
        const receiver = receiverAt(server.url);
        const reply = await deliver(receiver);
        expect(reply.stop).toMatchObject({ kind: 'halt', code: 'moved', httpStatus: status });
        expect(reply.verdicts).toEqual([null, null]);
        expect(await probe(receiver)).toEqual({ kind: 'silent' });
        expect(server.requests).toHaveLength(2);
      }
      expect([elsewhere.connections(), elsewhere.received().length]).toEqual([0, 0]);
    },
  );

  it('survives a connection that died while it was idle', async () => {
    const server = await rawServer({
      onRequest: (socket, _request, index) => {
        const results = items.map((item) => ({ event_id: item.id, status: 'success' }));
        const body = JSON.stringify({ results });
        // The second answer on a connection never comes: it was cut meanwhile.
        if (index === 1) socket.resetAndDestroy();
        else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      },
    });
    const receiver = receiverAt(server.url);
    for (let n = 0; n < 3; n += 1) {
      expect((await deliver(receiver)).verdicts[1]?.outcome).toBe('success');
    }
    // A second try goes out on a connection of its own, which is not kept.
    expect(server.connections()).toBe(3);
  });

  it('after batch goes over one connection, without a trace on it', async () => {
    const server = await recordingServer((request) => answerAll(request));
    const receiver = receiverAt(server.url);
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    for (let n = 0; n < 30; n += 1) await deliver(receiver);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('that takes too long is given up, and so is one that is no longer wanted', async () => {
    const server = await rawServer({});
    const deadlines = { batchMs: 50, bodyMs: 50, probeMs: 50 };
    const slow = receiverAt(server.url, { deadlines });
    expect((await deliver(slow)).stop).toMatchObject({ kind: 'backoff', code: 'timeout' });
    expect(await probe(slow)).toMatchObject({ stop: { code: 'timeout' } });
    const aborter = new AbortController();
    const reply = receiverAt(server.url).deliver('events', items, aborter.signal);
    aborter.abort();
    expect((await reply).stop).toMatchObject({ kind: 'backoff', code: 'aborted' });
  });

  it('finds nobody there', async () => {
    const server = await rawServer({});
    const gone = receiverAt(`http://127.0.0.1:${server.port === 1 ? 2 : 1}`);
    expect((await deliver(gone)).stop).toMatchObject({ kind: 'backoff', httpStatus: null });
    expect(await probe(gone)).toMatchObject({ kind: 'stopped', stop: { kind: 'backoff' } });
  });
});

describe('over TLS', () => {
  it('trusts nobody whom nobody vouches for', async () => {
    const certificate = selfSigned();
    if (certificate === null) {
      process.stderr.write('NOT CHECKED: openssl is absent, so no certificate could be made\n');
      return;
    }
    let requests = 0;
    const server = https.createServer(certificate, () => (requests += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const receiver = receiverAt(`https://localhost:${port}`);
    const reply = await deliver(receiver);
    expect(reply).toMatchObject({ verdicts: [null, null], stop: { kind: 'backoff', code: 'tls' } });
    expect(await probe(receiver)).toMatchObject({ kind: 'stopped', stop: { code: 'tls' } });
    expect(requests).toBe(0);
  });

  it('speaks to no server without it', async () => {
    const server = await rawServer({
      onConnect: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
    });
    const reply = await deliver(receiverAt(server.url.replace('http:', 'https:')));
    expect(reply.stop).toMatchObject({ kind: 'backoff', code: 'tls' });
    expect(server.received().toString('latin1')).not.toContain('Bearer');
  });
});

describe('health', () => {
  async function probed(reply: Reply): Promise<Probe> {
    const server = await recordingServer(() => reply);
    return probe(receiverAt(server.url));
  }

  it('is asked for with the credentials and read', async () => {
    const server = await recordingServer(() => healthOf({ limits: { maxEventsPerBatch: 7 } }));
    expect(await probe(receiverAt(server.url))).toMatchObject({
      kind: 'health',
      health: { serverInstanceId: 'i-1', limits: { maxEventsPerBatch: 7 } },
    });
    expect(server.requests).toMatchObject([
      { method: 'GET', path: HEALTH, headers: { authorization: 'Bearer t' } },
    ]);
  });

  it('is not asked for where there is no address for it', async () => {
    const server = await recordingServer(() => healthOf());
    expect(await probe(receiverAt(server.url, { healthUrl: null }))).toEqual({ kind: 'silent' });
    expect(server.requests).toEqual([]);
  });

  it.each([200, 204, 302, 400, 404, 405, 410, 500, 502])(
    'that is none decides nothing: %i',
    async (status) => {
      expect(await probed({ status, body: '<html>' })).toEqual({ kind: 'silent' });
    },
  );

  it('larger than it may be decides nothing', async () => {
    expect(await probed({ status: 200, body: ' '.repeat(70_000) })).toEqual({ kind: 'silent' });
  });

  it.each([
    [401, { kind: 'halt', code: 'unauthorized', retryAfterMs: null }],
    [403, { kind: 'halt', code: 'forbidden', retryAfterMs: null }],
    [429, { kind: 'backoff', code: 'throttled', retryAfterMs: 9000 }],
    [503, { kind: 'backoff', code: 'server_error', retryAfterMs: 9000 }],
  ])('of %i stops a drain before anything is sent', async (status, stop) => {
    expect(await probed({ status, headers: { 'retry-after': '9' } })).toMatchObject({
      kind: 'stopped',
      stop: { ...stop, httpStatus: status },
    });
  });
});

it('takes events alone', () => {
  const receiver = receiverAt('http://127.0.0.1:1');
  expect(receiver.kind).toBe('external');
  expect([
    receiver.offers('events'),
    receiver.offers('bodies'),
    receiver.offers('snapshots'),
  ]).toEqual([true, false, false]);
});

function selfSigned(): { readonly key: Buffer; readonly cert: Buffer } | null {
  const dir = tempDir();
  const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
  ];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  try {
    execFileSync('openssl', [...made, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
