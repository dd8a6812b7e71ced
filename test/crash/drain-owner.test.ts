import { EventEmitter, once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { record } from '../../src/journal/index.ts';
import { createMachine } from '../support/command-line.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type Recorded,
  type Reply,
} from '../support/recording-server.ts';
import { judgeBooks } from './oracle.ts';
import {
  bundlePrograms,
  IN_A_NAMESPACE,
  namespacesWork,
  runScript,
  scratchDir,
  start,
  type Defect,
  type Ended,
  type Programs,
  type Running,
} from './programs.ts';
import { createSite, environmentOf, factOf, openSite, wordsOf, type Site } from './site.ts';
import { isFull, say } from './sizes.ts';

// Who may drain, when processes die, sleep, come back and share numbers. CRASH=full waits as long as the product
// does (10 s); otherwise both waits are shortened while bundling.

const LONG = 120_000;
const FACTS = 40;
const EXPIRY_MS = isFull() ? 10_000 : 1_000;

const scratch = scratchDir(true);
const HASTE: readonly Defect[] = isFull()
  ? []
  : ['DRAIN_EXPIRY_MS', 'CLAIM_WAIT_MS'].map((name) => ({
      file: 'delivery/drain/drains.ts',
      from: `const ${name} = 10_000;`,
      to: `const ${name} = ${EXPIRY_MS};`,
    }));
const programs = await bundlePrograms(scratch, HASTE);
const canUnshare = namespacesWork('the reuse of a process number');

test('a killed drainer is replaced within a second, and everything arrives', {
  timeout: LONG,
}, async () => {
  const desk = await openDesk();
  const site = await prepare('killed', desk.url);
  const first = syncNow(site);
  await desk.firstPost;
  first.signal('SIGKILL');
  await first.ended;
  const second = await syncNow(site).ended;
  const third = await syncNow(site).ended;
  say(`takeover after kill -9: ${(second.ms - third.ms).toFixed(0)} ms beside an idle sync now`);
  expect(second).toMatchObject({ code: 0 });
  expect(second.stdout).toContain('All delivered');
  expect(second.ms - third.ms).toBeLessThan(1_000);
  expect(await ledgerOf(site)).toMatchObject({
    states: { delivered: FACTS },
    results: ['interrupted', 'recorded'],
  });
});

test('a drainer that slept while its batch was out changes nothing', {
  timeout: LONG,
}, async () => {
  const desk = await openDesk((request) => answerAll(request, 'pending'));
  const site = await prepare('asleep', desk.url);
  const asleep = syncNow(site);
  await desk.firstPost;
  asleep.signal('SIGSTOP');
  const second = await syncNow(site).ended;
  expect(second.stdout).toContain(`pending ${FACTS}`);
  const before = await ledgerOf(site);
  desk.answerFirst(refuseAll);
  asleep.signal('SIGCONT');
  const first = await asleep.ended;
  say(`slept while its batch was out: exit ${first.code}`);
  expect(first.code).toBe(1);
  expect(first.stdout + first.stderr).toContain('took over');
  expect(await ledgerOf(site)).toEqual(before);
});

test('a drainer that slept with its answers in hand records none of them', {
  timeout: LONG,
}, async () => {
  const { first, before, after } = await sleepWithAnswers('late', programs);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('ended daemon_lock');
  expect(before).toMatchObject({ states: { queued: FACTS }, attempts: FACTS, complaints: [] });
  expect(after).toEqual(before);
});

test('recording without looking at the fence is noticed', { timeout: LONG }, async () => {
  const defect = {
    file: 'delivery/ledger.ts',
    from: "  if (!renewDrain(db, drain, now)) throw new FenceLost('another process drains this route');",
    to: '  renewDrain(db, drain, now);',
  };
  const unfenced = await bundlePrograms(scratch, [defect, ...HASTE]);
  const { before, after } = await sleepWithAnswers('unfenced', unfenced);
  expect(before.states).toEqual({ queued: FACTS });
  expect(after.states).toEqual({ parked: FACTS });
});

