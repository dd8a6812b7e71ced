import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { realReceiver } from '../support/real-receiver.ts';
import { judgeDelivery, judgeSite, readAcks, type Ack } from './oracle.ts';
import { bundlePrograms, scratchDir, start, type Running } from './programs.ts';
import { createSite, openSite, pointAt, wordsOf, type Site } from './site.ts';
import { say, size } from './sizes.ts';

// Many processes, one store: none lost, none twice, the order of each process kept, nobody waits for a second.
// Sizes: CRASH=full, or CRASH_DRAINED (captures of each of 8 processes during a drain), CRASH_LOCKED (processes
// behind a held lock), CRASH_LOCKED_EACH (their captures), CRASH_LOCKED_MS, CRASH_OPENINGS (rounds of 16).

/** No capture may take longer, beside what one bare flushed file takes on a machine that is this busy. */
const WORST_WAIT_MS = 1_000;
const WRITERS = 8;
const OPENERS = 16;
const LONG = 600_000;

const scratch = scratchDir(false);
const { worker } = await bundlePrograms(scratch);

test('processes capture while another one drains', { timeout: LONG }, async () => {
  const each = size('DRAINED', 150, 5_000);
  const site = createSite(path.join(scratch, 'drained'));
  const receiver = await realReceiver();
  const opened = await openSite(site);
  pointAt(opened, receiver.url);
  opened.home.close();
  const stop = path.join(scratch, 'drained', 'stop');
  const drainer = start(worker, ['drain', ...wordsOf(site), stop]);
  await drainer.printed('draining');
  const { acks, canary } = await race(site, { writers: WRITERS, each });
  const during = drainer.output().split('delivered').length - 1;
  writeFileSync(stop, '');
  const drained = await drainer.ended;
  tell(`${WRITERS} processes × ${each} captures during ${during} drains`, acks.flat(), canary);
  expect(drained).toMatchObject({ code: 0, stderr: '' });
  expect(during).toBeGreaterThan(1);
  expect(await judgeSite(site, expectationOf(acks))).toEqual([]);
  expect(await judgeDelivery(site, receiver)).toEqual([]);
  expect(await receiver.holdings()).toHaveLength(WRITERS * each);
  expect(worst(acks.flat()) - canary).toBeLessThan(WORST_WAIT_MS);
});

test('processes capture while another one holds the lock', { timeout: LONG }, async () => {
  const writers = size('LOCKED', 16, 64);
  const each = size('LOCKED_EACH', 20, 100);
  const heldMs = size('LOCKED_MS', 2_000, 30_000);
  const site = createSite(path.join(scratch, 'locked'));
  const opened = await openSite(site);
  opened.home.store(opened.project.id);
  opened.home.close();
  const holder = start(worker, ['hold', ...wordsOf(site), heldMs]);
  await holder.printed('held');
  const { acks, canary } = await race(site, { writers, each });
  await holder.ended;
  const spilled = acks.flat().filter((ack) => ack.status === 'spilled').length;
  tell(
    `${writers} processes × ${each} captures behind a lock of ${heldMs} ms, ${spilled} spilled`,
    acks.flat(),
    canary,
  );
  expect(spilled).toBeGreaterThanOrEqual(writers);
  expect(await judgeSite(site, expectationOf(acks))).toEqual([]);
  expect(worst(acks.flat()) - canary).toBeLessThan(WORST_WAIT_MS);
});

test('processes open a home that nobody has opened before', { timeout: LONG }, async () => {
  const rounds = size('OPENINGS', 4, 50);
  const dir = path.join(scratch, 'openings');
  const unopened = createSite(dir);
  const sung = await sing(unopened);
  const running = Array.from({ length: OPENERS }, (_, n) =>
    start(worker, ['openers', ...wordsOf(unopened), rounds, n]),
  );
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(running.map((each) => each.printed(`ready ${round}\n`)));
    writeFileSync(path.join(dir, `go-${round}`), '');
  }
  const acks = await Promise.all(running.map(acksOf));
  const canary = await sung();
  for (let round = 0; round < rounds; round += 1) {
    const ofRound = acks.map((each) => each.slice(round, round + 1));
    const site = createSite(dir, `home-${round}`);
    expect(await judgeSite(site, expectationOf(ofRound)), `round ${round}`).toEqual([]);
  }
  const spilled = acks.flat().filter((ack) => ack.status === 'spilled').length;
  tell(`${OPENERS} first openers × ${rounds} homes, ${spilled} spilled`, acks.flat(), canary);
  expect(acks.flat()).toHaveLength(OPENERS * rounds);
  expect(worst(acks.flat()) - canary).toBeLessThan(WORST_WAIT_MS);
});

/** Lets writers capture side by side, each its own range of numbers; answers what each was told. */
async function race(
  site: Site,
  { writers, each }: { readonly writers: number; readonly each: number },
): Promise<{ readonly acks: readonly (readonly Ack[])[]; readonly canary: number }> {
  const dir = path.dirname(site.root);
  const go = path.join(dir, 'go');
  const running = Array.from({ length: writers }, (_, writer) =>
    start(worker, ['capture', ...wordsOf(site), writer * each, each, 1, go]),
  );
  await Promise.all(running.map((one) => one.printed('ready')));
  const sung = await sing(site);
  writeFileSync(go, '');
  const acks = await Promise.all(running.map(acksOf));
  expect(acks.map((ofWriter) => ofWriter.length)).toEqual(acks.map(() => each));
  return { acks, canary: await sung() };
}

/** Starts a canary; the answer ends it and says how long its worst file took, in milliseconds. */
async function sing(site: Site): Promise<() => Promise<number>> {
  const stop = path.join(path.dirname(site.root), 'quiet');
  const canary = start(worker, ['canary', ...wordsOf(site), stop]);
  await canary.printed('singing');
  return async () => {
    writeFileSync(stop, '');
    return Number(/worst (\S+)/.exec((await canary.ended).stdout)?.[1]);
  };
}

async function acksOf(running: Running): Promise<readonly Ack[]> {
  const ended = await running.ended;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return readAcks(ended.stdout);
}

function expectationOf(acks: readonly (readonly Ack[])[]): Parameters<typeof judgeSite>[1] {
  return { acked: acks.map((ofWriter) => ofWriter.map((ack) => ack.n)), tried: [] };
}

function worst(acks: readonly Ack[]): number {
  return Math.max(...acks.map((ack) => ack.ms));
}

function tell(what: string, acks: readonly Ack[], canary: number): void {
  const waits = acks.map((ack) => ack.ms).sort((a, b) => a - b);
  const at = (part: number): string => `${waits[Math.floor((waits.length - 1) * part)] ?? 0} ms`;
  say(
    `${what}: waits ${at(0.5)} median, ${at(0.99)} of 99 in 100, ${at(1)} worst (a bare file ${canary} ms)`,
  );
}
