import { cpSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openJournal, takeIn } from '../../src/journal/index.ts';
import { judgeSite, readAcks } from './oracle.ts';
import { bundlePrograms, inParallel, runScript, scratchDir, type Programs } from './programs.ts';
import {
  captureInto,
  createSite,
  environmentOf,
  openSite,
  upTo,
  wordsOf,
  type Site,
} from './site.ts';
import { isFull, say } from './sizes.ts';
import { failAt, straceInjects, type ChangingCall } from './strace.ts';

// A call of the system fails, once or from then on. What was acknowledged is there, what failed may be there, and
// the same fact captured again is there once. Sizes: CRASH=full fails many more calls.

const LONG = 600_000;
const AT_ONCE = 3;

const scratch = scratchDir(true);
const programs = await bundlePrograms(scratch);
const canTrace = straceInjects('failing system calls');

interface Failure {
  readonly call: ChangingCall;
  readonly error: string;
  readonly when: string;
}

/** The n-th call alone and all from the n-th on: an error that goes away, and one that stays. */
function failures(most: number): readonly Failure[] {
  const step = isFull() ? 1 : 4;
  const numbers = upTo(most, 1).filter((n) => n % step === 1 || step === 1);
  const kinds: readonly (readonly [ChangingCall, string])[] = [
    ['fsync', 'EIO'],
    ['pwrite64', 'EIO'],
    ['pwrite64', 'ENOSPC'],
    ['link', 'ENOSPC'],
  ];
  return [
    // An interrupted call is made again at once: it must not be interrupted for ever.
    ...numbers.map((n) => ({ call: 'fsync', error: 'EINTR', when: `${n}` }) as const),
    ...kinds.flatMap(([call, error]) =>
      numbers.flatMap((n) => [
        { call, error, when: `${n}` },
        { call, error, when: `${n}+` },
      ]),
    ),
  ];
}

test.skipIf(!canTrace)('a call fails while facts are captured', { timeout: LONG }, async () => {
  const template = createSite(scratch, 'template');
  await captureInto(template, upTo(3));
  const wrong: string[] = [];
  const seen = { failed: 0, spilled: 0, captured: 0 };
  const all = failures(isFull() ? 20 : 13);
  await inParallel(all, AT_ONCE, async ({ call, error, when }) => {
    const place = `${call} ${error} ${when}`;
    const site = createSite(scratch, place.replaceAll(/\W/g, '-'));
    cpSync(template.home, site.home, { recursive: true });
    const options = { before: failAt(call, error, when), env: environmentOf(site) };
    const ended = await runScript(programs.worker, ['capture', ...wordsOf(site), 100, 4], options);
    const acks = readAcks(ended.stdout);
    const acked = acks.map((ack) => ack.n);
    const failed = upTo(4, 100).filter((n) => !acked.includes(n));
    seen.failed += failed.length;
    for (const { status } of acks) if (status === 'spilled') seen.spilled += 1;
    if (ended.stderr !== '') wrong.push(`${place}: ${ended.stderr.slice(-300)}`);
    const found = [...(await judgeSite(site, { acked: [upTo(3), acked], tried: upTo(4, 100) }))];
    await captureInto(site, failed);
    found.push(...(await judgeSite(site, { acked: [upTo(3), acked, failed], tried: [] })));
    wrong.push(...found.map((complaint) => `${place}: ${complaint}`));
  });
  say(`${all.length} failing calls: ${seen.failed} captures refused, ${seen.spilled} spilled`);
  expect(wrong).toEqual([]);
  expect(seen.failed).toBeGreaterThan(0);
  expect(seen.spilled).toBeGreaterThan(0);
});

test.skipIf(!canTrace)(
  'a fact whose commit could not be flushed is there once, whatever became of the commit',
  { timeout: LONG },
  async () => {
    expect(await emitAndFail(programs)).toEqual([]);
  },
);

test.skipIf(!canTrace)('a new id for a second try is noticed', { timeout: LONG }, async () => {
  const defect = {
    file: 'journal/record.ts',
    from: 'makeFacts(drafts, project.id, head)',
    to: `makeFacts(drafts.map((draft) => ({
      ...draft, eventId: home.system.ids.ulid() as typeof draft.eventId,
    })), project.id, head)`,
  };
  const found = await emitAndFail(await bundlePrograms(scratch, [defect]));
  expect(found.join('\n')).toContain('is there 2 times');
});

/**
 * Fails each flush of an emit while another process has the store open, and then finds the store as after a
 * crash: with a commit in it that was called failed, because its flush was.
 */
async function emitAndFail({ worker }: Programs): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const n of upTo(4, 1)) {
    const name = `emitted-${n}-${worker.length}`;
    const site = createSite(scratch, name);
    await captureInto(site, [0]);
    const { home, project } = await openSite(site);
    home.store(project.id);
    const options = { before: failAt('fsync', 'EIO', String(n)), env: environmentOf(site) };
    const ended = await runScript(worker, ['emit', ...wordsOf(site), 1, 1], options);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const found = createSite(scratch, `${name}-found`);
    cpSync(site.home, found.home, { recursive: true, filter: (file) => !file.endsWith('-shm') });
    home.close();
    complaints.push(
      ...(await countEmitted(
        found,
        readAcks(ended.stdout).map((ack) => ack.n),
      )),
    );
  }
  return complaints;
}

async function countEmitted(site: Site, acked: readonly number[]): Promise<readonly string[]> {
  const { home, project } = await openSite(site);
  const journal = openJournal(home, project);
  takeIn(home, journal);
  const counts = journal.db.all<{ n: number; times: number }>(
    `SELECT json_extract(payload, '$.payload.n') AS n, count(*) AS times FROM event_payloads WHERE seq > 1 GROUP BY 1`,
  );
  home.close();
  return [
    ...counts
      .filter(({ times }) => times !== 1)
      .map(({ n, times }) => `${n} is there ${times} times`),
    ...acked
      .filter((n) => !counts.some((each) => each.n === n))
      .map((n) => `acknowledged ${n} is lost`),
  ];
}
