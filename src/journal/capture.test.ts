import { describe, expect, it } from 'vitest';
import { envelope, envelopeBytes, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { LOCAL_TYPE, ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { refusal } from '../../test/support/refusal.ts';
import { faultsFrom, sha256Hex, type System } from '../base/index.ts';
import { parseEnvelope, type ParsedEnvelope, type ProjectId } from '../wire/index.ts';
import type { Fact } from './append.ts';
import { capture, type Receipt } from './capture.ts';
import { countConflicts } from './conflicts.ts';
import { nodeIdOf, readHead } from './head.ts';
import type { Journal } from './journal.ts';
import { isKnown, readFacts } from './read.ts';
import { dropPayloads } from './retention/payloads.ts';

const OTHER_PROJECT = '7d1c0b5e-2f4a-4c6d-9e8f-0a1b2c3d4e5f' as ProjectId;

function journalOf(trial: LedgerTrial, system: System = trial.system): Journal {
  return { db: trial.db, projectId: PROJECT_ID, checkoutId: trial.checkout, system };
}

function fact(event: ParsedEnvelope, more: Partial<Fact> = {}): Fact {
  return { event, origin: 'envelope', source: null, ...more };
}

function parsed(text: string | Uint8Array): ParsedEnvelope {
  const result = parseEnvelope(Buffer.from(text));
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function captureAll(trial: LedgerTrial, events: readonly ParsedEnvelope[]): readonly Receipt[] {
  return capture(
    journalOf(trial),
    events.map((event) => fact(event)),
  );
}

function head(trial: LedgerTrial): { lamport: number; captured: number; ineligible: number } {
  const { lamport, captured, ineligible } = readHead(trial.db, trial.system.host);
  return { lamport, captured, ineligible };
}

describe('capture', () => {
  it('writes each fact as its own row, in order, with the bytes that came', () => {
    const trial = ledgerTrial();
    const text = Buffer.from(envelopeBytes(1)).toString();
    const odd = `  ${text.replace('"payload":', '"payload" : ').replace('"n":1', '"n":1.0')}\n`;
    const receipts = captureAll(trial, [parsed(odd), envelope(2), envelope(3)]);
    expect(receipts).toEqual(
      [1, 2, 3].map((n) => ({ eventId: eventId(n), status: 'captured', seq: n, eligible: true })),
    );
    const [row] = trial.db.all<{ payload: Buffer; sha256: string; bytes: number }>(
      'SELECT p.payload, e.sha256, e.bytes FROM events e JOIN event_payloads p ON p.seq = e.seq',
    );
    expect(row?.payload.toString()).toBe(odd.trim());
    expect(row).toMatchObject({ sha256: sha256Hex(odd.trim()), bytes: odd.trim().length });
  });

  it('notes what delivery and people need to find it again', () => {
    const trial = ledgerTrial();
    const source = {
      path: 'kitty-specs/x/status.events.jsonl',
      line: 7,
      statedProjectId: OTHER_PROJECT,
    };
    capture(journalOf(trial), [
      fact(envelope(1), { origin: 'import', source: { ...source, mission: '009-folder' } }),
      fact(envelope(2, { payload: '{}' }), {
        origin: 'import',
        source: { ...source, mission: '009-folder' },
      }),
    ]);
    expect(trial.db.get('SELECT * FROM events WHERE seq = 1')).toMatchObject({
      event_id: eventId(1),
      project_id: PROJECT_ID,
      checkout_id: trial.checkout,
      origin: 3,
      type: 'WPStatusChanged',
      family: 3,
      eligible: 1,
      aggregate_type: 'WorkPackage',
      aggregate_id: 'WP01',
      mission: '001-demo',
      coalesce_key: null,
      occurred_at: Date.UTC(2026, 2, 14, 9, 26, 53),
      captured_at: trial.clock.now(),
    });
    expect(trial.db.get('SELECT mission FROM events WHERE seq = 2')).toEqual({
      mission: '009-folder',
    });
    expect(trial.db.get('SELECT * FROM provenance WHERE seq = 1')).toEqual({
      seq: 1,
      source: source.path,
      line: 7,
      stated_project_id: OTHER_PROJECT,
    });
  });

  it('keeps the journal dense: what was known leaves no gap', () => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1), envelope(2)]);
    const receipts = captureAll(trial, [
      envelope(2),
      envelope(3),
      envelope(1),
      envelope(4),
      envelope(4),
    ]);
    expect(receipts.map((each) => each.seq)).toEqual([null, 3, null, 4, null]);
    expect(receipts.map((each) => each.status)).toEqual([
      'known',
      'captured',
      'known',
      'captured',
      'known',
    ]);
    expect(readFacts(trial.db)).toMatchObject({ captured: 4, lastSeq: 4 });
    expect(isKnown(trial.db, eventId(4))).toBe(true);
    expect(isKnown(trial.db, eventId(5))).toBe(false);
  });

  it('keeps what may never leave, and counts it apart', () => {
    const trial = ledgerTrial();
    const start = trial.clock.now();
    const receipts = captureAll(trial, [
      envelope(1),
      envelope(2, { type: LOCAL_TYPE }),
      envelope(3, { type: 'SomethingFromTomorrow' }),
      envelope(4, { type: 'BuildHeartbeat' }),
    ]);
    expect(receipts.map((each) => each.eligible)).toEqual([true, false, true, true]);
    expect(head(trial)).toMatchObject({ captured: 4, ineligible: 1 });
    expect(readFacts(trial.db)).toEqual({
      captured: 4,
      ineligible: 1,
      lastSeq: 4,
      oldestCapturedAt: start,
    });
  });

  it('of nothing is nothing', () => {
    const trial = ledgerTrial();
    expect(captureAll(trial, [])).toEqual([]);
    expect(readFacts(trial.db)).toEqual({
      captured: 0,
      ineligible: 0,
      lastSeq: 0,
      oldestCapturedAt: null,
    });
    expect(head(trial)).toEqual({ lamport: 0, captured: 0, ineligible: 0 });
  });

  it('stands or falls with the rows that belong to it', () => {
    const trial = ledgerTrial();
    const remember = (): void => {
      trial.db.run(`INSERT INTO checkouts (path, first_seen_at) VALUES ('/third', 1)`);
    };
    const fails = (): void => {
      remember();
      throw new Error('no');
    };
    expect(() => capture(journalOf(trial), [fact(envelope(1))], fails)).toThrow('no');
    expect(readFacts(trial.db).captured).toBe(0);
    capture(journalOf(trial), [fact(envelope(1))], remember);
    expect(trial.db.get(`SELECT path FROM checkouts WHERE path = '/third'`)).toBeDefined();
  });

  it.each(['capture.begin', 'capture.append', 'capture.append:2', 'capture.commit'])(
    'keeps nothing at all when it fails at %s, and may be repeated',
    (point) => {
      const trial = ledgerTrial();
      const faults = faultsFrom(point, () => {
        throw new Error('power cut');
      });
      const failing = journalOf(trial, { ...trial.system, faults });
      const facts = [fact(envelope(1)), fact(envelope(2))];
      expect(() => capture(failing, facts)).toThrow('power cut');
      expect(
        trial.db.all('SELECT seq FROM events UNION ALL SELECT seq FROM event_payloads'),
      ).toEqual([]);
      expect(head(trial)).toEqual({ lamport: 0, captured: 0, ineligible: 0 });
      expect(capture(journalOf(trial), facts).map((each) => each.seq)).toEqual([1, 2]);
    },
  );

  it('that fails behind its commit has kept everything, and repeating it adds nothing', () => {
    const trial = ledgerTrial();
    const faults = faultsFrom('capture.acknowledge', () => {
      throw new Error('power cut');
    });
    const facts = [fact(envelope(1))];
    expect(() => capture(journalOf(trial, { ...trial.system, faults }), facts)).toThrow(
      'power cut',
    );
    expect(capture(journalOf(trial), facts)).toMatchObject([{ status: 'known', seq: null }]);
    expect(readFacts(trial.db).captured).toBe(1);
  });

  it.each([OTHER_PROJECT, null])(
    'refuses a fact of project %s, and everything that came with it',
    (id) => {
      const trial = ledgerTrial();
      const foreign = parsed(
        Buffer.from(envelopeBytes(2))
          .toString()
          .replace(JSON.stringify(PROJECT_ID), JSON.stringify(id)),
      );
      const error = refusal(() => captureAll(trial, [envelope(1), foreign]));
      expect(error.code).toBe('capture_failed');
      expect(error.message).toContain(eventId(2));
      expect(readFacts(trial.db).captured).toBe(0);
    },
  );
});

