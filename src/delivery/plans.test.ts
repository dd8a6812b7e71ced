import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { envelope, PROJECT_ID } from '../../test/support/envelopes.ts';
import {
  ledgerTrial,
  STREAMS,
  verdict,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { watchStatements, wholeScans, type Watched } from '../../test/support/statement-watch.ts';
import { tempDir } from '../../test/support/temp-home.ts';
import { noFaults } from '../base/index.ts';
import type { Project } from '../home/index.ts';
import { capture, isAccountedFor, takeIn, type Fact } from '../journal/index.ts';
import { importMissions } from '../missions/index.ts';
import { gatherProject } from '../report/index.ts';
import { claimDrain, releaseDrain, renewDrain, type Drain } from './drain/drains.ts';
import { open } from './generations.ts';
import { begin, record, selectDue } from './ledger.ts';
import { noteFailure, noteSuccess, readPacing } from './drain/pacing.ts';
import { listDelivered } from './inspect/delivered.ts';
import { attemptsOf, dropParked, listParked, retryParked } from './parked.ts';
import type { Route } from './routes.ts';
import { countCovered, revoke } from './grants.ts';
import { eventsStream as stream } from './stream.ts';

const EVENTS = 100_000;
const DELIVERED = 90_000;

/** Tables with a row for each event, delivery, batch or file: reading one of them from end to end is not allowed. */
const GROWING = new Set([
  'events',
  'event_payloads',
  'event_deliveries',
  'provenance',
  'gc_permits',
  'batches',
  'attempts',
  'imported_files',
]);

const MAKE_EVENTS = `
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
  INSERT INTO events (seq, event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
    aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
  SELECT n, printf('01KVYWRG%018d', n), :projectId, 1, 1, 'WPStatusChanged', 3, n % 50 <> 0, 'WorkPackage',
    'WP01', NULL, iif(n % 10 = 0, 'key ' || (n % 1000), NULL), :hash, 2, n, n FROM n`;
const MAKE_PAYLOADS = `INSERT INTO event_payloads SELECT seq, CAST('{}' AS BLOB) FROM events`;
const COUNT_HEAD = `
  INSERT INTO journal_head SELECT 1, 'aaaaaaaaaaaa', 0, count(*), sum(eligible = 0) FROM events`;

/** A journal of 100,000 events, most of them delivered to one of two targets. */
function largeTrial(): { readonly trial: LedgerTrial; readonly route: Route } {
  const trial = ledgerTrial();
  const { db } = trial;
  db.tx(() => {
    db.run(MAKE_EVENTS, { count: EVENTS, projectId: PROJECT_ID, hash: 'f'.repeat(64) });
    db.run(MAKE_PAYLOADS);
    db.run(COUNT_HEAD);
  });
  const route = trial.grant('a');
  trial.grant('b');
  while (open(db, { routeId: route.id, stream, faults: noFaults }) > 0);
  db.tx(() => {
    const where = 'WHERE state = 1 AND seq <= :seq';
    const moved = db.run(`UPDATE event_deliveries SET state = 2, outcome = 1 ${where}`, {
      seq: DELIVERED,
    });
    db.run('UPDATE delivery_counts SET n = n - :n WHERE state = 1', { n: moved.changes });
    db.run('INSERT INTO delivery_counts VALUES (1, 2, :n)', { n: moved.changes });
  });
  return { trial, route };
}

/** Everything a command does at the journal: new facts, known ones, a divergent one, an import, a look. */
function useJournal(trial: LedgerTrial): void {
  const { db, system, home } = trial;
  const journal = { db, projectId: PROJECT_ID, checkoutId: trial.checkout, system };
  const facts = [1, 2, 3].map((n): Fact => ({ event: envelope(n), origin: 'emit', source: null }));
  const again = envelope(1, { payload: '{"another":"fact"}' });
  expect(capture(journal, facts).map((each) => each.status)).toEqual([
    'captured',
    'captured',
    'captured',
  ]);
  expect(capture(journal, facts)[0]?.status).toBe('known');
  const [conflict] = capture(journal, [{ event: again, origin: 'emit', source: null }]);
  expect(conflict?.status).toBe('conflict');
  expect(isAccountedFor(db, again.envelope.eventId)).toBe(true);
  takeIn(home, journal);
  const project = projectWithMission();
  expect(importMissions(journal, project).files).toHaveLength(1);
  expect(importMissions(journal, project).files).toHaveLength(0);
  const here = { project, checkoutId: trial.checkout };
  gatherProject(home, { projectId: PROJECT_ID, db, streams: STREAMS, here });
}

function projectWithMission(): Project {
  const root = tempDir();
  const mission = path.join(root, 'kitty-specs', '001-demo');
  mkdirSync(mission, { recursive: true });
  writeFileSync(path.join(mission, 'meta.json'), '{"slug":"001-demo"}');
  const line = {
    actor: 'tester',
    at: '2026-09-01T10:00:00+00:00',
    event_id: '01M1E6PKC46CQ643DZVMXXQK00',
    from_lane: 'planned',
    to_lane: 'claimed',
    wp_id: 'WP01',
  };
  writeFileSync(path.join(mission, 'status.events.jsonl'), `${JSON.stringify(line)}\n`);
  return { id: PROJECT_ID, slug: 'demo', repoSlug: null, root, checkoutPath: '/repo', git: null };
}

/** Everything a drain does, with answers of every kind. */
async function useLedger(trial: LedgerTrial, route: Route): Promise<void> {
  const { db, clock, system } = trial;
  const now = clock.now();
  trial.captureKeyed('spec.md');
  trial.captureKeyed('spec.md');
  expect(open(db, { routeId: route.id, stream, faults: noFaults })).toBeGreaterThan(0);
  const drain = await claimDrain(db, system, route.id);
  expect(renewDrain(db, drain, now)).toBe(true);
  deliver(trial, route, drain, () => verdict('success'));
  const words = [verdict('success'), verdict('rejected'), verdict('terminal_failed', 'erased')];
  deliver(trial, route, drain, (index) => words[index % words.length] ?? null);
  releaseDrain(db, drain);
  const stop = { httpStatus: 503, code: 'server_error', detail: '', retryAfterMs: null };
  noteFailure(db, { routeId: route.id, stream }, { kind: 'backoff', ...stop }, now);
  noteSuccess(db, route.id, stream, now);
  readPacing(db, route.id, stream);
}

function deliver(
  trial: LedgerTrial,
  route: Route,
  drain: Drain,
  answer: (index: number) => ReturnType<typeof verdict> | null,
): void {
  const { db, clock } = trial;
  const now = clock.now();
  const genId = trial.generation(route).id;
  const due = selectDue(db, stream, { genId, after: 0, dueBy: now, limit: 500 });
  const items = stream.load(
    db,
    due.map((item) => item.seq),
  );
  const batch = begin(db, stream, { drain, genId, items, now });
  if (batch === null) throw new Error('the batch was not begun');
  const verdicts = batch.seqs.map((_, index) => answer(index));
  const said = { verdicts, httpStatus: 200, result: 'recorded' };
  record(db, stream, { drain, batch, ...said, now, faults: noFaults });
}

/** What an operator asks and changes. */
function operate(trial: LedgerTrial, route: Route): void {
  expect(listDelivered(trial.db, stream, { routeId: route.id, after: 0, limit: 10 })).toHaveLength(
    10,
  );
  const { db, clock } = trial;
  const parked = listParked(db, stream);
  expect(parked.length).toBeGreaterThan(10);
  attemptsOf(db, trial.generation(route).id, parked[0]?.seq ?? 0);
  retryParked(db, stream, parked.slice(0, 2));
  dropParked(db, STREAMS, parked.slice(2, 4));
  countCovered(db, route.id, EVENTS - 10);
  revoke(db, { routeId: route.id, by: 'test', now: clock.now(), streams: STREAMS });
  trial.grant('a');
}

function offences(trial: LedgerTrial, statements: readonly Watched[]): readonly string[] {
  return statements.flatMap((statement) =>
    wholeScans(trial.db, statement)
      .filter((scan) => GROWING.has(scan.split(':')[0] ?? ''))
      .map((scan) => `${scan} in ${statement.sql.replaceAll(/\s+/g, ' ').trim()}`),
  );
}

describe('at 100,000 events', () => {
  it('no statement of capture, import, delivery or status reads a growing table from end to end', {
    timeout: 60_000,
  }, async () => {
    const { trial, route } = largeTrial();
    const statements = watchStatements(trial.db);
    useJournal(trial);
    await useLedger(trial, route);
    operate(trial, route);
    const seen = statements();
    expect(seen.length).toBeGreaterThan(60);
    expect(offences(trial, seen)).toEqual([]);
  });

  it('the check sees a statement that does', () => {
    const trial = ledgerTrial();
    const bad = [
      'SELECT count(*) FROM events WHERE type = :type',
      'SELECT d.seq FROM routes r CROSS JOIN event_deliveries d WHERE d.route_id = r.route_id',
      'UPDATE event_deliveries SET due_at = 0 WHERE attempts = :attempts',
      'SELECT count(*) FROM event_deliveries d WHERE d.gen_id = 1 AND d.state = 4',
    ];
    const params = { type: 'x', attempts: 1 };
    const used = (sql: string): Watched['params'] =>
      Object.fromEntries(Object.entries(params).filter(([key]) => sql.includes(`:${key}`)));
    const found = bad.map((sql) => offences(trial, [{ sql, params: used(sql) }]).length);
    expect(found).toEqual([1, 1, 1, 1]);
  });
});
