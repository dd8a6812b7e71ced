import { expect, it, onTestFinished } from 'vitest';
import { sha256Hex, systemClock } from '../../src/base/index.ts';
import { createHttp } from '../../src/home/index.ts';
import { createHttpReceiver, type OutboundItem, type Receiver } from '../../src/receivers/index.ts';
import { RAW_ANSWERS, type RawAnswer } from './raw-answers.ts';
import { rawServer } from './raw-server.ts';

/** For answers that never come, and for those that a busy machine may need a while for. */
const SHORT_MS = 200;
const LONG_MS = 10_000;
/** What a deadline may be missed by. */
const SLACK_MS = 2_000;

const bytes = Buffer.from('{"event_id":"E1"}');
const item: OutboundItem = { seq: 1, id: 'E1', sha256: sha256Hex(bytes), bytes };

function receiverAt(url: string, raw: RawAnswer): Receiver {
  const deadlineMs = deadlineOf(raw);
  const http = createHttp({});
  onTestFinished(() => {
    http.close();
  });
  return createHttpReceiver({
    kind: 'external',
    http,
    clock: systemClock(),
    eventsUrl: `${url}/hook`,
    healthUrl: `${url}/health`,
    bodiesUrl: null,
    snapshotsUrl: null,
    snapshots: false,
    bodies: false,
    width: 1,
    headers: { authorization: 'Bearer secret' },
    brotli: false,
    maxBytes: null,
    deadlines: { batchMs: deadlineMs, bodyMs: 1_000, probeMs: deadlineMs },
  });
}

function deadlineOf(raw: RawAnswer): number {
  return raw.expected === 'timeout' ? SHORT_MS : LONG_MS;
}

it.each(RAW_ANSWERS.map((each) => [each.name, each] as const))('%s', async (_name, raw) => {
  const server = await rawServer({
    onRequest: (socket) => {
      raw.answer(socket, item.id);
    },
  });
  const receiver = receiverAt(server.url, raw);
  const started = performance.now();
  const { signal } = new AbortController();
  const reply = await receiver.deliver('events', [item], signal);
  expect(performance.now() - started).toBeLessThan(deadlineOf(raw) + SLACK_MS);
  const [verdict] = reply.verdicts;
  const said = [verdict?.outcome, verdict?.category].filter((text) => text != null).join(' ');
  expect(reply.stop?.code ?? said).toBe(raw.expected);
  // What stops the route is no word about the item.
  expect(verdict === null).toBe(reply.stop !== null);
  expect(reply.stop?.detail.length ?? 0).toBeLessThan(1_000);
});

it('asked for health, none of them stops a drain unless no answer came at all', async () => {
  for (const raw of RAW_ANSWERS) {
    const server = await rawServer({
      onRequest: (socket) => {
        raw.answer(socket, item.id);
      },
    });
    const probe = await receiverAt(server.url, raw).probe(new AbortController().signal);
    const isSilence = raw.expected === 'timeout' || raw.expected === 'reset';
    expect([raw.name, probe.kind === 'stopped']).toEqual([raw.name, isSilence]);
  }
});