describe('the Lamport clock', () => {
  it('is the highest value that came in, and never goes back', () => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1, { lamport: 7 }), envelope(2, { lamport: 3 })]);
    expect(head(trial).lamport).toBe(7);
    captureAll(trial, [envelope(3, { lamport: 5 })]);
    expect(head(trial).lamport).toBe(7);
    captureAll(trial, [envelope(1, { lamport: 99 })]);
    expect(head(trial).lamport).toBe(7);
  });

  it('ignores a foreign value that nobody gets to by counting, and keeps it in its event', () => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1, { lamport: 7 })]);
    captureAll(trial, [envelope(2, { lamport: Number.MAX_SAFE_INTEGER })]);
    expect(head(trial).lamport).toBe(7);
    const payload = trial.db.get<{ payload: Buffer }>(
      'SELECT payload FROM event_payloads WHERE seq = 2',
    );
    expect(payload?.payload.toString()).toContain(`"lamport_clock":${Number.MAX_SAFE_INTEGER}`);
  });

  it('takes the rest of a batch with such a value as it is', () => {
    const trial = ledgerTrial();
    captureAll(trial, [
      envelope(1, { lamport: Number.MAX_SAFE_INTEGER }),
      envelope(2, { lamport: 9 }),
    ]);
    expect(head(trial).lamport).toBe(9);
  });

  it('belongs to a node named by host and user', () => {
    const trial = ledgerTrial();
    expect(nodeIdOf(trial.system.host)).toBe('e79b718edb1a');
    captureAll(trial, [envelope(1)]);
    expect(readHead(trial.db, { ...trial.system.host, user: 'bob' }).nodeId).toBe('e79b718edb1a');
  });
});

