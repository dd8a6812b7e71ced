import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttp, type Http } from './http.ts';
import type { HttpReply, HttpRequest } from './http-exchange.ts';

type Behave = (socket: net.Socket, connection: number) => void;

interface RawServer {
  readonly origin: string;
  readonly port: number;
  /** Everything that was received, by connection. */
  readonly received: string[];
}

/** A server that says exactly the bytes it is told, however wrong they are. */
async function rawServer(behave: Behave): Promise<RawServer> {
  const sockets = new Set<net.Socket>();
  const received: string[] = [];
  const server = net.createServer((socket) => {
    const connection = received.push('') - 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received[connection] = (received[connection] ?? '') + chunk.toString('latin1');
    });
    behave(socket, connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as net.AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, received };
}

/** Answers each request whose body has arrived with the next of `answers`, the last one for ever. */
function answering(...answers: readonly string[]): Behave {
  let served = 0;
  return (socket) => {
    let pending = '';
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      const head = pending.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? '0');
      if (head === -1 || pending.length < head + 4 + length) return;
      pending = '';
      const answer = answers[Math.min(served, answers.length - 1)] ?? '';
      served += 1;
      socket.write(answer);
    });
  };
}

function client(env: Record<string, string> = {}): Http {
  const created = createHttp(env);
  onTestFinished(() => {
    created.close();
  });
  return created;
}

function request(url: string, change: Partial<HttpRequest> = {}): HttpRequest {
  const base = { method: 'POST', headers: {}, body: Buffer.from('{}') } as const;
  return { ...base, url, deadlineMs: 5_000, maxResponseBytes: 10_000, ...change };
}

