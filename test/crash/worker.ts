import { existsSync, writeSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {
  errnoOf,
  faultsFrom,
  noFaults,
  openDb,
  UserError,
  type Clock,
  type Faults,
  type System,
} from '../../src/base/index.ts';
import { emit, openJournal, record, takeIn, type Draft } from '../../src/journal/index.ts';
import type { EventId } from '../../src/wire/index.ts';
import { drainOnce, factOf, openSite, pointAt, storeOf, type Site } from './site.ts';

// What the processes of these tests do. Each verb gets a site and its own words, and says what
// happened on standard output, one write a line, so that a line that was printed is a line that was meant.

type Work = (site: Site, words: readonly string[]) => Promise<void>;

const POLL_MS = 0.3;
const CANARY_PAUSE_MS = 25;
const DRAINS_AT_MOST_MS = 600_000;

const VERBS = {
  capture,
  emit: emitDrafts,
  drain,
  'drain-once': drainOneTime,
  'take-in': takeInSpill,
  hold,
  openers,
  canary,
  mixed,
  deliver,
};

/** Runs one verb of this process: `VERB ROOT HOME WORD…`. */
export async function work(words: readonly string[]): Promise<void> {
  const [verb = '', root = '', home = '', ...rest] = words;
  const run = Object.entries(VERBS).find(([name]) => name === verb)?.[1];
  if (run === undefined) throw new Error(`no verb ${verb}`);
  await (run satisfies Work)({ root, home }, rest);
}

/**
 * Captures numbers FIRST …, COUNT calls of GROUP facts, acknowledging each call when it returned. With GO the
 * store is open before and the first call waits until that file is there.
 */
async function capture(site: Site, words: readonly string[]): Promise<void> {
  const [first = '0', count = '1', group = '1', go = ''] = words;
  const { home, project } = await openSite(site, faultsOfRun());
  if (go !== '') home.store(project.id);
  say('ready');
  if (go !== '') awaitFile(home.system.clock, go);
  for (let call = 0; call < Number(count); call += 1) {
    const from = Number(first) + call * Number(group);
    const facts = Array.from({ length: Number(group) }, (_, index) => factOf(from + index));
    const before = performance.now();
    try {
      const kept = record(home, project, facts);
      const ms = performance.now() - before;
      for (const [index, { status }] of kept.entries()) ack(from + index, status, ms);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`failed ${from} ${error.code} ${error.exitCode} ${error.message}`);
    }
  }
  home.close();
}

/** Emits numbers FIRST … of its own making, one a call; one that fails is tried once more as it is. */
async function emitDrafts(
  site: Site,
  [first = '0', count = '1']: readonly string[],
): Promise<void> {
  const { home, project } = await openSite(site, faultsOfRun());
  for (let n = Number(first); n < Number(first) + Number(count); n += 1) {
    const draft = draftOf(home.system, n);
    for (const attempt of [1, 2]) {
      try {
        const [kept] = emit(home, project, [draft]);
        ack(n, kept?.status ?? 'nothing', 0);
        break;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        say(`failed ${n} ${error.code} ${error.exitCode} attempt ${attempt}`);
      }
    }
  }
  home.close();
}

function draftOf({ ids, clock }: System, n: number): Draft {
  return {
    eventId: ids.ulid() as EventId,
    eventType: 'WPStatusChanged',
    aggregateId: 'WP01',
    aggregateType: 'WorkPackage',
    payload: Buffer.from(`{"wp_id":"WP01","n":${n}}`),
    causationId: null,
    timestamp: new Date(clock.now()).toISOString(),
    teamSlug: null,
    projectSlug: 'demo',
    gitBranch: null,
    headCommitSha: null,
    repoSlug: null,
  };
}

/** Drains again and again until the file STOP appears, then until nothing is left. */
async function drain(site: Site, [stop = '']: readonly string[]): Promise<void> {
  const { home, project } = await openSite(site, faultsOfRun());
  const journal = openJournal(home, project);
  const { clock } = home.system;
  const giveUp = clock.monotonic() + DRAINS_AT_MOST_MS;
  say('draining');
  for (let isLast = false; !isLast && clock.monotonic() < giveUp; ) {
    isLast = existsSync(stop);
    try {
      takeIn(home, journal);
      const { outcomes } = await drainOnce(home, journal.db);
      if (outcomes.success > 0) say(`delivered ${outcomes.success}`);
    } catch (error) {
      // A lock that is held for long makes a drain fail as it would a command: the next one goes on.
      if (!(error instanceof UserError)) throw error;
      say(`drain failed ${error.code}`);
      isLast = false;
    }
    await clock.sleep(20);
  }
  home.close();
  say('drained');
}