describe('a known id', () => {
  const original = '{"a":1,"b":{"c":[1,2]}}';

  it.each([
    ['another producer', { lamport: 99 }],
    ['keys in another order', { payload: '{"b":{"c":[1,2]},"a":1}' }],
    ['other white space', { payload: '{ "a" : 1, "b":{ "c":[ 1,2 ] } }' }],
    ['another escape', { payload: '{"\\u0061":1,"b":{"c":[1,2]}}' }],
  ])('with the same fact in another envelope is known: %s', (_what, options) => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1, { payload: original })]);
    const again = envelope(1, { payload: original, ...options });
    expect(captureAll(trial, [again])).toMatchObject([{ status: 'known', seq: null }]);
    expect(countConflicts(trial.db)).toBe(0);
  });

  it.each([
    ['another value', { payload: '{"a":2,"b":{"c":[1,2]}}' }],
    ['a number spelled otherwise', { payload: '{"a":1.0,"b":{"c":[1,2]}}' }],
    ['another order in a list', { payload: '{"a":1,"b":{"c":[2,1]}}' }],
    ['one key more', { payload: '{"a":1,"b":{"c":[1,2]},"d":null}' }],
    ['another type', { type: 'WPAssigned' }],
    ['another aggregate', { aggregateId: 'WP02' }],
    ['another time', { timestamp: '2026-03-14T09:26:54.000Z' }],
  ])(
    'with another fact is a conflict, the first is kept and both are there: %s',
    (_what, options) => {
      const trial = ledgerTrial();
      const first = envelope(1, { payload: original });
      const other = envelope(1, { payload: original, ...options });
      captureAll(trial, [first]);
      const source = { path: 'a.jsonl', line: 3, statedProjectId: null, mission: null };
      const receipts = capture(journalOf(trial), [
        fact(other, { origin: 'import', source }),
        fact(envelope(2)),
      ]);
      expect(receipts.map((each) => each.status)).toEqual(['conflict', 'captured']);
      const kept = trial.db.get<{ payload: Buffer }>(
        'SELECT payload FROM event_payloads WHERE seq = 1',
      );
      expect(kept?.payload).toEqual(Buffer.from(first.bytes));
      expect(trial.db.all('SELECT * FROM conflicts')).toEqual([
        {
          event_id: eventId(1),
          incoming_sha256: other.sha256,
          existing_sha256: first.sha256,
          incoming: Buffer.from(other.bytes),
          source: 'a.jsonl:3',
          noted_at: trial.clock.now(),
        },
      ]);
    },
  );

  it('with another fact is reported each time and kept once', () => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1)]);
    const other = envelope(1, { payload: '{"another":1}' });
    for (let round = 0; round < 3; round += 1) {
      expect(captureAll(trial, [other])[0]?.status).toBe('conflict');
    }
    expect(countConflicts(trial.db)).toBe(1);
    captureAll(trial, [envelope(1, { payload: '{"a third":1}' })]);
    expect(countConflicts(trial.db)).toBe(2);
    expect(trial.db.get('SELECT source FROM conflicts')).toEqual({ source: 'envelope' });
  });

  it('whose payload was dropped is told from another fact by what it stated', () => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1, { payload: '{"a":1,"b":"\\u00e9"}' })]);
    dropPayloads(trial.db, { seqs: [1], archiveId: null, now: 1 });
    const statusOf = (event: ParsedEnvelope) => captureAll(trial, [event])[0]?.status;
    const again = { payload: '{"b":"é", "a":1}', lamport: 77 };
    expect(statusOf(envelope(1, again))).toBe('known');
    expect(countConflicts(trial.db)).toBe(0);
    const later = { ...again, timestamp: '2026-03-14T09:26:54.000Z' };
    for (const other of [{ payload: '{"a":1.0,"b":"é"}' }, later]) {
      expect(statusOf(envelope(1, other))).toBe('conflict');
    }
    expect(trial.db.all('SELECT incoming FROM conflicts')).toHaveLength(2);
  });

  it.each([
    ['is missing', `INSERT INTO gc_permits VALUES (1, 'gc', 1); DELETE FROM event_payloads`],
    ['was changed', `DROP TRIGGER payloads_no_update; UPDATE event_payloads SET payload = x'7b'`],
  ])('whose payload %s is kept, for nothing is left to compare with', (_how, sql) => {
    const trial = ledgerTrial();
    captureAll(trial, [envelope(1)]);
    trial.db.exec(sql);
    expect(captureAll(trial, [envelope(1)])[0]?.status).toBe('known');
    const other = envelope(1, { payload: '{"another":1}' });
    expect(captureAll(trial, [other])[0]?.status).toBe('conflict');
    expect(countConflicts(trial.db)).toBe(1);
  });
});
