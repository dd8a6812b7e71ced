import { describe, expect, it } from 'vitest';
import { PROJECT_ID } from '../../../test/support/envelopes.ts';
import { ledgerTrial, type LedgerTrial } from '../../../test/support/ledger-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { noFaults } from '../../base/index.ts';
import { open } from '../generations.ts';
import { openReplay, openReplayPage } from '../replay.ts';
import { eventsStream as stream } from '../stream.ts';
import { readHistory } from './history.ts';
import { listAfter, listEvents, type LogFilter } from './log.ts';

const EVENTS = 30_000;
const NOTHING_ASKED: LogFilter = {
  ...{ mission: null, type: null, since: null, until: null, state: null, routeId: null },
};
const GROWING =
  /^(?:events|event_payloads|event_deliveries|provenance|gc_permits|batches|attempts):/;

const MAKE = `
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
  INSERT INTO events (seq, event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
    aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
  SELECT n, printf('01KVYWRG%018d', n), :projectId, 1, 1, iif(n = 7, 'Rare', 'WPStatusChanged'), 3, 1,
    'WorkPackage', 'WP01', iif(n % 10 = 0, 'm', NULL), NULL, :hash, 2, n, n FROM n`;

function large(): LedgerTrial {
  const trial = ledgerTrial();
  trial.db.tx(() => {
    trial.db.run(MAKE, { count: EVENTS, projectId: PROJECT_ID, hash: 'f'.repeat(64) });
    trial.db.run(`INSERT INTO event_payloads SELECT seq, CAST('{}' AS BLOB) FROM events`);
    trial.db.run(`INSERT INTO journal_head SELECT 1, 'aaaaaaaaaaaa', 0, count(*), 0 FROM events`);
  });
  return trial;
}

describe('the log of a long journal', () => {
  it('reads a bounded part of it with every statement, and finds what is rare all the same', () => {
    const trial = large();
    const { db } = trial;
    const route = trial.grant('a');
    while (open(db, { routeId: route.id, stream, faults: noFaults }) > 0);
    db.run(`UPDATE event_deliveries SET state = 3, reason = 'erased' WHERE seq = 9`);
    const statements = watchStatements(db);
    const idsOf = (filter: Partial<LogFilter>, limit = 5): readonly number[] =>
      listEvents(db, {
        filter: { ...NOTHING_ASKED, ...filter },
        before: null,
        limit,
      }).entries.map(({ seq }) => seq);
    expect(idsOf({})).toEqual([30_000, 29_999, 29_998, 29_997, 29_996]);
    expect(idsOf({ type: 'Rare' })).toEqual([7]);
    expect(idsOf({ mission: 'm' }, 2)).toEqual([30_000, 29_990]);
    expect(idsOf({ since: 11, until: 13 })).toEqual([12, 11]);
    expect(idsOf({ state: 'parked', routeId: route.id })).toEqual([9]);
    expect(idsOf({ state: 'delivered' })).toEqual([]);
    expect(idsOf({ state: 'unopened' })).toEqual([]);
    expect(idsOf({ routeId: route.id }, 1)).toEqual([30_000]);
    expect(listAfter(db, 29_998, 5).map(({ seq }) => seq)).toEqual([29_999, 30_000]);
    expect(readHistory(db, `01KVYWRG${'9'.padStart(18, '0')}`)?.targets[0]?.standing).toBe(
      'parked',
    );
    const filter = { mission: 'm', type: null, since: null, until: null };
    const genId = openReplay(db, { routeId: route.id, stream, filter, now: 1 });
    while (openReplayPage(db, stream, genId, noFaults) > 0);
    const scans = statements().flatMap((statement) =>
      wholeScans(db, statement).filter((scan) => GROWING.test(scan)),
    );
    expect(scans).toEqual([]);
  });

  it('gives pages that meet without a gap, whatever their size', () => {
    const trial = ledgerTrial();
    trial.capture(25);
    for (const limit of [1, 4, 25, 26]) {
      const seen: number[] = [];
      let before: number | null = null;
      do {
        const page = listEvents(trial.db, { filter: NOTHING_ASKED, before, limit });
        seen.push(...page.entries.map(({ seq }) => seq));
        before = page.before;
      } while (before !== null);
      expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => 25 - n));
    }
  });
});

describe('the history of an event', () => {
  it('says why there is no delivery where there is none', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    trial.grant('late', { fromNow: true });
    const early = trial.grant('early');
    trial.capture(2);
    trial.db.run(`INSERT INTO gc_permits VALUES (2, 'gc', 5)`);
    trial.db.run('DELETE FROM event_payloads WHERE seq = 2');
    const standings = (seq: number): readonly string[] => {
      const sql = 'SELECT event_id AS id FROM events WHERE seq = :seq';
      const id = trial.db.get<{ id: string }>(sql, { seq })?.id ?? '';
      return readHistory(trial.db, id)?.targets.map(({ standing }) => standing) ?? [];
    };
    while (open(trial.db, { routeId: early.id, stream, faults: noFaults }) > 0);
    expect(standings(1)).toEqual(['before_start', 'queued']);
    expect(standings(2)).toEqual(['unopened', 'dropped']);
    expect(standings(3)).toEqual(['unopened', 'queued']);
    expect(readHistory(trial.db, 'nothing')).toBeNull();
  });
});