async function drainOneTime(site: Site): Promise<void> {
  const { home, project } = await openSite(site, faultsOfRun());
  const report = await drainOnce(home, home.store(project.id));
  say(`ended ${report.blocked?.reason ?? 'free'}`);
  home.close();
}

async function takeInSpill(site: Site): Promise<void> {
  const { home, project } = await openSite(site, faultsOfRun());
  const taken = takeIn(home, openJournal(home, project));
  say(`took in ${taken.events}`);
  home.close();
}

/** Captures, spills behind a lock of its own, takes in, and opens the store anew in between: numbers FIRST …. */
async function mixed(site: Site, [first = '0']: readonly string[]): Promise<void> {
  let n = Number(first);
  const { clock } = (await openSite(site)).home.system;
  for (const takesInAlone of [false, true]) {
    const { home, project } = await openSite(site);
    const captureNext = (count: number): void => {
      for (const end = n + count; n < end; n += 1) {
        const [kept] = record(home, project, [factOf(n)]);
        ack(n, kept?.status ?? 'nothing', 0);
      }
    };
    captureNext(6);
    const other = openDb(storeOf(site), { clock });
    other.run('BEGIN IMMEDIATE');
    captureNext(3);
    other.run('ROLLBACK');
    other.close();
    if (takesInAlone) takeIn(home, openJournal(home, project));
    captureNext(6);
    home.close();
  }
}

/** Captures, permits URL and delivers there, twice. */
async function deliver(site: Site, [url = '']: readonly string[]): Promise<void> {
  for (const from of [0, 8]) {
    const { home, project } = await openSite(site);
    for (let n = from; n < from + 8; n += 1) {
      const [kept] = record(home, project, [factOf(n)]);
      ack(n, kept?.status ?? 'nothing', 0);
    }
    pointAt({ home, project }, url);
    const { blocked } = await drainOnce(home, home.store(project.id));
    if (blocked !== null) throw new Error(blocked.detail);
    home.close();
  }
}

/** Holds the writer's lock of the store for MS. */
async function hold(site: Site, [ms = '0']: readonly string[]): Promise<void> {
  const { home } = await openSite(site);
  const { clock } = home.system;
  const db = openDb(storeOf(site), { clock });
  db.run('BEGIN IMMEDIATE');
  say('held');
  await clock.sleep(Number(ms));
  db.run('COMMIT');
  say('released');
  db.close();
}

/** In each of ROUNDS: waits for the file `go-ROUND`, opens the home of that round as one of many, captures N. */
async function openers(site: Site, [rounds = '1', n = '0']: readonly string[]): Promise<void> {
  const dir = path.dirname(site.root);
  for (let round = 0; round < Number(rounds); round += 1) {
    const { home, project } = await openSite({ ...site, home: path.join(dir, `home-${round}`) });
    say(`ready ${round}`);
    awaitFile(home.system.clock, path.join(dir, `go-${round}`));
    const before = performance.now();
    const [kept] = record(home, project, [factOf(Number(n))]);
    ack(Number(n), kept?.status ?? 'nothing', performance.now() - before);
    home.close();
  }
}

function awaitFile(clock: Clock, file: string): void {
  while (!existsSync(file)) clock.pause(POLL_MS);
}

/** Until the file STOP appears: keeps one file after another as safely as a spill does, and says the worst time. */
async function canary(site: Site, [stop = '']: readonly string[]): Promise<void> {
  const { home } = await openSite(site);
  const { clock, files } = home.system;
  const kept = path.join(path.dirname(site.root), 'canary');
  say('singing');
  let worst = 0;
  for (let isLast = false; !isLast; ) {
    isLast = existsSync(stop);
    const before = performance.now();
    files.create(kept, 'x'.repeat(1_000));
    worst = Math.max(worst, performance.now() - before);
    files.remove(kept);
    clock.pause(CANARY_PAUSE_MS);
  }
  say(`worst ${worst.toFixed(1)}`);
  home.close();
}

function ack(n: number, status: string, ms: number): void {
  say(`ack ${n} ${status} ${ms.toFixed(1)}`);
}

function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from);
    } catch (error) {
      // The test reads slower than this process writes.
      if (errnoOf(error) !== 'EAGAIN') throw error;
    }
  }
}

/** The variable of the command line, which kills, and one that stops the process there until it is woken. */
function faultsOfRun(): Faults {
  const stop = process.env['CRASH_STOP_AT'];
  if (stop !== undefined) {
    return faultsFrom(stop, () => {
      say('stopped');
      process.kill(process.pid, 'SIGSTOP');
    });
  }
  const spec = process.env['SPEC_KITTY_FAULT'];
  if (spec === undefined) return noFaults;
  return faultsFrom(spec, () => {
    process.kill(process.pid, 'SIGKILL');
  });
}
