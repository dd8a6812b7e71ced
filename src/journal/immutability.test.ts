import { describe, expect, it } from 'vitest';
import { ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';

// What the database itself refuses, whoever holds the pen.

/** The first event again, as a row of its own: `columns` says what is different. */
function copyOfFirst(columns: Readonly<Record<string, string>>): string {
  const names = [
    'event_id',
    'project_id',
    'origin',
    'type',
    'family',
    'eligible',
    'aggregate_type',
    'aggregate_id',
    'sha256',
    'bytes',
    'occurred_at',
    'captured_at',
  ];
  const values = names.map((name) => columns[name] ?? name);
  return `INTO events (${names.join()}) SELECT ${values.join()} FROM events WHERE seq = 1`;
}

const ANOTHER_PROJECT = copyOfFirst({ event_id: `'another'`, project_id: `'another'` });

function journal(trial: LedgerTrial): readonly object[] {
  return trial.db.all(
    'SELECT e.*, p.payload FROM events e LEFT JOIN event_payloads p ON p.seq = e.seq',
  );
}

describe('a row of the journal', () => {
  it.each([
    ['immutable', `UPDATE events SET type = 'Other' WHERE seq = 1`],
    ['immutable', `UPDATE events SET eligible = 0`],
    ['immutable', `UPDATE events SET seq = 9 WHERE seq = 2`],
    ['immutable', `DELETE FROM events WHERE seq = 2`],
    ['immutable', `DELETE FROM events`],
    [
      'immutable',
      `REPLACE INTO event_payloads SELECT 1, zeroblob(bytes) FROM events WHERE seq = 1`,
    ],
    ['immutable', `UPDATE event_payloads SET payload = zeroblob(length(payload)) WHERE seq = 1`],
    ['by gc alone', `DELETE FROM event_payloads WHERE seq = 1`],
    ['by gc alone', `DELETE FROM event_payloads`],
    ['FOREIGN KEY', `INSERT ${ANOTHER_PROJECT}`],
    ['FOREIGN KEY', `INSERT INTO gc_permits VALUES (99, 'gc', 1)`],
    ['FOREIGN KEY', `INSERT INTO provenance (seq, source, line) VALUES (99, 'x', 1)`],
    ['CHECK', `UPDATE journal_head SET captured = -1`],
    ['cannot store TEXT', `UPDATE journal_head SET lamport = 'high'`],
    ['CHECK', `INSERT INTO store (one, project_id, created_at) VALUES (2, 'another', 1)`],
    ['FOREIGN KEY', `UPDATE store SET project_id = 'another'`],
  ])('refuses %s: %s', (why, sql) => {
    const trial = ledgerTrial();
    trial.capture(2);
    const before = journal(trial);
    expect(() => trial.db.run(sql)).toThrow(why);
    expect(journal(trial)).toEqual(before);
  });

  it.each([
    ['by its id', `REPLACE ${copyOfFirst({ aggregate_id: `'WP99'` })}`],
    [
      'by its position',
      `REPLACE INTO events SELECT seq, 'another', project_id, checkout_id, origin, type, family,
      eligible, aggregate_type, 'WP99', mission, coalesce_key, sha256, bytes, occurred_at, captured_at
      FROM events WHERE seq = 2`,
    ],
    ['by its id, however it is asked', `INSERT OR IGNORE ${copyOfFirst({})}`],
  ])('is not replaced %s', (_how, sql) => {
    const trial = ledgerTrial();
    trial.capture(2);
    const before = journal(trial);
    expect(trial.db.run(sql).changes).toBe(0);
    expect(journal(trial)).toEqual(before);
  });

  it('loses its payload with a permit of gc alone, and gets it back only at its own length', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    const before = journal(trial);
    const { payload } = trial.db.get<{ payload: Buffer }>(
      'SELECT payload FROM event_payloads WHERE seq = 1',
    ) ?? { payload: Buffer.alloc(0) };
    trial.db.exec(`INSERT INTO gc_permits VALUES (1, 'delivered everywhere', 1)`);
    expect(trial.db.run('DELETE FROM event_payloads WHERE seq = 1').changes).toBe(1);
    expect(trial.db.all('SELECT seq FROM events')).toHaveLength(2);
    const restore = 'INSERT INTO event_payloads VALUES (1, :payload)';
    expect(() => trial.db.run(restore, { payload: payload.subarray(1) })).toThrow('length differs');
    trial.db.run(restore, { payload });
    expect(journal(trial)).toEqual(before);
  });
});
