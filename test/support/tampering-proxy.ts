import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** A request as it came to the proxy. */
export interface Sent {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** An answer as it leaves the proxy; status 0 cuts the connection instead. */
export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What becomes of a request that the receiver did not answer. */
const CUT: Told = { status: 0, headers: {}, body: Buffer.alloc(0) };

export type Forward = (sent: Sent) => Promise<Told>;

/** Stands between a client and a receiver, and may change what either of them says. */
export type Tamper = (sent: Sent, forward: Forward) => Promise<Told>;

export interface Proxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Listens before the receiver at `target` until it is closed. */
export async function startProxy(target: string, tamper: Tamper): Promise<Proxy> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const sent = await readSent(incoming);
    const { status, headers, body } = await tamper(sent, (changed) =>
      forward(target, changed).catch(() => CUT),
    );
    if (status === 0) incoming.socket.destroy();
    else outgoing.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
  };
  const server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readSent(incoming: IncomingMessage): Promise<Sent> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
  return {
    method: incoming.method ?? '',
    url: incoming.url ?? '',
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: Buffer.concat(chunks),
  };
}

const HOP: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'transfer-encoding',
]);

async function forward(target: string, { method, url, headers, body }: Sent): Promise<Told> {
  const answer = await fetch(`${target}${url}`, {
    method,
    headers: withoutHops(Object.entries(headers)),
    redirect: 'manual',
    ...(method === 'GET' ? {} : { body: new Uint8Array(body) }),
  });
  return {
    status: answer.status,
    headers: withoutHops([...answer.headers]),
    body: Buffer.from(await answer.arrayBuffer()),
  };
}

function withoutHops(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(entries.filter(([name]) => !HOP.has(name)));
}

type Members = Record<string, unknown>;

/** The answer with another JSON body. */
export function edited(told: Told, change: (json: Members) => unknown): Told {
  const json = change(JSON.parse(told.body.toString()) as Members);
  return { ...told, body: Buffer.from(JSON.stringify(json)) };
}

/** The answer with each result of a batch changed, or dropped where that gives undefined. */
export function editedResults(
  told: Told,
  change: (result: Members, index: number) => Members | undefined,
): Told {
  if (told.status !== 200) return told;
  return edited(told, (json) => ({
    ...json,
    results: (json['results'] as Members[]).flatMap((each, index) => change(each, index) ?? []),
  }));
}

/** The members without one of them. */
export function without(members: Members, name: string): Members {
  return Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));
}

/** An answer of the proxy's own. */
export function saying(status: number, json: unknown): Told {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: Buffer.from(JSON.stringify(json)) };
}

/** What was posted, without its compression; empty where that is damaged. */
export function unfolded({ headers, body }: Sent): string {
  try {
    if (headers['content-encoding'] === 'gzip') return gunzipSync(body).toString();
    if (headers['content-encoding'] === 'br') return brotliDecompressSync(body).toString();
    return body.toString();
  } catch (error) {
    if (error instanceof Error) return '';
    throw error;
  }
}
