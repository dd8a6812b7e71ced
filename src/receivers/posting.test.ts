import { randomInt } from 'node:crypto';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Hex, systemClock } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import { postBatch, type PostOptions } from './posting.ts';
import type { BatchReply, OutboundItem } from './receiver.ts';

/** What a receiver in this process is asked: the ids of a request and its bytes before compression. */
interface Asked {
  readonly ids: readonly string[];
  readonly bytes: number;
}

type Answer = (asked: Asked, index: number) => HttpReply;

interface Posted {
  readonly reply: BatchReply;
  readonly asked: readonly Asked[];
}

function itemOf(n: number, size = 0): OutboundItem {
  const bytes = Buffer.from(`{"event_id":"E${n}","pad":"${'x'.repeat(size)}"}`);
  return { seq: n, id: `E${n}`, sha256: sha256Hex(bytes), bytes };
}

function itemsOf(count: number): readonly OutboundItem[] {
  return Array.from({ length: count }, (_, n) => itemOf(n));
}

async function post(
  items: readonly OutboundItem[],
  answer: Answer,
  options: Partial<PostOptions> = {},
): Promise<Posted> {
  const asked: Asked[] = [];
  const http: Http = {
    send: (request) => {
      const body = request.body ?? new Uint8Array();
      const isBrotli = request.headers['content-encoding'] === 'br';
      const text = isBrotli ? brotliDecompressSync(body) : gunzipSync(body);
      const { events } = JSON.parse(text.toString()) as { events: { event_id: string }[] };
      asked.push({ ids: events.map((event) => event.event_id), bytes: text.length });
      return Promise.resolve(answer(asked.at(-1) ?? { ids: [], bytes: 0 }, asked.length - 1));
    },
    close: () => {},
  };
  const { signal } = new AbortController();
  const reply = await postBatch(
    {
      http,
      clock: systemClock(),
      url: 'http://127.0.0.1/hook',
      headers: {},
      brotli: false,
      maxBytes: null,
      deadlineMs: 1000,
      ...options,
    },
    items,
    signal,
  );
  return { reply, asked };
}

function say(status: number, body: unknown = '', headers: Record<string, string> = {}): HttpReply {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'response', status, headers, body: Buffer.from(text) };
}

function accept(asked: Asked, more: Readonly<Record<string, unknown>> = {}): HttpReply {
  return say(200, {
    results: asked.ids.map((id) => ({ event_id: id, status: 'success' })),
    ...more,
  });
}

function broken(
  reason: Extract<HttpReply, { kind: 'failure' }>['reason'],
  bytesSent = 0,
): HttpReply {
  return { kind: 'failure', reason, detail: 'broken', bytesSent };
}

/** A receiver that refuses every request that holds one of `poison`, and says no more than that. */
function allOrNothing(poison: ReadonlySet<string>): Answer {
  return (asked) =>
    asked.ids.some((id) => poison.has(id)) ? say(400, { error: 'invalid' }) : accept(asked);
}

function outcomes(reply: BatchReply): readonly (string | null)[] {
  return reply.verdicts.map((verdict) => verdict?.outcome ?? null);
}

