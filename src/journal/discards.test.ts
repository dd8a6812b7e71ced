import { describe, expect, it } from 'vitest';
import { envelope, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { activate } from '../delivery/index.ts';
import type { CaptureRules, SyncMode } from '../home/index.ts';
import type { Fact } from './append.ts';
import { capture, type Receipt } from './capture.ts';
import { countConflicts } from './conflicts.ts';
import { countDiscards, listAudit } from './discards.ts';
import { readFacts } from './read.ts';

const TYPE_OF = {
  local_only: 'MissionReopened',
  explicitly_discardable: 'BuildHeartbeat',
  teamspace_bound: 'WPStatusChanged',
  unknown: 'FromTomorrow',
} as const;

const REFUSE: CaptureRules = { machineMode: 'OPT_OUT', optOutPolicy: 'refuse' };
const AUDIT: CaptureRules = { machineMode: 'OPT_OUT', optOutPolicy: 'audit' };
const KEEP: CaptureRules = { machineMode: 'TEAMSPACE', optOutPolicy: 'audit' };

function take(trial: LedgerTrial, rules: CaptureRules, facts: readonly Fact[]): readonly Receipt[] {
  const { db, system, checkout } = trial;
  return capture({ db, system, projectId: PROJECT_ID, checkoutId: checkout, rules }, facts);
}

function fact(n: number, type: string, payload?: string): Fact {
  const event = envelope(n, { type, ...(payload === undefined ? {} : { payload }) });
  return { event, origin: 'envelope', source: null };
}

function choose(trial: LedgerTrial, mode: SyncMode | 'NONSENSE'): void {
  activate(trial.db, { mode, routeId: null }, 1);
}

/** Events in the journal, those of them that may never leave, and what was dropped. */
function kept(trial: LedgerTrial): readonly number[] {
  const { captured, ineligible } = readFacts(trial.db);
  const { audited, discarded } = countDiscards(trial.db);
  return [captured, ineligible, audited, discarded];
}

describe('capture under OPT_OUT', () => {
  it.each([
    ['local_only', REFUSE, 'discarded', 'discard_allowed', [0, 0, 0, 1]],
    ['local_only', AUDIT, 'discarded', 'discard_allowed', [0, 0, 0, 1]],
    ['explicitly_discardable', REFUSE, 'discarded', 'discard_allowed', [0, 0, 0, 1]],
    ['explicitly_discardable', AUDIT, 'discarded', 'discard_allowed', [0, 0, 0, 1]],
    ['teamspace_bound', REFUSE, 'captured', 'refused', [1, 1, 0, 0]],
    ['teamspace_bound', AUDIT, 'discarded', 'audit_recorded', [0, 0, 1, 0]],
    ['unknown', REFUSE, 'captured', 'refused', [1, 1, 0, 0]],
    ['unknown', AUDIT, 'discarded', 'audit_recorded', [0, 0, 1, 0]],
  ] as const)('%s with %j: %s', (...row) => {
    const [family, rules, status, optOut, counts] = row;
    const trial = ledgerTrial();
    const [receipt] = take(trial, rules, [fact(1, TYPE_OF[family])]);
    expect(receipt).toMatchObject({ eventId: eventId(1), status, optOut, eligible: false });
    expect(kept(trial)).toEqual(counts);
  });

  it('puts id, type, hash, time, source and reason of what it drops on record, and nothing of what it said', () => {
    const trial = ledgerTrial();
    const source = { path: 'kitty-specs/x/status.events.jsonl', line: 7, statedProjectId: null };
    const imported = fact(1, 'WPStatusChanged', '{"secret":"sentinel"}');
    take(trial, AUDIT, [{ ...imported, origin: 'import', source: { ...source, mission: 'x' } }]);
    expect(listAudit(trial.db, 0, 10)).toEqual([
      {
        id: 1,
        eventId: eventId(1),
        type: 'WPStatusChanged',
        family: 'teamspace_bound',
        sha256: imported.event.sha256,
        source: 'kitty-specs/x/status.events.jsonl:7',
        reason: 'mode OPT_OUT with opt_out_policy = "audit"',
        discardedAt: trial.clock.now(),
      },
    ]);
    expect(trial.db.all('SELECT * FROM event_payloads')).toEqual([]);
    expect(JSON.stringify(trial.db.all('SELECT * FROM audit'))).not.toContain('sentinel');
  });

  it('keeps the record for ever', () => {
    const trial = ledgerTrial();
    take(trial, AUDIT, [fact(1, 'WPStatusChanged')]);
    for (const sql of ['DELETE FROM audit', "UPDATE audit SET reason = ''"]) {
      expect(() => {
        trial.db.exec(sql);
      }).toThrow('the record of what was discarded stays');
    }
  });

  it('stands or falls with the transaction: a failing one leaves no record and no count', () => {
    const trial = ledgerTrial();
    const { db, system, checkout } = trial;
    const journal = { db, system, projectId: PROJECT_ID, checkoutId: checkout, rules: AUDIT };
    const facts = [fact(1, 'WPStatusChanged'), fact(2, 'BuildHeartbeat')];
    const fail = (): void => {
      throw new Error('power cut');
    };
    expect(() => capture(journal, facts, fail)).toThrow('power cut');
    expect(kept(trial)).toEqual([0, 0, 0, 0]);
  });

  it('records a fact once, however often it comes', () => {
    const trial = ledgerTrial();
    const facts = [fact(1, 'WPStatusChanged'), fact(1, 'WPStatusChanged')];
    expect(take(trial, AUDIT, facts).map(({ status }) => status)).toEqual(['discarded', 'known']);
    const [again] = take(trial, AUDIT, [fact(1, 'WPStatusChanged')]);
    expect(again).toMatchObject({ status: 'known', optOut: 'audit_recorded', seq: null });
    expect(kept(trial)).toEqual([0, 0, 1, 0]);
  });

  it('brings nothing back that is on record when the mode changes, and records what is new', () => {
    const trial = ledgerTrial();
    take(trial, AUDIT, [fact(1, 'WPStatusChanged')]);
    const [before, fresh] = take(trial, KEEP, [
      fact(1, 'WPStatusChanged'),
      fact(2, 'WPStatusChanged'),
    ]);
    expect(before).toMatchObject({ status: 'known', optOut: 'audit_recorded' });
    expect(fresh).toEqual({ eventId: eventId(2), status: 'captured', seq: 1, eligible: true });
    expect(kept(trial)).toEqual([1, 0, 1, 0]);
  });

  it('knows what the journal holds: a repetition is known and a contradiction is kept', () => {
    const trial = ledgerTrial();
    take(trial, KEEP, [fact(1, 'WPStatusChanged'), fact(2, 'BuildHeartbeat')]);
    const again = take(trial, AUDIT, [
      fact(1, 'WPStatusChanged'),
      fact(2, 'BuildHeartbeat', '{"build_id":"other"}'),
    ]);
    expect(again.map(({ status, optOut }) => [status, optOut])).toEqual([
      ['known', undefined],
      ['conflict', undefined],
    ]);
    expect(countConflicts(trial.db)).toBe(1);
    expect(kept(trial)).toEqual([2, 0, 0, 0]);
  });

  it('never lets what was kept under it leave, in any later mode, and the books say so', () => {
    const trial = ledgerTrial();
    take(trial, REFUSE, [fact(1, 'WPStatusChanged'), fact(2, 'FromTomorrow')]);
    const route = trial.grant('a');
    take(trial, KEEP, [fact(1, 'WPStatusChanged'), fact(3, 'WPStatusChanged')]);
    const books = trial.books(route);
    expect(books).toMatchObject({ captured: 3, neverEligible: 2, unopened: 1, balanced: true });
  });
});

describe('the mode that holds', () => {
  it('is the project’s own before the machine’s', () => {
    const trial = ledgerTrial();
    choose(trial, 'TEAMSPACE');
    expect(take(trial, AUDIT, [fact(1, 'WPStatusChanged')])[0]).toMatchObject({ eligible: true });
    choose(trial, 'OPT_OUT');
    const [dropped] = take(trial, KEEP, [fact(2, 'WPStatusChanged')]);
    expect(dropped).toMatchObject({ status: 'discarded', optOut: 'audit_recorded' });
  });

  it('keeps everything when the project’s word is no mode', () => {
    const trial = ledgerTrial();
    choose(trial, 'NONSENSE');
    const receipts = take(trial, AUDIT, [fact(1, 'WPStatusChanged'), fact(2, 'BuildHeartbeat')]);
    expect(receipts).toMatchObject([
      { status: 'captured', eligible: true },
      { status: 'captured', eligible: true },
    ]);
  });
});
