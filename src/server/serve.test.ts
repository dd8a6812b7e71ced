import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  listenTrial,
  postRequest,
  replyOf,
  startTrial,
} from '../../test/support/receiver-trial.ts';
import { systemFiles } from '../base/index.ts';
import { encodeBatch, PATHS } from '../wire/index.ts';
import { MAX_CONNECTIONS_PER_ADDRESS, MAX_REQUEST_BYTES } from './limits.ts';
import { listEvents, listTokens, revokeToken } from './operator.ts';
import type { Receiver } from './serve.ts';

interface Talk {
  readonly socket: net.Socket;
  /** Everything that came until the other side closed; `reset` when it did so rudely. */
  readonly ended: Promise<string>;
}

function dial(receiver: Receiver): Talk {
  const { hostname, port } = new URL(receiver.url);
  const socket = net.connect(Number(port), hostname);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  const ended = new Promise<string>((resolve) => {
    socket.on('error', () => {
      heard += '(reset)';
    });
    socket.on('close', () => {
      resolve(heard);
    });
  });
  return { socket, ended };
}

function head(members: Readonly<Record<string, string | number>>, pathname = PATHS.events): string {
  const all = { host: 'localhost', 'content-type': 'application/json', ...members };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

async function health(receiver: Receiver): Promise<number> {
  const response = await fetch(`${receiver.url}${PATHS.health}`);
  await response.arrayBuffer();
  return response.status;
}

async function postTo(receiver: Receiver, numbers: readonly number[], token = '') {
  const url = `${receiver.url}${PATHS.events}`;
  const elements = numbers.map((number) => envelope(number));
  const headers = { connection: 'close', ...(token === '' ? {} : bearer(token)) };
  return replyOf(fetch(postRequest(elements, headers, url)));
}

it('answers on a port of the system and says where in the ready file', async () => {
  const trial = await startTrial();
  const ready = path.join(path.dirname(trial.file), 'ready.json');
  const receiver = await listenTrial(trial, {
    readyFile: { path: ready, files: systemFiles, pid: 4711 },
  });
  expect(receiver.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(JSON.parse(readFileSync(ready, 'utf8'))).toEqual({
    url: receiver.url,
    pid: 4711,
    server_instance_id: trial.store.instanceId,
  });
  expect(await postTo(receiver, [1, 2])).toMatchObject({
    status: 200,
    json: { results: [{ status: 'success' }, { status: 'success' }] },
  });
  await receiver.close();
  expect(existsSync(ready)).toBe(false);
  await expect(health(receiver)).rejects.toThrow();
});

it('listens on IPv6 and refuses a port that is taken', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial, { host: '[::1]' });
  expect(receiver.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect(await health(receiver)).toBe(200);
  const port = Number(new URL(receiver.url).port);
  const again = listenTrial(trial, { host: '::1', port });
  await expect(again).rejects.toMatchObject({ code: 'address_unavailable' });
  await expect(listenTrial(trial, { port: 70_000 })).rejects.toMatchObject({ code: 'usage' });
});

it('shows itself to other machines only behind a token', async () => {
  const trial = await startTrial();
  const refused = listenTrial(trial, { host: '0.0.0.0' });
  await expect(refused).rejects.toMatchObject({
    code: 'receiver_unprotected',
    remedy: `spec-kitty receiver token create --all --db ${trial.file}`,
  });
  const token = await trial.token();
  const receiver = await listenTrial(trial, { host: '0.0.0.0' });
  expect((await postTo(receiver, [1])).status).toBe(401);
  expect((await postTo(receiver, [1], token)).status).toBe(200);
  const [entry] = await listTokens(trial.store);
  await revokeToken(trial.store, entry?.id ?? '', trial.clock);
  expect((await postTo(receiver, [1], token)).status).toBe(401);
});

it('answers 32 parallel posts of one batch over sockets with one success', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const replies = await Promise.all(Array.from({ length: 32 }, () => postTo(receiver, [1, 2, 3])));
  const statuses = replies.map(({ json }) =>
    (json['results'] as readonly { status: string }[]).map((result) => result.status).join(),
  );
  expect(statuses.filter((status) => status === 'success,success,success')).toHaveLength(1);
  expect(statuses.filter((status) => status === 'duplicate,duplicate,duplicate')).toHaveLength(31);
});

