import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { sha256Hex, systemClock, systemFiles } from '../../src/base/index.ts';
import { createHttp } from '../../src/home/index.ts';
import {
  createHttpReceiver,
  createStubReceiver,
  type Receiver,
} from '../../src/receivers/index.ts';
import { listEvents } from '../../src/server/index.ts';
import { elementSpans, memberSpan, PATHS } from '../../src/wire/index.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { recordingServer, type Recorded, type Reply } from '../support/recording-server.ts';
import { tempDir } from '../support/temp-home.ts';
import { receiverSuite } from './receiver.suite.ts';

receiverSuite('a stub file', async () => {
  const file = path.join(tempDir(), 'events.ndjson');
  return Promise.resolve({
    endpoint: `stub:${file}`,
    receiver: createStubReceiver(file, systemFiles),
    holdings: () => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
      return lines.map((line) => `${idOf(Buffer.from(line))} ${sha256Hex(line)}`);
    },
  });
});

receiverSuite('our own receiver over HTTP', async () => {
  const real = await realReceiver();
  return {
    endpoint: real.url,
    receiver: receiverAt(`${real.url}/api/v1/events/batch/`, `${real.url}/api/v1/sync/health/`),
    holdings: async () => {
      const held: string[] = [];
      for (let after: number | null = 0; after !== null; ) {
        const page: Awaited<ReturnType<typeof listEvents>> = await listEvents(real.store, {
          after,
          limit: 1000,
        });
        held.push(...page.items.map((item) => `${item.eventId} ${item.sha256}`));
        after = page.nextCursor;
      }
      return held;
    },
  };
});

receiverSuite('a receiver of another make, at an address of its own', async () => {
  const stored = new Map<string, string>();
  const server = await recordingServer((request) => storeAll(stored, request));
  return {
    endpoint: `${server.url}/hooks/Spec%20Kitty/`,
    receiver: receiverAt(`${server.url}/hooks/Spec%20Kitty/`, null),
    holdings: () => [...stored].map(([id, sha256]) => `${id} ${sha256}`),
  };
});

function receiverAt(eventsUrl: string, healthUrl: string | null): Receiver {
  const http = createHttp({});
  onTestFinished(() => {
    http.close();
  });
  return createHttpReceiver({
    kind: 'external',
    http,
    clock: systemClock(),
    eventsUrl,
    healthUrl,
    bodiesUrl: healthUrl === null ? null : healthUrl.replace(PATHS.health, PATHS.bodies),
    snapshotsUrl: healthUrl === null ? null : healthUrl.replace(PATHS.health, PATHS.snapshots),
    snapshots: healthUrl !== null,
    bodies: healthUrl !== null,
    width: 1,
    headers: {},
    brotli: false,
    maxBytes: null,
  });
}

/** The least that a receiver has to do: keep the first of each id, and say of each element what became of it. */
function storeAll(stored: Map<string, string>, request: Recorded): Reply {
  if (request.path !== '/hooks/Spec%20Kitty/') return { status: 404 };
  const list = memberSpan(request.body, 'events');
  const spans = list === null ? null : elementSpans(request.body, list);
  const results = (spans ?? []).map(({ start, end }) => {
    const element = request.body.subarray(start, end);
    const [event_id, hash] = [idOf(element), sha256Hex(element)];
    const known = stored.get(event_id);
    if (known === undefined) stored.set(event_id, hash);
    if (known === undefined) return { event_id, status: 'stored' };
    return known === hash
      ? { event_id, status: 'duplicate' }
      : { event_id, status: 'conflict', error: 'another event has this id' };
  });
  return { status: 200, body: JSON.stringify({ results }) };
}

function idOf(envelope: Uint8Array): string {
  const { event_id } = JSON.parse(Buffer.from(envelope).toString()) as { event_id: string };
  return event_id;
}
