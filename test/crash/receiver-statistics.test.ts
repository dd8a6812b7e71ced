import path from 'node:path';
import { expect, it } from 'vitest';
import { createIds, systemClock, systemFiles } from '../../src/base/index.ts';
import { listEvents, openStore } from '../../src/server/index.ts';
import { encodeBatch } from '../../src/wire/index.ts';
import { childScript, startScript } from '../support/child-script.ts';
import { envelope, eventId } from '../support/receiver-trial.ts';
import { tempDir } from '../support/temp-home.ts';
import { say, size } from './sizes.ts';

const KILLS = size('STATISTICS_KILLS', 1, 20);
const BATCH = 25;
/** Figures are written every three seconds; the rest is what a busy machine takes to come to it. */
const WRITTEN_AFTER_MS = 6_000;

const RECEIVER = `
  import { createIds, silentLog, systemClock, systemFiles } from './src/base/index.ts';
  import { openStore, serve } from './src/server/index.ts';
  const clock = systemClock();
  const store = await openStore(process.argv[2], { clock, ids: createIds(clock), files: systemFiles });
  const { url } = await serve(store, { clock, log: silentLog, port: 0 });
  console.log(url);`;

/** @returns whether it was acknowledged. */
async function post(url: string, first: number): Promise<boolean> {
  const batch = Array.from({ length: BATCH }, (_, n) => envelope(first + n));
  const body = new Uint8Array(encodeBatch(batch));
  const headers = { 'content-type': 'application/json' };
  try {
    const response = await fetch(`${url}/api/v1/events/batch/`, { method: 'POST', body, headers });
    await response.text();
    return response.status === 200;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return false;
  }
}

it('loses no event when it is killed, and figures of its last seconds at most', async () => {
  const script = childScript(RECEIVER);
  const file = path.join(tempDir(), 'receiver.db');
  const clock = systemClock();
  const acknowledged: { readonly first: number; readonly at: number }[] = [];
  const promised: number[] = [];
  let next = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const receiver = startScript(script, [file]);
    const url = await receiver.firstLine;
    const started = clock.monotonic();
    const dead = new AbortController();
    const kills = async (): Promise<void> => {
      await clock.sleep(WRITTEN_AFTER_MS + 700 * (1 + kill));
      const killedAt = clock.monotonic();
      await receiver.kill();
      dead.abort();
      const early = acknowledged.filter(
        ({ at }) => at >= started && at < killedAt - WRITTEN_AFTER_MS,
      );
      promised.push(early.length * BATCH);
    };
    const sends = async (): Promise<void> => {
      while (!dead.signal.aborted) {
        next += BATCH;
        const first = next;
        if (await post(url, first)) acknowledged.push({ first, at: clock.monotonic() });
        await clock.sleep(40);
      }
    };
    await Promise.all([kills(), sends()]);
  }
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  const held = new Set<string>();
  let after: number | null = 0;
  while (after !== null) {
    const page = await listEvents(store, { after, limit: 1_000 });
    for (const item of page.items) held.add(item.eventId);
    after = page.nextCursor;
  }
  const lost = acknowledged
    .flatMap(({ first }) => Array.from({ length: BATCH }, (_, n) => eventId(first + n)))
    .filter((id) => !held.has(id));
  expect(lost).toEqual([]);
  const [row] = await store.driver.all<{ readonly count: number | null }>(
    `SELECT sum(count) AS count FROM ingest_counts
     WHERE project_id = '' AND stream = 'events' AND result = 'success'`,
  );
  await store.close();
  const counted = row?.count ?? 0;
  const atLeast = promised.reduce((sum, each) => sum + each, 0);
  say(`${KILLS} kills: ${held.size} events held, ${counted} of them counted, ${atLeast} promised`);
  expect(atLeast).toBeGreaterThan(0);
  expect(counted).toBeGreaterThanOrEqual(atLeast);
  expect(counted).toBeLessThanOrEqual(held.size);
}, 300_000);
