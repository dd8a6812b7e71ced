import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server of bare sockets, for answers that no HTTP library would give. */
export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** Connections it was offered so far. */
  connections(): number;
  /** Every byte it was sent, over all connections. */
  received(): Buffer;
}

export interface RawServerOptions {
  /** Called with each new connection, before a byte was read. */
  readonly onConnect?: (socket: Socket) => void;
  /** Called with each complete HTTP request. */
  readonly onRequest?: (socket: Socket, request: Buffer, index: number) => void;
  /** 0 for one of the system's choice. */
  readonly port?: number;
}

/** Listens on this machine until the test has finished; whatever happens to its sockets is no error. */
export async function rawServer(options: RawServerOptions): Promise<RawServer> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let requests = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    options.onConnect?.(socket);
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      pending = Buffer.concat([pending, chunk]);
      for (let end = endOfRequest(pending); end !== null; end = endOfRequest(pending)) {
        const request = pending.subarray(0, end);
        pending = pending.subarray(end);
        options.onRequest?.(socket, request, requests++);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((closed) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          closed();
        });
      }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    received: () => Buffer.concat(chunks),
  };
}

/** Where the first request in these bytes ends, by its content-length; null while it is not there as a whole. */
export function endOfRequest(bytes: Buffer): number | null {
  const head = bytes.indexOf('\r\n\r\n');
  if (head === -1) return null;
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1] ?? '0';
  const end = head + 4 + Number(length);
  return bytes.length >= end ? end : null;
}
