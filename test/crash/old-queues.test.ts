import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { FAULT_POINTS, sha256Hex } from '../../src/base/index.ts';
import { envelopeBytes, eventId, PROJECT_ID } from '../support/envelopes.ts';
import { asPython, oldJournal, oldQueue, photograph } from '../support/old-home.ts';
import { rollDice } from '../sim/dice.ts';
import { bundlePrograms, inParallel, runScript, scratchDir, start } from './programs.ts';
import { say, seedOfRun, size } from './sizes.ts';

// Ten databases of an earlier program in ten states move in; the process is killed at every named point and at random
// moments, and simply run again. However it went, the stores say the same in the end and the sources are untouched.
// Sizes: CRASH=full, or CRASH_MOVES (kills) and CRASH_ROWS (rows of the largest); CRASH_SEED repeats the moments.

const LONG = 3_600_000;
const DIVERGENT = 50;
const SHARED = 200;
const rows = size('ROWS', 1_500, 20_000);

const scratch = scratchDir(true);
const { cli } = await bundlePrograms(scratch);
const old = path.join(scratch, 'old');
const lock = makeSources();
const photo = photograph(old);

test('ten databases move in, however often that is cut off', { timeout: LONG }, async () => {
  const kills = size('MOVES', 8, 100);
  const seed = seedOfRun();
  const dice = rollDice(seed);
  say(`old queues: CRASH_SEED=${seed}`);
  const whole = await runScript(cli, words(), at('whole'));
  const { exit_code: exit, sources } = JSON.parse(whole.stdout) as Report;
  expect(exit, whole.stdout).toBe(1);
  expect(sources.filter(({ error }) => error !== null).map(nameOf)).toEqual(['0c']);
  expect(sources.reduce((sum, each) => sum + each.conflicts, 0)).toBe(DIVERGENT);
  for (const each of sources) {
    const { imported, deduped, conflicts, unreadable } = each;
    expect(imported + deduped + conflicts + unreadable, nameOf(each)).toBe(each.rows);
  }
  const expected = contentOf('whole');

  const points = FAULT_POINTS.filter((point) => /^legacy\.(?!archive)/.test(point));
  const passes = points.flatMap((point) => [1, 2, 6].map((n) => `${point}:${n}`));
  const moments = Array.from({ length: kills }, () => dice.between(150, Math.ceil(whole.ms)));
  await inParallel([...passes, ...moments], 2, async (moment, index) => {
    const home = `killed-${index}`;
    await cutOff(home, moment);
    await runScript(cli, words(), at(home));
    expect(contentOf(home), `${moment} of seed ${seed}`).toEqual(expected);
    rmSync(path.join(scratch, home), { recursive: true });
  });
  expect(photograph(old)).toEqual(photo);
  lock.exec('COMMIT');
  lock.close();
  say(`${moments.length} random and ${passes.length} named kills, ${rows} rows in the largest`);
});

interface Report {
  readonly exit_code: number;
  readonly sources: readonly {
    readonly source_digest: string;
    readonly rows: number;
    readonly imported: number;
    readonly deduped: number;
    readonly conflicts: number;
    readonly unreadable: number;
    readonly error: string | null;
  }[];
}

function nameOf({ source_digest }: Report['sources'][number]): string {
  return source_digest;
}

function words(): readonly string[] {
  return ['sync', 'migrate', '--source', old, '--json'];
}

function at(home: string): { readonly cwd: string; readonly env: Record<string, string> } {
  return { cwd: scratch, env: { SPEC_KITTY_HOME: path.join(scratch, home) } };
}

/** Dies at a named point, or after so many milliseconds. */
async function cutOff(home: string, moment: string | number): Promise<void> {
  const { cwd, env } = at(home);
  if (typeof moment === 'string') {
    await runScript(cli, words(), { cwd, env: { ...env, SPEC_KITTY_FAULT: moment } });
    return;
  }
  const running = start(cli, words(), { cwd, env });
  await delay(moment);
  running.signal('SIGKILL');
  await running.ended;
}

/** What the stores of a home say, apart from times and numbers that depend on the order of events. */
function contentOf(home: string): Readonly<Record<string, string>> {
  const root = path.join(scratch, home);
  const said = (file: string, sql: string): string => {
    const db = new Database(path.join(root, file), { readonly: true });
    const found = db.prepare(sql).raw().all();
    db.close();
    return `${found.length} ${sha256Hex(JSON.stringify(found))}`;
  };
  const store = `projects/${PROJECT_ID}.db`;
  const imports = `SELECT s.path, i.part, i.row_id, i.sha256, i.result FROM imports i
    JOIN import_sources s ON s.source_id = i.source_id ORDER BY 1, 2, 3, 4`;
  return {
    events: said(store, 'SELECT event_id, sha256 FROM events ORDER BY event_id'),
    payloads: said(store, 'SELECT count(*), sum(length(payload)) FROM event_payloads'),
    head: said(store, 'SELECT captured, ineligible FROM journal_head'),
    imports: said(store, imports),
    conflicts: said(
      store,
      'SELECT event_id, incoming_sha256, existing_sha256 FROM import_conflicts ORDER BY 1',
    ),
    uploads: said(store, 'SELECT artifact_path, sha256 FROM uploads ORDER BY 1, 2'),
    loose: said('unassigned.db', 'SELECT event_id, sha256 FROM unassigned_events ORDER BY 1'),
    unreadable: said('unassigned.db', 'SELECT sha256, reason FROM import_unreadable ORDER BY 1'),
    sources: said('machine.db', 'SELECT path, rows, conflicts, unreadable FROM sources ORDER BY 1'),
  };
}

function range(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => from + n);
}

/** The last of them stays locked by a program that is about to write. */
function makeSources(): Database.Database {
  const queue = (digest: string): string => path.join(old, 'queues', `queue-${digest}.db`);
  const legacy = oldQueue(path.join(old, 'queue.db'));
  legacy.addEvents(range(0, SHARED));
  legacy.addBody({ path: 'spec.md', content: '# Spec\n', retries: 3 });
  legacy.addFailure('plan.md', 'namespace_not_found');
  legacy.add('E', 'no event');
  legacy.add('F', asPython(envelopeBytes(900_001)).replace(`"${PROJECT_ID}"`, 'null'));
  legacy.close();
  mkdirSync(path.join(old, 'queues'), { recursive: true });
  copyFileSync(legacy.file, queue('0a'));
  writeFileSync(queue('0b'), '');
  writeFileSync(queue('0c'), 'no database, whatever its name says');
  const march = oldQueue(queue('0d'), { vintage: 'march' });
  march.addEvents(range(SHARED - 20, 60));
  march.addBody({ path: 'tasks.md', content: '# Tasks\n' });
  march.close();
  const divergent = oldQueue(queue('0e'));
  for (const n of range(0, DIVERGENT)) {
    divergent.add(eventId(n), asPython(envelopeBytes(n, { payload: `{"n":${n}.0}` })));
  }
  divergent.close();
  const largest = oldQueue(queue('0f'));
  largest.addEvents(range(1_000, rows));
  largest.close();
  const unknown = oldQueue(queue('00000000deadbeef'), { wal: true });
  unknown.addEvents(range(500_000, 30));
  unknown.close();
  oldJournal(path.join(old, 'event_journal', 'journal-local.db'), range(SHARED - 10, 30));
  const locked = oldQueue(queue('10'));
  locked.addEvents(range(600_000, 40));
  locked.db.exec('BEGIN EXCLUSIVE');
  return locked.db;
}
