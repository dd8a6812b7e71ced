import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { childScript, startScript, traceScript } from '../../test/support/child-script.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { openDb, systemClock } from '../base/index.ts';

const EVENTS = 10;

/** Captures events one by one, printing each id once it is acknowledged; dies at a fault point when told to. */
const PROGRAM = `
  import { existsSync, writeSync } from 'node:fs';
  import { createSystem, faultsFrom, openDb } from './src/base/index.ts';
  import { openHome } from './src/home/index.ts';
  import { record } from './src/journal/index.ts';
  import { envelope, PROJECT_ID } from './test/support/envelopes.ts';
  const [dir, fault, locks] = process.argv.slice(2);
  const faults = faultsFrom(fault, () => process.kill(process.pid, 'SIGKILL'));
  const home = openHome(createSystem({ HOME: dir, SPEC_KITTY_HOME: dir }, dir, faults));
  const project = { id: PROJECT_ID, slug: null, repoSlug: null, root: dir, checkoutPath: dir, git: null };
  const keep = (n) => record(home, project, [{ event: envelope(n), origin: 'emit', source: null }]);
  if (locks === 'locked') {
    home.store(PROJECT_ID);
    globalThis.holder = openDb(home.paths.projectStore(PROJECT_ID), { clock: home.system.clock });
    globalThis.holder.exec('BEGIN IMMEDIATE');
  } else keep(1_000);
  existsSync('/mark-begin');
  for (let n = 1; n <= ${EVENTS}; n += 1) {
    const [kept] = keep(n);
    writeSync(1, kept.eventId + ' ' + kept.status + '\\n');
  }
  existsSync('/mark-end');
  home.close();
`;

const CALLS = 'fsync,fdatasync,access,faccessat,faccessat2,rename,link,linkat,write';

/** What a traced run did between its marks. */
function between(calls: readonly string[]): readonly string[] {
  const begin = calls.findIndex((call) => call.includes('/mark-begin'));
  const end = calls.findIndex((call) => call.includes('/mark-end'));
  return calls.slice(begin + 1, end);
}

/** Whether the last thing before each acknowledgement, of those that match, is a flush of what matters. */
function flushedBefore(calls: readonly string[], flush: RegExp): readonly boolean[] {
  const kinds = calls.flatMap((call) => {
    if (/write\(1</.test(call)) return ['acknowledge'];
    return flush.test(call) ? ['flush'] : [];
  });
  return kinds.flatMap((kind, index) =>
    kind === 'acknowledge' ? [kinds[index - 1] === 'flush'] : [],
  );
}

describe('an acknowledged event', { timeout: 60_000 }, () => {
  it('was flushed into the write-ahead log before it was acknowledged, each one for itself', (test) => {
    const dir = tempDir();
    const calls = traceScript(childScript(PROGRAM), { calls: CALLS, args: [dir, 'none', 'free'] });
    if (calls === null) {
      test.skip();
      return;
    }
    const during = between(calls);
    const flushes = during.filter((call) => /f(?:data)?sync\(\d+<[^>]*\.db-wal>/.test(call));
    expect(flushes.length).toBeGreaterThanOrEqual(EVENTS);
    expect(flushedBefore(during, /sync\(\d+<[^>]*\.db-wal>/)).toEqual(Array(EVENTS).fill(true));
  });

  it('that went beside the store was flushed, named, and its directory flushed, before it was acknowledged', (test) => {
    const dir = tempDir();
    const calls = traceScript(childScript(PROGRAM), {
      calls: CALLS,
      args: [dir, 'none', 'locked'],
    });
    if (calls === null) {
      test.skip();
      return;
    }
    const during = between(calls);
    expect(during.filter((call) => /fsync\(\d+<[^>]*\.ndjson[^>]*>/.test(call)).length).toBe(
      EVENTS,
    );
    expect(flushedBefore(during, /fsync\(\d+<[^>]*\.spill>/)).toEqual(Array(EVENTS).fill(true));
  });
});

describe('a process that is killed', { timeout: 60_000 }, () => {
  it.each([
    ['capture.begin:4', 'free'],
    ['capture.append:4', 'free'],
    ['capture.commit:4', 'free'],
    ['capture.acknowledge:4', 'free'],
    ['spill.write:2', 'locked'],
    ['spill.done:2', 'locked'],
  ])('at %s has lost nothing that it acknowledged, and left nothing half', async (fault, locks) => {
    const dir = tempDir();
    const script = childScript(PROGRAM);
    const killed = await startScript(script, [dir, fault, locks]).ended;
    expect(killed.code).toBeNull();
    const acknowledged = killed.stdout.split('\n').filter((line) => line !== '');
    const rerun = await startScript(script, [dir, 'none', 'free']).ended;
    expect(rerun).toMatchObject({ code: 0, stderr: '' });
    const db = openDb(path.join(dir, 'projects', '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a.db'), {
      clock: systemClock(),
    });
    const rows = db.all<{ event_id: string; payload: Buffer | null }>(
      'SELECT e.event_id, p.payload FROM events e LEFT JOIN event_payloads p ON p.seq = e.seq ORDER BY e.seq',
    );
    const head = db.get<{ captured: number }>('SELECT captured FROM journal_head');
    const check = db.get('PRAGMA integrity_check');
    db.close();
    const ids = rows.map((row) => row.event_id);
    const before = acknowledged.map((line) => line.split(' ')[0] ?? '');
    expect(before.length).toBeGreaterThan(0);
    for (const id of before) expect(ids).toContain(id);
    expect(new Set(ids).size).toBe(EVENTS + 1);
    expect(rows).toHaveLength(EVENTS + 1);
    expect(rows.every((row) => row.payload !== null)).toBe(true);
    expect(head?.captured).toBe(rows.length);
    expect(check).toEqual({ integrity_check: 'ok' });
    const again = rerun.stdout.split('\n').filter((line) => line.endsWith(' known'));
    expect(again.length).toBeGreaterThanOrEqual(before.length);
  });
});