describe('an all-or-nothing 400', () => {
  it('costs at most 2·k·log2(n) + 2 requests for every place of up to three among few', async () => {
    for (let n = 2; n <= 12; n += 1) {
      for (let mask = 1; mask < 2 ** n - 1; mask += 1) {
        const poison = new Set(
          itemsOf(n)
            .filter((_, i) => ((mask >> i) & 1) === 1)
            .map(({ id }) => id),
        );
        if (poison.size > 3) continue;
        const { reply, asked } = await post(itemsOf(n), allOrNothing(poison));
        expect({ n, mask, over: asked.length > boundOf(n, poison.size) }).toEqual({
          n,
          mask,
          over: false,
        });
        expect(parkedIds(reply, n)).toEqual([...poison]);
      }
    }
  });

  it('costs at most that many for up to three among a thousand', async () => {
    const seed = randomInt(2 ** 31);
    process.stderr.write(`bisecting: seed ${seed}\n`);
    const batches = fc
      .integer({ min: 2, max: 1000 })
      .chain((n) =>
        fc.tuple(
          fc.constant(n),
          fc.uniqueArray(fc.nat(n - 1), { minLength: 1, maxLength: Math.min(3, n - 1) }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(batches, async ([n, places]) => {
        const poison = new Set(places.map((place) => `E${place}`));
        const { reply, asked } = await post(itemsOf(n), allOrNothing(poison));
        expect(asked.length).toBeLessThanOrEqual(boundOf(n, poison.size));
        expect(new Set(parkedIds(reply, n))).toEqual(poison);
        expect(reply).toMatchObject({ requests: asked.length, stop: null });
        expectCaptureOrder(asked, poison);
      }),
      { seed, numRuns: 150 },
    );
  });

  it('parks the one that is refused alone, with what the receiver said to it', async () => {
    const { reply } = await post(itemsOf(3), allOrNothing(new Set(['E1'])));
    expect(outcomes(reply)).toEqual(['success', 'terminal_failed', 'success']);
    expect(reply.verdicts[1]).toEqual({
      outcome: 'terminal_failed',
      httpStatus: 400,
      category: 'bad_request',
      detail: 'refused when sent alone: HTTP 400: invalid',
      retryAfterMs: null,
      receipt: null,
    });
  });

  it.each([1, 2, 7])('parks nothing when all of %i are refused, and the route waits', async (n) => {
    const { reply, asked } = await post(itemsOf(n), () => say(400));
    expect(reply.stop).toMatchObject({ kind: 'backoff', code: 'bad_request', httpStatus: 400 });
    expect(new Set(outcomes(reply))).toEqual(new Set(['rejected']));
    expect(asked.length).toBeLessThanOrEqual(2 * n + Math.ceil(Math.log2(n)) + 1);
  });

  it('takes no rejection, nor silence, of another event for a reason to park', async () => {
    for (const status of ['rejected', 'nonsense']) {
      const { reply } = await post(itemsOf(2), (asked) =>
        asked.ids.includes('E0') ? say(400) : say(200, { results: [{ event_id: 'E1', status }] }),
      );
      expect(reply.stop?.code).toBe('bad_request');
      expect(outcomes(reply)[0]).toBe('rejected');
    }
  });

  it('leaves all open when the search is cut short before anything was accepted', async () => {
    const { reply } = await post(itemsOf(4), (_asked, index) => (index < 3 ? say(400) : say(503)));
    expect(outcomes(reply)).toEqual([null, null, null, null]);
    expect(reply.stop).toMatchObject({ code: 'server_error', httpStatus: 503 });
  });

  it('keeps what was found out when the search is cut short afterwards', async () => {
    const poison = allOrNothing(new Set(['E2']));
    const { reply } = await post(itemsOf(8), (asked, index) =>
      index < 5 ? poison(asked, index) : say(503),
    );
    expect(outcomes(reply).slice(0, 3)).toEqual(['success', 'success', 'terminal_failed']);
    expect(outcomes(reply).slice(3)).toEqual([null, null, null, null, null]);
    expect(reply.stop?.code).toBe('server_error');
  });
});

describe('a 400 with details', () => {
  it('settles the named ones and sends the rest again at once', async () => {
    const { reply, asked } = await post(itemsOf(5), (each, index) =>
      index === 0
        ? say(400, {
            details: [
              { event_id: 'E3', code: 'erased' },
              { event_id: 'E1', error: 'no' },
            ],
          })
        : accept(each),
    );
    expect(outcomes(reply)).toEqual([
      'success',
      'rejected',
      'success',
      'terminal_failed',
      'success',
    ]);
    expect(asked.map((each) => each.ids)).toEqual([
      ['E0', 'E1', 'E2', 'E3', 'E4'],
      ['E0', 'E2', 'E4'],
    ]);
  });

  it('ends even when each answer names one event alone', async () => {
    const { reply, asked } = await post(itemsOf(50), (each) =>
      say(400, { details: [{ event_id: each.ids[0], code: 'schema_invalid' }] }),
    );
    expect(asked).toHaveLength(50);
    expect(new Set(outcomes(reply))).toEqual(new Set(['terminal_failed']));
    expect(reply.stop).toBeNull();
  });
});

describe('a 413', () => {
  it('without limits halves until the parts pass, and says what passed', async () => {
    const { reply, asked } = await post(itemsOf(10), (each) =>
      each.ids.length > 3 ? say(413) : accept(each),
    );
    expect(asked.map((each) => each.ids.length)).toEqual([10, 5, 3, 2, 5, 3, 2]);
    expect(new Set(outcomes(reply))).toEqual(new Set(['success']));
    expect(reply.learned).toEqual({ maxEvents: null, maxBytes: null, passed: 3 });
  });

  it('with limits cuts by them at once', async () => {
    const limits = { max_events_per_batch: 4, max_decompressed_bytes_per_batch: 10_000 };
    const { reply, asked } = await post(itemsOf(10), (each) =>
      each.ids.length > 4 ? say(413, { limits }) : accept(each),
    );
    expect(asked.map((each) => each.ids.length)).toEqual([10, 4, 4, 2]);
    expect(reply.learned).toEqual({ maxEvents: 4, maxBytes: 10_000, passed: null });
  });

  it('with a limit in bytes fills each request up to it and no further', async () => {
    const items = [itemOf(0), itemOf(1), itemOf(2), itemOf(3)];
    const two = 13 + 1 + 2 * (items[0]?.bytes.length ?? 0);
    const limits = { max_decompressed_bytes_per_batch: two };
    const { asked } = await post(items, (each) =>
      each.bytes > two ? say(413, { limits }) : accept(each),
    );
    expect(asked.map((each) => each.ids.length)).toEqual([4, 2, 2]);
    expect(asked[1]?.bytes).toBe(two);
  });

  it('halves when the limits that it names do not explain it', async () => {
    const limits = { max_events_per_batch: 100 };
    const { asked } = await post(itemsOf(4), (each) =>
      each.ids.length > 1 ? say(413, { limits }) : accept(each),
    );
    expect(asked.map((each) => each.ids.length)).toEqual([4, 2, 1, 1, 2, 1, 1]);
  });

  it('parks the one event above the limit with its size and delivers the rest', async () => {
    const items = [itemOf(0), itemOf(1, 5000), itemOf(2)];
    const answer: Answer = (each) => (each.bytes > 1000 ? say(413) : accept(each));
    const known = await post(items, answer, { maxBytes: 1000 });
    expect(outcomes(known.reply)).toEqual(['success', 'terminal_failed', 'success']);
    expect(known.reply.verdicts[1]).toMatchObject({ category: 'payload_too_large' });
    expect(known.reply.verdicts[1]?.detail).toContain('5039 bytes');
    const unknown = await post(items, answer);
    expect(outcomes(unknown.reply)).toEqual(['success', 'transient', 'success']);
    const named = await post(items, (each) =>
      each.bytes > 1000
        ? say(413, { limits: { max_decompressed_bytes_per_batch: 1000 } })
        : accept(each),
    );
    expect(outcomes(named.reply)).toEqual(['success', 'terminal_failed', 'success']);
  });

  it('always ends, whatever is too large', async () => {
    const { reply, asked } = await post(itemsOf(64), () => say(413));
    expect(asked).toHaveLength(127);
    expect(new Set(outcomes(reply))).toEqual(new Set(['transient']));
  });

  it('and a poison event in one batch are told apart', async () => {
    const { reply } = await post(itemsOf(16), (each) => {
      if (each.ids.length > 4) return say(413);
      return each.ids.includes('E5') ? say(400) : accept(each);
    });
    expect(
      outcomes(reply)
        .map((each, n) => [n, each])
        .filter(([, each]) => each !== 'success'),
    ).toEqual([[5, 'terminal_failed']]);
  });
});

describe('a reset', () => {
  it('of a long request is taken once for a 413', async () => {
    const { reply, asked } = await post(itemsOf(8), (each, index) =>
      index === 0 ? broken('reset', 65_537) : accept(each),
    );
    expect(asked.map((each) => each.ids.length)).toEqual([8, 4, 4]);
    expect(reply).toMatchObject({ stop: null, learned: { passed: 4 } });
  });

  it('again is what it is', async () => {
    const { reply, asked } = await post(itemsOf(8), () => broken('reset', 65_537));
    expect(asked.map((each) => each.ids.length)).toEqual([8, 4]);
    expect(reply.stop).toMatchObject({ kind: 'backoff', code: 'reset', httpStatus: null });
    expect(outcomes(reply)).toEqual(Array(8).fill(null));
  });

  it.each([
    ['of a short request', 8, 65_536],
    ['of a single event', 1, 1_000_000],
  ])('%s is no 413', async (_what, count, sent) => {
    const { reply, asked } = await post(itemsOf(count), () => broken('reset', sent));
    expect(asked).toHaveLength(1);
    expect(reply.stop?.code).toBe('reset');
  });
});

describe('what stops', () => {
  it.each(['refused', 'dns', 'tls', 'timeout', 'aborted', 'too_large', 'malformed'] as const)(
    '%s puts the route off and touches no item',
    async (reason) => {
      const { reply } = await post(itemsOf(2), () => broken(reason));
      expect(reply.stop).toEqual({
        kind: 'backoff',
        httpStatus: null,
        code: reason,
        detail: 'broken',
        retryAfterMs: null,
      });
      expect(outcomes(reply)).toEqual([null, null]);
    },
  );

  it('carries the wish of the receiver', async () => {
    const { reply } = await post(itemsOf(2), () => say(429, '', { 'retry-after': '30' }));
    expect(reply.stop).toMatchObject({ kind: 'backoff', code: 'throttled', retryAfterMs: 30_000 });
  });

  it('halts, and names the place of a redirect without going there', async () => {
    const { reply, asked } = await post(itemsOf(2), () =>
      say(308, '', { location: 'http://evil.example' }),
    );
    expect(reply.stop).toMatchObject({ kind: 'halt', code: 'moved', httpStatus: 308 });
    expect(reply.stop?.detail).toContain('http://evil.example');
    expect(asked).toHaveLength(1);
  });

  it('keeps the verdicts of the parts before it', async () => {
    const { reply } = await post(itemsOf(4), (each, index) => {
      if (index === 0) return say(413);
      return index === 1 ? accept(each) : say(401);
    });
    expect(outcomes(reply)).toEqual(['success', 'success', null, null]);
    expect(reply).toMatchObject({ stop: { kind: 'halt', code: 'unauthorized' }, httpStatus: 401 });
  });
});

describe('what a reply tells beside', () => {
  it('nothing without a batch', async () => {
    const { reply, asked } = await post([], () => say(500));
    expect(asked).toEqual([]);
    expect(reply).toMatchObject({ verdicts: [], stop: null, requests: 0, httpStatus: null });
  });

  it('the results that spoke of no item', async () => {
    const { reply } = await post(itemsOf(1), () =>
      say(200, {
        results: [
          null,
          { event_id: 'E0', status: 'success' },
          { event_id: 'E7', status: 'success' },
        ],
      }),
    );
    expect(reply).toMatchObject({ strays: 2, verdicts: [{ outcome: 'success' }] });
  });

  it('the instance, and halts when parts are answered by two', async () => {
    const { reply } = await post(itemsOf(1), (each) => accept(each, { server_instance_id: 'a' }));
    expect(reply.instanceIds).toEqual(['a']);
    const flapping = await post(itemsOf(4), (each, index) =>
      index === 0
        ? say(413, { server_instance_id: 'a' })
        : accept(each, { server_instance_id: index === 1 ? 'a' : 'b' }),
    );
    expect(flapping.reply).toMatchObject({
      instanceIds: ['a', 'b'],
      stop: { kind: 'halt', code: 'receiver_reset' },
    });
    expect(outcomes(flapping.reply)).toEqual(['success', 'success', null, null]);
  });

  it('the same with brotli', async () => {
    const { reply } = await post(itemsOf(3), (each) => accept(each), { brotli: true });
    expect(outcomes(reply)).toEqual(['success', 'success', 'success']);
  });
});

function boundOf(n: number, k: number): number {
  return 2 * k * Math.log2(n) + 2;
}

function parkedIds(reply: BatchReply, n: number): readonly string[] {
  const parked = itemsOf(n).filter((_, index) => {
    const verdict = reply.verdicts[index];
    expect(['success', 'terminal_failed']).toContain(verdict?.outcome);
    return verdict?.outcome === 'terminal_failed' && verdict.category === 'bad_request';
  });
  return parked.map(({ id }) => id);
}

/** The first request that the receiver took an event with never comes before that of an earlier event. */
function expectCaptureOrder(asked: readonly Asked[], poison: ReadonlySet<string>): void {
  const taken = asked
    .filter((each) => !each.ids.some((id) => poison.has(id)))
    .flatMap((each) => each.ids.map((id) => Number(id.slice(1))));
  expect(taken).toEqual([...taken].sort((a, b) => a - b));
}
