import { describe, expect, it } from 'vitest';
import { createIds, sha256Hex, systemClock, systemFiles } from '../../src/base/index.ts';
import { listEvents, openStore, showEvent } from '../../src/server/index.ts';
import { encodeBatch } from '../../src/wire/index.ts';
import { childScript, startScript } from '../support/child-script.ts';
import { ownPostgres, type OwnPostgres, runsPostgres } from '../support/postgres.ts';
import { envelope, eventId } from '../support/receiver-trial.ts';
import { say, size } from './sizes.ts';

const KILLS = size('POSTGRES_KILLS', 2, 40);
const BATCH = 40;
const SENDERS = 4;
const BATCHES_A_ROUND = 12;

const RECEIVER = `
  import { createIds, silentLog, systemClock, systemFiles } from './src/base/index.ts';
  import { openStore, serve } from './src/server/index.ts';
  const clock = systemClock();
  const store = await openStore(process.argv[2], { clock, ids: createIds(clock), files: systemFiles });
  const { url } = await serve(store, { clock, log: silentLog, port: 0 });
  console.log(url);`;

interface Round {
  readonly url: string;
  readonly acknowledged: Map<number, string>;
  readonly from: number;
  /** Called once, when about half of the round is acknowledged. */
  readonly strike: () => Promise<void>;
}

/** What an answer said; none when the receiver was gone before it came. */
async function post(url: string, batch: readonly Buffer[]): Promise<Reply | null> {
  const headers = { 'content-type': 'application/json' };
  try {
    const body = new Uint8Array(encodeBatch(batch));
    const response = await fetch(`${url}/api/v1/events/batch/`, { method: 'POST', body, headers });
    const answer = (await response.json()) as { results?: readonly Result[] };
    return {
      status: response.status,
      results: answer.results ?? [],
      wait: response.headers.get('retry-after'),
    };
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return null;
  }
}

interface Reply {
  readonly status: number;
  readonly results: readonly Result[];
  readonly wait: string | null;
}

interface Result {
  readonly event_id: string;
  readonly status: string;
  readonly sha256: string;
}

/** Several senders at once, whose batches overlap by half. */
async function send({ url, acknowledged, from, strike }: Round): Promise<void> {
  let left = BATCHES_A_ROUND / 2;
  const starts = Array.from({ length: BATCHES_A_ROUND }, (_, n) => from + (n * BATCH) / 2).values();
  const sender = async (): Promise<void> => {
    for (const start of starts) {
      const numbers = Array.from({ length: BATCH }, (_, n) => start + n);
      const reply = await post(
        url,
        numbers.map((number) => envelope(number)),
      );
      if (reply === null) continue;
      expect([200, 503]).toContain(reply.status);
      if (reply.status === 503) expect(reply.wait).toBe('5');
      for (const [index, result] of reply.results.entries()) {
        expect(['success', 'duplicate']).toContain(result.status);
        acknowledged.set(numbers[index] ?? -1, result.sha256);
      }
      if (reply.status === 200) left -= 1;
      if (left === 0) await strike();
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

/** Everything that was acknowledged is there with its bytes, and nothing is there twice. */
async function expectKept(
  { url }: OwnPostgres,
  acknowledged: ReadonlyMap<number, string>,
): Promise<number> {
  const clock = systemClock();
  const store = await openStore(url, { clock, ids: createIds(clock), files: systemFiles });
  const stored: string[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const page = await listEvents(store, { after, limit: 1000 });
    stored.push(...page.items.map((item) => `${item.eventId} ${item.sha256}`));
    after = page.nextCursor;
  }
  expect(new Set(stored).size).toBe(stored.length);
  const lost = [...acknowledged].filter(
    ([number, sha256]) => !stored.includes(`${eventId(number)} ${sha256}`),
  );
  expect(lost).toEqual([]);
  const [last] = [...acknowledged.keys()].slice(-1);
  const [event] = last === undefined ? [] : await showEvent(store, eventId(last));
  if (event !== undefined) expect(sha256Hex(event.bytes)).toBe(acknowledged.get(last ?? -1));
  await store.close();
  return stored.length;
}

const canRun = (await runsPostgres()) !== null;

describe.skipIf(!canRun)('killed in the middle of storing', () => {
  it('loses nothing that the receiver had acknowledged when it is killed', async () => {
    const postgres = await ownPostgres();
    const script = childScript(RECEIVER);
    const acknowledged = new Map<number, string>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const receiver = startScript(script, [postgres.url]);
      const strike = async (): Promise<void> => {
        await receiver.kill();
      };
      const url = await receiver.firstLine;
      await send({ url, acknowledged, from: (kill * BATCHES_A_ROUND * BATCH) / 4, strike });
      await receiver.kill();
      await expectKept(postgres, acknowledged);
    }
    say(`receiver on PostgreSQL killed ${KILLS} times, ${acknowledged.size} events acknowledged`);
  }, 180_000);

  it('loses nothing when PostgreSQL is killed, and the receiver goes on when it is back', async () => {
    const postgres = await ownPostgres();
    const receiver = startScript(childScript(RECEIVER), [postgres.url]);
    const url = await receiver.firstLine;
    const acknowledged = new Map<number, string>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const strike = (): Promise<void> => postgres.kill();
      await send({ url, acknowledged, from: (kill * BATCHES_A_ROUND * BATCH) / 4, strike });
      await postgres.kill();
      expect((await post(url, [envelope(1)]))?.status).toBe(503);
      await postgres.start();
      await expectKept(postgres, acknowledged);
    }
    await send({ url, acknowledged, from: 0, strike: () => Promise.resolve() });
    const stored = await expectKept(postgres, acknowledged);
    expect(stored).toBeGreaterThanOrEqual(acknowledged.size);
    await receiver.kill();
    say(`PostgreSQL killed ${KILLS} times, ${acknowledged.size} events acknowledged`);
  }, 180_000);
});