test('sync now beside a running drain waits, then names who drains', {
  timeout: LONG,
}, async () => {
  const desk = await openDesk();
  const site = await prepare('busy', desk.url);
  const holder = syncNow(site);
  await desk.firstPost;
  const waiting = await syncNow(site).ended;
  say(`beside a running drain: exit ${waiting.code} after ${waiting.ms.toFixed(0)} ms`);
  expect(waiting.code).toBe(1);
  expect(waiting.stderr).toContain(`process ${holder.pid} `);
  expect(waiting.ms).toBeGreaterThanOrEqual(EXPIRY_MS);
  expect(waiting.ms).toBeLessThan(EXPIRY_MS + 3_000);
  desk.answerFirst(answerAll);
  expect(await holder.ended).toMatchObject({ code: 0 });
});

test('many at once send every fact once', { timeout: LONG }, async () => {
  const desk = await openDesk();
  desk.answerFirst(answerAll);
  const site = await prepare('many', desk.url);
  const ended = await Promise.all(Array.from({ length: 6 }, () => syncNow(site).ended));
  expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    ended.map(() => ({ code: 0, stderr: '' })),
  );
  const sent = desk.sent();
  expect(sent).toHaveLength(FACTS);
  expect(new Set(sent).size).toBe(FACTS);
});

test.skipIf(!canUnshare)(
  'a process that got the number of a dead drainer is not taken for it',
  { timeout: LONG },
  async () => {
    const desk = await openDesk();
    const site = await prepare('reused', desk.url);
    const posted = path.join(site.home, 'posted');
    void markWhen(desk.firstPost, posted);
    const { stdout, stderr } = await runScript('-c', [REUSE], {
      before: [...IN_A_NAMESPACE, 'sh'],
      plain: true,
      cwd: site.root,
      env: { ...environmentOf(site), NODE: process.execPath, CLI: programs.cli, POSTED: posted },
    });
    const said = new Map(stdout.split('\n').map((line) => line.split('=') as [string, string]));
    say(`reused number: ${stdout.trim().replaceAll('\n', ', ')}`);
    expect([said.get('exit'), said.get('victim')], stderr).toEqual(['0', 'alive']);
    expect(said.get('dead')).toBe(said.get('reused'));
    expect(Number(said.get('ms')) - Number(said.get('idle'))).toBeLessThan(1_000);
  },
);

test.skipIf(!canUnshare)(
  'a drainer of another container is not taken for dead',
  { timeout: LONG },
  async () => {
    const desk = await openDesk();
    const site = await prepare('container', desk.url);
    const holder = syncNow(site);
    await desk.firstPost;
    const script = 'mount -t proc proc /proc; exec "$NODE" "$CLI" sync now';
    const elsewhere = await runScript('-c', [script], {
      before: [...IN_A_NAMESPACE, 'sh'],
      plain: true,
      cwd: site.root,
      env: { ...environmentOf(site), NODE: process.execPath, CLI: programs.cli },
    });
    expect(elsewhere).toMatchObject({ code: 1 });
    expect(elsewhere.stderr).toContain(`process ${holder.pid} `);
    desk.answerFirst(answerAll);
    expect(await holder.ended).toMatchObject({ code: 0 });
    expect(desk.sent()).toHaveLength(FACTS);
  },
);

/** A drain is killed, a stranger gets its number, the next drain must neither wait for it nor touch it. */
const REUSE = `
  mount -t proc proc /proc
  now() { echo $(($(date +%s%N) / 1000000)); }
  "$NODE" "$CLI" sync now >/dev/null 2>&1 &
  dead=$!
  while [ ! -e "$POSTED" ]; do sleep 0.02; done
  kill -9 $dead; wait $dead 2>/dev/null
  echo $((dead - 1)) > /proc/sys/kernel/ns_last_pid
  sleep 60 &
  victim=$!
  echo dead=$dead; echo reused=$victim
  from=$(now); "$NODE" "$CLI" sync now >/dev/null; echo exit=$?; echo ms=$(($(now) - from))
  from=$(now); "$NODE" "$CLI" sync now >/dev/null; echo idle=$(($(now) - from))
  kill -0 $victim && echo victim=alive
  kill $victim`;

