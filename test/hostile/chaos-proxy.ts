import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { endOfRequest } from './raw-server.ts';

/** What happens to one exchange on its way. Nothing of it is no fault at all. */
export interface Fault {
  /** The connection is reset after so many bytes of the request reached the server. */
  readonly cutRequestAt?: number;
  /** The connection is reset after so many bytes of the answer reached the client. */
  readonly cutAnswerAt?: number;
  /** The answer comes so much later. */
  readonly delayMs?: number;
  /** The server gets the whole request twice; the client hears what the second one was answered. */
  readonly isDoubled?: boolean;
  /** The client gets these bytes, and the server no request. */
  readonly instead?: string;
}

export interface ChaosProxy {
  readonly url: string;
  /** Requests that came by. */
  exchanges(): number;
  /** Bytes of the longest request and the longest answer that passed. */
  longest(): { readonly request: number; readonly answer: number };
}

/**
 * A proxy of bare sockets in front of a server on this machine. `plan` is asked once for each request, with its first
 * bytes, what is to happen to it.
 */
export async function chaosProxy(port: number, plan: (head: string) => Fault): Promise<ChaosProxy> {
  const sockets = new Set<Socket>();
  const longest = { request: 0, answer: 0 };
  let exchanges = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((client) => {
    keep(client);
    let pending = Buffer.alloc(0);
    let fault: Fault | null = null;
    client.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      if (fault === null) {
        exchanges += 1;
        fault = plan(pending.toString('latin1', 0, 64));
      }
      const { cutRequestAt } = fault;
      if (cutRequestAt !== undefined && pending.length >= cutRequestAt) {
        cutRequest(client, keep(connect(port, '127.0.0.1')), pending.subarray(0, cutRequestAt));
        return;
      }
      const end = endOfRequest(pending);
      if (end === null) return;
      const exchange = { client, fault, request: pending.subarray(0, end), longest };
      longest.request = Math.max(longest.request, end);
      pending = pending.subarray(end);
      fault = null;
      pass(exchange, () => keep(connect(port, '127.0.0.1')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((closed) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          closed();
        });
      }),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges: () => exchanges,
    longest: () => longest,
  };
}

function cutRequest(client: Socket, upstream: Socket, part: Buffer): void {
  upstream.write(part, () => {
    upstream.destroy();
  });
  client.resetAndDestroy();
}

interface Exchange {
  readonly client: Socket;
  readonly fault: Fault;
  readonly request: Buffer;
  readonly longest: { answer: number };
}

function pass(exchange: Exchange, open: () => Socket): void {
  const { client, fault, request, longest } = exchange;
  if (fault.instead !== undefined) {
    client.write(fault.instead);
    return;
  }
  const again =
    fault.isDoubled === true ? { ...exchange, fault: { ...fault, isDoubled: false } } : null;
  let answered = 0;
  const upstream = open();
  upstream.on('data', (chunk) => {
    if (again !== null) return;
    setTimeout(() => {
      answered = forward(client, fault, chunk, answered);
      longest.answer = Math.max(longest.answer, answered);
    }, fault.delayMs ?? 0);
  });
  upstream.on('close', () => {
    if (again !== null) pass(again, open);
  });
  // One request a connection: the server closes it behind its answer.
  upstream.write(withoutKeepAlive(request));
}

/** Passes on what may be passed on, and answers how many bytes that were so far. */
function forward(client: Socket, { cutAnswerAt }: Fault, chunk: Buffer, before: number): number {
  const left = (cutAnswerAt ?? Number.POSITIVE_INFINITY) - before;
  if (chunk.length < left) {
    client.write(chunk);
    return before + chunk.length;
  }
  client.write(chunk.subarray(0, left), () => client.resetAndDestroy());
  return before + left;
}

function withoutKeepAlive(request: Buffer): Buffer {
  const text = request.toString('latin1');
  return Buffer.from(
    text.replace(/\r\nconnection: keep-alive/i, '\r\nconnection: close'),
    'latin1',
  );
}