it('survives a bomb in little memory and serves others meanwhile', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const bomb = gzipSync(Buffer.alloc(100 * 1_048_576));
  const before = process.memoryUsage.rss();
  const bombs = Array.from({ length: 16 }, async () => {
    const { socket, ended } = dial(receiver);
    socket.write(
      head({ 'content-encoding': 'gzip', 'content-length': bomb.length, connection: 'close' }),
    );
    socket.write(bomb);
    return ended;
  });
  expect((await postTo(receiver, [1])).status).toBe(200);
  for (const answer of await Promise.all(bombs)) {
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('sync_batch_too_large');
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 1_048_576);
});

it('reads a request that is too large to its end before it answers and closes', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  for (const framing of [{ 'content-length': 4 * 1_048_576 }, { 'transfer-encoding': 'chunked' }]) {
    const { socket, ended } = dial(receiver);
    const isChunked = 'transfer-encoding' in framing;
    socket.write(head(framing));
    const piece = Buffer.alloc(65_536, 0x20);
    for (let sent = 0; sent < 4 * 1_048_576; sent += piece.length) {
      if (isChunked) socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      if (isChunked) socket.write('\r\n');
    }
    if (isChunked) socket.write('0\r\n\r\n');
    const answer = await ended;
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain('sync_batch_too_large');
    expect(answer).not.toContain('(reset)');
  }
});

it('gives up on a sender that never ends', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const { socket, ended } = dial(receiver);
  const piece = Buffer.alloc(1_048_576, 0x20);
  const pump = (): void => {
    if (!socket.destroyed) socket.write(piece, pump);
  };
  const started = performance.now();
  socket.write(head({ 'content-length': 1_000_000 * piece.length }));
  pump();
  await ended;
  expect(performance.now() - started).toBeLessThan(1_500);
  expect(await health(receiver)).toBe(200);
});

it('does not wait for ever for the rest of a request that it refused', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const { socket, ended } = dial(receiver);
  const started = performance.now();
  socket.write(head({ 'content-length': MAX_REQUEST_BYTES + 1 }));
  socket.write('{');
  expect(await ended).toMatch(/^HTTP\/1\.1 413 /);
  const waited = performance.now() - started;
  expect(waited).toBeGreaterThan(1_900);
  expect(waited).toBeLessThan(4_000);
});

it('keeps the connection after a refusal whose body it has read', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const { socket, ended } = dial(receiver);
  const bad = '{"events":7}';
  const good = encodeBatch([envelope(1)]);
  socket.write(`${head({ 'content-length': bad.length })}${bad}`);
  socket.write(`${head({ 'content-length': good.length, connection: 'close' })}${good.toString()}`);
  const answer = await ended;
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('HTTP/1.1 200 ');
});

it('cuts off who sends headers, a body or the promised length too slowly', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial, { patience: { headersMs: 150, requestMs: 400 } });
  const slowHeaders = dial(receiver);
  slowHeaders.socket.write('POST /api/v1/events/batch/ HTTP/1.1\r\nhost: localhost\r\nx');
  const slowBody = dial(receiver);
  slowBody.socket.write(`${head({ 'transfer-encoding': 'chunked' })}1\r\n{\r\n`);
  const drip = setInterval(() => slowBody.socket.write('1\r\n \r\n'), 50);
  const short = dial(receiver);
  const body = encodeBatch([envelope(1)]);
  short.socket.write(`${head({ 'content-length': body.length + 10 })}${body.toString()}`);
  const answers = await Promise.all([slowHeaders.ended, slowBody.ended, short.ended]);
  clearInterval(drip);
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(await health(receiver)).toBe(200);
  expect((await listEvents(trial.store)).items).toEqual([]);
});

it('stores nothing of a body that is longer than it said', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const { socket, ended } = dial(receiver);
  const body = encodeBatch([envelope(1)]);
  socket.write(`${head({ 'content-length': body.length - 1 })}${body.toString()}`);
  const answer = await ended;
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect((await listEvents(trial.store)).items).toEqual([]);
});