async function markWhen(happened: Promise<unknown>, file: string): Promise<void> {
  await happened;
  writeFileSync(file, '');
}

interface Desk {
  readonly url: string;
  /** Resolves when the first batch has arrived; it is not answered. */
  readonly firstPost: Promise<unknown>;
  /** Answers the first batch; later ones are accepted, or answered as `later` says. */
  answerFirst(how: (request: Recorded) => Reply): void;
  /** The ids of every batch, in the order of arrival. */
  sent(): readonly string[];
}

/** A receiver that lets the first batch wait for its answer. */
async function openDesk(later: (request: Recorded) => Reply = answerAll): Promise<Desk> {
  const bell = new EventEmitter();
  const firstPost = once(bell, 'posted');
  const firstAnswer = once(bell, 'answer') as Promise<[(request: Recorded) => Reply]>;
  let posts = 0;
  const server = await recordingServer(async (request) => {
    if (request.method !== 'POST') return { status: 404 };
    posts += 1;
    if (posts > 1) return later(request);
    bell.emit('posted');
    const [answer] = await firstAnswer;
    return answer(request);
  });
  return {
    url: server.url,
    firstPost,
    answerFirst: (how) => {
      bell.emit('answer', how);
    },
    sent: () => server.batches().flat(),
  };
}

/**
 * Puts a drainer to sleep when it has its answers and has not recorded them, lets a second one take over, whose
 * answers say something else, then wakes the first.
 */
async function sleepWithAnswers(
  name: string,
  { cli, worker }: Programs,
): Promise<{ readonly first: Ended; readonly before: Ledger; readonly after: Ledger }> {
  const desk = await openDesk((request) => answerAll(request, 'pending'));
  desk.answerFirst(refuseAll);
  const site = await prepare(name, desk.url);
  const env = { ...environmentOf(site), CRASH_STOP_AT: 'batch.answer' };
  const asleep = start(worker, ['drain-once', ...wordsOf(site)], { env });
  await asleep.printed('stopped');
  await syncNow(site, cli).ended;
  const before = await ledgerOf(site);
  asleep.signal('SIGCONT');
  const first = await asleep.ended;
  return { first, before, after: await ledgerOf(site) };
}

function refuseAll(request: Recorded): Reply {
  const results = idsOf(request.body).map((id) => ({
    event_id: id,
    status: 'rejected',
    error_category: 'schema_invalid',
  }));
  return { status: 200, body: JSON.stringify({ results }) };
}

/** A site with facts and a permission to send them to `url`. */
async function prepare(name: string, url: string): Promise<Site> {
  const site = createSite(path.join(scratch, name));
  mkdirSync(site.home);
  const { home, project } = await openSite(site);
  record(
    home,
    project,
    Array.from({ length: FACTS }, (_, n) => factOf(n)),
  );
  home.close();
  const words = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url];
  const { exit, stderr } = await createMachine(environmentOf(site)).run(words, { cwd: site.root });
  if (exit !== 0) throw new Error(stderr);
  return site;
}

function syncNow(site: Site, cli = programs.cli): Running {
  return start(cli, ['sync', 'now'], { cwd: site.root, env: environmentOf(site) });
}

interface Ledger {
  /** How many deliveries are in each state. */
  readonly states: Readonly<Record<string, number>>;
  /** How each batch ended, in order. */
  readonly results: readonly (string | null)[];
  readonly attempts: number;
  readonly complaints: readonly string[];
}

async function ledgerOf(site: Site): Promise<Ledger> {
  const { home, project } = await openSite(site);
  const db = home.store(project.id);
  const states = db.all<{ state: string; n: number }>(
    'SELECT state, count(*) AS n FROM event_deliveries_for_people GROUP BY state ORDER BY state',
  );
  const results = db.all<{ result: string | null }>('SELECT result FROM batches ORDER BY batch_id');
  const attempts = db.get<{ n: number }>('SELECT count(*) AS n FROM attempts')?.n ?? 0;
  const complaints = judgeBooks({ home, project });
  home.close();
  return {
    states: Object.fromEntries(states.map(({ state, n }) => [state, n])),
    results: results.map(({ result }) => result),
    attempts,
    complaints,
  };
}
