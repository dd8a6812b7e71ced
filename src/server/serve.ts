import { createServer, IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import {
  assert,
  errnoOf,
  EXIT,
  type Files,
  messageOf,
  type Millis,
  UserError,
} from '../base/index.ts';
import { type AppOptions, createApp } from './app.ts';
import { isClaimed, isLoopbackHost } from './auth.ts';
import {
  ANSWER_TIMEOUT_MS,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_CONNECTIONS,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_HEADER_BYTES,
  MAX_REQUESTS_AT_ONCE,
  MAX_REQUESTS_PER_CONNECTION,
  REQUEST_TIMEOUT_MS,
  SOCKET_TIMEOUT_MS,
  STOP_WITHIN_MS,
} from './limits.ts';
import { type Bounds, boundConnections } from './operations/connections.ts';
import { createShares, foldingTurn } from './sharing/shares.ts';
import { keepWriting, type Statistics } from './statistics/statistics.ts';
import type { Store } from './store/store.ts';
import { keepUp } from './views/catch-up.ts';

export interface ServeOptions extends AppOptions {
  /** `127.0.0.1` when absent. */
  readonly host?: string;
  /** 8765 when absent; 0 lets the system choose. */
  readonly port?: number;
  /** Written as a whole once requests are answered, removed on `close`: JSON with `url, pid, server_instance_id`. */
  readonly readyFile?: { readonly path: string; readonly files: Files; readonly pid: number };
  /** Shorter patience, for tests. */
  readonly patience?: Partial<Patience>;
}

/** How long the receiver waits for the other side, in milliseconds. */
export interface Patience {
  readonly headersMs: Millis;
  readonly requestMs: Millis;
  readonly answerMs: Millis;
  readonly stopMs: Millis;
}

/** A receiver that is answering. */
export interface Receiver {
  /** Without a path and without a slash at its end. */
  readonly url: string;
  readonly instanceId: string;
  /** Takes no more requests, lets those under way finish for at most 5 s, then cuts them off. The store stays open. */
  close(): Promise<void>;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 8765;
const FULL_PATIENCE: Patience = {
  headersMs: HEADERS_TIMEOUT_MS,
  requestMs: REQUEST_TIMEOUT_MS,
  answerMs: ANSWER_TIMEOUT_MS,
  stopMs: STOP_WITHIN_MS,
};

/**
 * Answers HTTP for `store` until `close`.
 * @throws UserError `receiver_unprotected` for a host that other machines reach while no token is in force;
 * `address_unavailable` when the host and port cannot be had; `usage` for a number that is no port.
 */
export async function serve(store: Store, options: ServeOptions): Promise<Receiver> {
  const host = options.host ?? DEFAULT_HOST;
  const port = options.port ?? DEFAULT_PORT;
  if (!isPort(port)) throw new UserError('usage', `no port: ${port}`, USAGE);
  if (!isLoopbackHost(host)) await requireToken(store, host);
  const patience = { ...FULL_PATIENCE, ...options.patience };
  const shares = createShares(options.clock, store);
  const closing = new AbortController();
  const shared = { ...options, shares, closing: closing.signal };
  const { server, statistics } = buildServer(store, shared, patience);
  const url = await listen(server, host, port);
  const { readyFile } = options;
  const ready = `${JSON.stringify({ url, pid: readyFile?.pid, server_instance_id: store.instanceId })}\n`;
  readyFile?.files.write(readyFile.path, ready);
  const behind = [
    keepUp(store, { ...options, turn: foldingTurn(shares) }, closing.signal),
    keepWriting(statistics, { ...options, store }, closing.signal),
  ];
  return {
    url,
    instanceId: store.instanceId,
    close: async () => {
      // Another receiver may have come since and written its own.
      const isOurs = readyFile?.files.readText(readyFile.path) === ready;
      if (isOurs) readyFile.files.remove(readyFile.path);
      closing.abort();
      await stop(server, options, patience);
      await Promise.all(behind);
      await statistics.write();
    },
  };
}

const USAGE = { remedy: 'spec-kitty receiver serve --help', exitCode: EXIT.refused };

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

async function requireToken(store: Store, host: string): Promise<void> {
  if (await isClaimed(store)) return;
  throw new UserError(
    'receiver_unprotected',
    `${host} can be reached from other machines, and this receiver has no tokens yet`,
    {
      remedy: `spec-kitty receiver token create --all --db ${shellWord(store.path)}`,
      exitCode: EXIT.refused,
    },
  );
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function buildServer(
  store: Store,
  options: AppOptions,
  patience: Patience,
): { readonly server: Server; readonly statistics: Statistics } {
  const server = createServer({
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    connectionsCheckingInterval: Math.min(1_000, patience.headersMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  server.timeout = SOCKET_TIMEOUT_MS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  const openConnections = boundConnections(server, boundsOf(patience), options.clock);
  const app = createApp(store, { ...options, openConnections });
  const answer = getRequestListener(
    (request, { incoming }) => {
      assert(incoming instanceof IncomingMessage, 'the server speaks HTTP/1.1');
      return app.fetch(request, { incoming });
    },
    { overrideGlobalObjects: false, errorHandler: () => refuseUnread(store) },
  );
  server.on('request', (incoming, outgoing) => {
    void answer(incoming, outgoing);
  });
  return { server, statistics: app.statistics };
}

function boundsOf({ answerMs }: Patience): Bounds {
  return {
    most: MAX_CONNECTIONS,
    perAddress: MAX_CONNECTIONS_PER_ADDRESS,
    atOnce: MAX_REQUESTS_AT_ONCE,
    answerMs,
  };
}

/** A request whose target or `Host` cannot be read never reaches the routes. */
function refuseUnread(store: Store): Response {
  const body = {
    error: 'the request cannot be read',
    error_code: 'bad_request',
    server_instance_id: store.instanceId,
  };
  return Response.json(body, { status: 400, headers: { connection: 'close' } });
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.on('error', (error) => {
      reject(unavailable(error, host, port));
    });
    server.listen(port, bareHost(host), () => {
      resolve(urlOf(host, server.address()));
    });
  });
}

function unavailable(error: Error, host: string, port: number): UserError {
  const reason = errnoOf(error) === 'EADDRINUSE' ? 'something listens there' : messageOf(error);
  return new UserError('address_unavailable', `cannot listen on ${host}:${port}: ${reason}`, {
    remedy: 'spec-kitty receiver serve --port 0',
    cause: error,
  });
}

function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function urlOf(host: string, address: AddressInfo | string | null): string {
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const bare = bareHost(host);
  return `http://${bare.includes(':') ? `[${bare}]` : bare}:${port}`;
}

async function stop(server: Server, { clock }: AppOptions, patience: Patience): Promise<void> {
  const done = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      done.abort();
      resolve();
    });
  });
  // Requests on the way get their answers; a connection that is only kept alive has none coming.
  server.closeIdleConnections();
  await Promise.race([closed, clock.sleep(patience.stopMs, done.signal)]);
  server.closeAllConnections();
  await closed;
}