it('notices a sender that is gone', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const { socket, ended } = dial(receiver);
  socket.write(`${head({ 'content-length': 1000 })}{"events":[`);
  await health(receiver);
  socket.destroy();
  await ended;
  expect((await postTo(receiver, [1])).status).toBe(200);
  expect(trial.logged.filter((line) => line['level'] === 'error')).toEqual([]);
});

it('refuses a target and a host that cannot be read', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  for (const lines of ['GET /\\x HTTP/1.1\r\nhost: localhost', 'GET / HTTP/1.1\r\nhost: a b']) {
    const { socket, ended } = dial(receiver);
    socket.write(`${lines}\r\n\r\n`);
    const answer = await ended;
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(trial.store.instanceId);
  }
});

it('leaves connections for others when one address takes too many', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const many = Array.from({ length: MAX_CONNECTIONS_PER_ADDRESS + 8 }, () => dial(receiver));
  const cut = await Promise.all(many.slice(-8).map((talk) => talk.ended));
  // Silence or a reset: an answer would mean that they were let in and timed out.
  expect(cut.filter((answer) => answer.startsWith('HTTP'))).toEqual([]);
  const freed = many.slice(0, 2);
  for (const talk of freed) talk.socket.destroy();
  await Promise.all(freed.map((talk) => talk.ended));
  expect(await health(receiver)).toBe(200);
  for (const talk of many) talk.socket.destroy();
});

it('stops in time although somebody hangs on', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial, { patience: { stopMs: 100 } });
  const hanging = dial(receiver);
  hanging.socket.write(`${head({ 'content-length': 1000 })}{`);
  await health(receiver);
  const started = performance.now();
  await receiver.close();
  expect(performance.now() - started).toBeLessThan(1_500);
  await hanging.ended;
});

const ROOT = path.join(import.meta.dirname, '../..');
const RECEIVER_PROCESS = `
  import { createIds, silentLog, systemClock, systemFiles as files } from './src/base/index.ts';
  import { openStore, serve } from './src/server/index.ts';
  const clock = systemClock();
  const [file, ready] = process.argv.slice(2);
  const store = await openStore(file, { clock, ids: createIds(clock), files });
  const readyFile = { path: ready, files, pid: process.pid };
  await serve(store, { clock, log: silentLog, port: 0, readyFile });`;

it('has what it acknowledged after it was killed', async () => {
  const trial = await startTrial();
  const directory = path.dirname(trial.file);
  const ready = path.join(directory, 'ready.json');
  const program = path.join(directory, 'receiver.mjs');
  await build({
    stdin: { contents: RECEIVER_PROCESS, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    loader: { '.sql': 'text' },
    outfile: program,
  });
  const child = spawn(process.execPath, [program, trial.file, ready], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_PATH: path.join(ROOT, 'node_modules') },
  });
  const gone = new Promise((resolve) => child.on('exit', resolve));
  while (!existsSync(ready) && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { url } = JSON.parse(readFileSync(ready, 'utf8')) as { url: string };
  const acknowledged = new Set<string>();
  const posts = Array.from({ length: 200 }, async (_, index) => {
    const elements = [envelope(2 * index), envelope(2 * index + 1)];
    const request = postRequest(elements, {}, `${url}${PATHS.events}`);
    const reply = await replyOf(fetch(request));
    for (const { event_id: id } of reply.json['results'] as readonly { event_id: string }[]) {
      acknowledged.add(id);
    }
    if (acknowledged.size >= 100) child.kill('SIGKILL');
  });
  const settled = await Promise.allSettled(posts);
  await gone;
  const { items } = await listEvents(trial.store, { limit: 1000 });
  const kept = new Set(items.map((item) => item.eventId));
  expect([...acknowledged].filter((id) => !kept.has(id))).toEqual([]);
  expect(acknowledged.size).toBeGreaterThanOrEqual(100);
  expect(settled.some((each) => each.status === 'rejected')).toBe(true);
  // A batch is there as a whole or not at all.
  expect(kept.size % 2).toBe(0);
});
