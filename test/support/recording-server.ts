import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** One request as it arrived. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The body as it came over the wire. */
  readonly raw: Buffer;
  /** The body after its one layer of compression. */
  readonly body: Buffer;
}

/** An answer, or null to cut the connection. */
export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
} | null;

export interface RecordingServer {
  readonly url: string;
  /** Every request, in order of arrival. */
  readonly requests: readonly Recorded[];
  /** The batches alone, as the lists of event ids they held. */
  batches(): readonly (readonly string[])[];
}

/** A server on this machine that keeps every byte it is sent and answers what `reply` says. */
export async function recordingServer(
  reply: (request: Recorded, index: number) => Reply | Promise<Reply>,
): Promise<RecordingServer> {
  const requests: Recorded[] = [];
  const server = createServer((incoming, outgoing) => {
    const respond = async (): Promise<void> => {
      const request = await receive(incoming);
      requests.push(request);
      answer(outgoing, await reply(request, requests.length - 1));
    };
    void respond();
  });
  const url = await listen(server);
  return {
    url,
    requests,
    batches: () =>
      requests.filter((each) => each.method === 'POST').map((each) => idsOf(each.body)),
  };
}

/** The answer that says `status` of every event of a batch. */
export function answerAll(request: Recorded, status = 'success'): Reply {
  if (request.method !== 'POST') return { status: 404 };
  const results = idsOf(request.body).map((id) => ({ event_id: id, status }));
  return { status: 200, body: JSON.stringify({ results }) };
}

/** The event ids of a batch body. */
export function idsOf(body: Buffer): readonly string[] {
  const batch = JSON.parse(body.toString('utf8')) as { events: { event_id: string }[] };
  return batch.events.map((event) => event.event_id);
}

async function receive(incoming: IncomingMessage): Promise<Recorded> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: incoming.headers,
    raw,
    body: inflate(raw, incoming.headers['content-encoding']),
  };
}

function inflate(raw: Buffer, encoding: string | undefined): Buffer {
  if (encoding === 'gzip') return gunzipSync(raw);
  return encoding === 'br' ? brotliDecompressSync(raw) : raw;
}

function answer(outgoing: ServerResponse, reply: Reply): void {
  if (reply === null) {
    outgoing.socket?.destroy();
    return;
  }
  outgoing.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
  outgoing.end(reply.body ?? '');
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      onTestFinished(
        () =>
          new Promise((closed) => {
            server.closeAllConnections();
            server.close(() => {
              closed();
            });
          }),
      );
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}