async function fail(
  sender: Http,
  sent: HttpRequest,
): Promise<Extract<HttpReply, { kind: 'failure' }>> {
  const reply = await sender.send(sent);
  if (reply.kind === 'failure') return reply;
  throw new Error(`answered ${reply.status}`);
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi';

describe('a request', () => {
  it('arrives as it was given, with our own framing and no coding', async () => {
    const server = await rawServer(answering(OK));
    const headers = {
      Authorization: 'Bearer t',
      'Content-Length': '999',
      'Transfer-Encoding': 'chunked',
      'accept-encoding': 'gzip',
    };
    const url = `${server.origin}/a/../B/%7e?x=ü y#frag`;
    const reply = await client().send(request(url, { headers }));
    expect(reply).toMatchObject({ kind: 'response', status: 200 });
    const [head = '', body] = (server.received[0] ?? '').split('\r\n\r\n');
    const lines = head.toLowerCase().split('\r\n');
    expect(head.split('\r\n')[0]).toBe('POST /a/../B/%7e?x=%C3%BC%20y HTTP/1.1');
    expect(lines).toEqual(
      expect.arrayContaining([
        'authorization: bearer t',
        'content-length: 2',
        'accept-encoding: identity',
        'user-agent: spec-kitty-sync',
      ]),
    );
    expect(lines.filter((line) => line.startsWith('transfer-encoding'))).toEqual([]);
    expect(body).toBe('{}');
  });

  it('may have no path and no body', async () => {
    const server = await rawServer(answering(OK));
    await client().send(request(server.origin, { method: 'GET', body: null }));
    expect(server.received[0]).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(server.received[0]).not.toMatch(/content-length/i);
  });

  it('carries a large body whole', async () => {
    const server = http.createServer((incoming, outgoing) => {
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      incoming.on('end', () => outgoing.end(String(bytes)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as net.AddressInfo;
    const body = Buffer.alloc(3_000_001, 7);
    const reply = await client().send(request(`http://127.0.0.1:${port}/`, { body }));
    expect(reply).toMatchObject({ status: 200, body: Buffer.from('3000001') });
  });

  it.each([
    ['a URL that is none', 'nonsense', {}],
    ['another scheme', 'ftp://127.0.0.1/x', {}],
    ['a header that cannot be sent', 'http://127.0.0.1:9/', { authorization: 'Bearer secret\nx' }],
  ])('is refused before the network: %s', async (_what, url, headers) => {
    const failure = await fail(client(), request(url, { headers }));
    expect(failure).toMatchObject({ reason: 'malformed', bytesSent: 0 });
    expect(failure.detail).not.toContain('secret');
  });
});

describe('an answer', () => {
  it.each([301, 302, 303, 307, 308])('with %i is returned, not followed', async (status) => {
    const other = await rawServer(answering(OK));
    const head = `HTTP/1.1 ${status} Moved\r\nlocation: ${other.origin}/x\r\n`;
    const server = await rawServer(answering(`${head}content-length: 0\r\n\r\n`));
    const reply = await client().send(request(server.origin, { headers: { authorization: 't' } }));
    expect(reply).toMatchObject({ status, headers: { location: `${other.origin}/x` } });
    expect(other.received).toEqual([]);
  });

  it('keeps a coded body as it came, and joins repeated headers', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nset-cookie: a\r\nset-cookie: b\r\n';
    const server = await rawServer(answering(`${head}content-length: 3\r\n\r\nabc`));
    expect(await client().send(request(server.origin))).toEqual({
      kind: 'response',
      status: 200,
      headers: { 'content-encoding': 'gzip', 'set-cookie': 'a, b', 'content-length': '3' },
      body: Buffer.from('abc'),
    });
  });

  it('may come before the request is complete, which then is left', async () => {
    let closed = false;
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno');
        setTimeout(() => socket.resume(), 50);
      });
      socket.on('close', () => {
        closed = true;
      });
    });
    const body = Buffer.alloc(64_000_000);
    expect(await client().send(request(server.origin, { body }))).toMatchObject({ status: 413 });
    await expect.poll(() => closed).toBe(true);
    expect(server.received[0]?.length).toBeLessThan(body.length);
  });

  it.each([
    ['garbage', 'lorem ipsum\r\n\r\n', 'malformed'],
    ['an early end', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi', 'reset'],
    ['an end within the head', 'HTTP/1.1 200 OK\r\ncontent-', 'reset'],
    ['nothing', '', 'reset'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      'malformed',
    ],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'malformed'],
    [
      'an unasked upgrade',
      'HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'malformed',
    ],
    ['an endless head', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`, 'too_large'],
  ])('that is %j is no answer', async (_what, bytes, reason) => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.end(bytes);
      });
    });
    expect(await fail(client(), request(server.origin))).toMatchObject({ reason });
  });

  it('is cut off beyond the limit, also when it never ends', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const pour = (): void => {
          while (socket.writable && socket.write('x'.repeat(1_000))) continue;
        };
        socket.on('drain', pour);
        pour();
      });
    });
    const failure = await fail(client(), request(server.origin));
    expect(failure).toMatchObject({
      reason: 'too_large',
      detail: 'the answer exceeds 10000 bytes',
    });
  });

  it('has to be complete at the deadline, however busy it looks', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
        const timer = setInterval(() => socket.write('x'), 10);
        socket.on('close', () => {
          clearInterval(timer);
        });
      });
    });
    const started = performance.now();
    const failure = await fail(client(), request(server.origin, { deadlineMs: 200 }));
    expect(failure).toMatchObject({ reason: 'timeout', bytesSent: 2 });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it.each([1, 9, 16, 30, 60])('reset after %i bytes is a reset', async (bytes) => {
    const whole = `HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n${'z'.repeat(49)}`;
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write(whole.slice(0, bytes), () => setTimeout(() => socket.resetAndDestroy(), 20));
      });
    });
    expect(await fail(client(), request(server.origin))).toMatchObject({ reason: 'reset' });
    expect(server.received).toHaveLength(1);
  });
});

describe('a connection', () => {
  it('is used again', async () => {
    const server = await rawServer(answering(OK));
    const sender = client();
    for (let round = 0; round < 3; round += 1) {
      expect(await sender.send(request(server.origin))).toMatchObject({ status: 200 });
    }
    expect(server.received).toHaveLength(1);
  });

  it('that died while idle is replaced once, with the same request', async () => {
    const answer = answering(OK);
    const server = await rawServer((socket, connection) => {
      if (connection > 0) {
        answer(socket, connection);
        return;
      }
      // Answers once, then closes at the next request's first byte.
      socket.once('data', () => {
        socket.write(OK);
        setTimeout(() => socket.once('data', () => socket.resetAndDestroy()), 10);
      });
    });
    const sender = client();
    await sender.send(request(`${server.origin}/first`));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const reply = await sender.send(
      request(`${server.origin}/second`, { body: Buffer.from('again') }),
    );
    expect(reply).toMatchObject({ status: 200 });
    expect(server.received).toHaveLength(2);
    expect(server.received[1]).toMatch(/^POST \/second[^]*again$/);
  });

  it('that dies twice, or anew, is a reset', async () => {
    const server = await rawServer((socket, connection) => {
      socket.once('data', () => {
        if (connection === 0) socket.write(OK);
        else socket.resetAndDestroy();
        setTimeout(() => socket.once('data', () => socket.resetAndDestroy()), 10);
      });
    });
    const sender = client();
    await sender.send(request(server.origin));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await fail(sender, request(server.origin))).toMatchObject({ reason: 'reset' });
    expect(server.received).toHaveLength(2);
  });

  it('that dies within an answer is never tried again', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write(OK);
        setTimeout(() => {
          socket.once('data', () => {
            socket.write('HTTP/1.1 2', () => setTimeout(() => socket.resetAndDestroy(), 20));
          });
        }, 10);
      });
    });
    const sender = client();
    await sender.send(request(server.origin));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await fail(sender, request(server.origin))).toMatchObject({ reason: 'reset' });
    expect(server.received).toHaveLength(1);
  });

  it('that is cut while a body is sent says how much was taken over', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.pause();
        setTimeout(() => socket.resetAndDestroy(), 50);
      });
    });
    const body = Buffer.alloc(64_000_000);
    const failure = await fail(client(), request(server.origin, { body }));
    expect(failure.reason).toBe('reset');
    expect(failure.bytesSent).toBeGreaterThan(65_536);
    expect(failure.bytesSent).toBeLessThan(body.length);
  });

  it('nobody listens for is refused', async () => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    const failure = await fail(client(), request(`http://127.0.0.1:${port}/`));
    expect(failure).toMatchObject({ reason: 'refused', bytesSent: 0 });
  });

  it('to a name that does not exist fails by name', async () => {
    // A label of 64 characters is refused by the resolver without asking anybody.
    const failure = await fail(client(), request(`http://${'a'.repeat(64)}.invalid/`));
    expect(failure).toMatchObject({ reason: 'dns', bytesSent: 0 });
  });
});

describe('giving up', () => {
  it('ends a request, before or after it began, and closes its connection', async () => {
    let closed = 0;
    const server = await rawServer((socket) => {
      socket.on('close', () => {
        closed += 1;
      });
    });
    const sender = client();
    const controller = new AbortController();
    const pending = fail(sender, request(server.origin, { signal: controller.signal }));
    setTimeout(() => {
      controller.abort();
    }, 30);
    expect(await pending).toMatchObject({ reason: 'aborted' });
    const late = await fail(sender, request(server.origin, { signal: controller.signal }));
    expect(late).toMatchObject({ reason: 'aborted', bytesSent: 0 });
    await expect.poll(() => closed).toBe(1);
  });

  it('is what close means for requests in flight', async () => {
    const server = await rawServer(() => {});
    const sender = client();
    const pending = fail(sender, request(server.origin));
    setTimeout(() => {
      sender.close();
    }, 30);
    expect(await pending).toMatchObject({ reason: 'aborted' });
    expect(await fail(sender, request(server.origin))).toMatchObject({ reason: 'aborted' });
  });
});
