import { describe, expect, it } from 'vitest';
import { envelope, eventId } from '../../test/support/envelopes.ts';
import { LOCAL_TYPE, ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { watchStatements, wholeScans } from '../../test/support/statement-watch.ts';
import { diagnose } from './diagnosis.ts';
import { waitingEvents, type WaitingEvent } from './waiting.ts';

const MANY = 100;

function waiting(trial: LedgerTrial, limit = MANY): readonly string[] {
  return [...waitingEvents(trial.db, limit)].map(({ eventId: id }) => id);
}

function settle(trial: LedgerTrial, seq: number, state: number, reason: string | null): void {
  const set = 'UPDATE event_deliveries SET state = :state, reason = :reason WHERE seq = :seq';
  trial.db.run(set, { seq, state, reason });
}

/** Opens what is captured so far, as a drain does. */
function open(trial: LedgerTrial, name: string, upTo: number): void {
  const route = trial.route(name);
  const { id } = trial.generation(route);
  for (let seq = 1; seq <= upTo; seq += 1) {
    trial.db.run(
      'INSERT INTO event_deliveries (gen_id, seq, route_id, state) VALUES (:id, :seq, :routeId, 1)',
      { id, seq, routeId: route.id },
    );
  }
  trial.db.run('UPDATE generations SET next_seq = :next WHERE gen_id = :id', {
    id,
    next: upTo + 1,
  });
}

describe('what waits', () => {
  it('is everything that may leave, while nothing is permitted', () => {
    const trial = ledgerTrial();
    trial.capture(2);
    trial.capture(1, { type: LOCAL_TYPE });
    expect(waiting(trial)).toEqual([eventId(1), eventId(2)]);
    expect(waiting(trial, 1)).toEqual([eventId(1)]);
  });

  it('is what is queued, parked or not opened at some target, in order and once', () => {
    const trial = ledgerTrial();
    trial.capture(6);
    trial.grant('a');
    trial.grant('b');
    open(trial, 'a', 5);
    open(trial, 'b', 4);
    for (const seq of [1, 2, 3, 4, 5, 6]) settle(trial, seq, 2, null);
    expect(waiting(trial)).toEqual([eventId(5), eventId(6)]);
  });

  it('is found without a look at what was delivered', () => {
    const trial = ledgerTrial();
    trial.capture(3);
    trial.grant('a');
    open(trial, 'a', 2);
    settle(trial, 1, 3, 'schema_invalid');
    const seen = watchStatements(trial.db);
    expect(waiting(trial)).toEqual([eventId(1), eventId(2), eventId(3)]);
    const scans = seen().flatMap((each) => wholeScans(trial.db, each));
    expect(
      scans.filter((each) => /^(?:events|event_deliveries|event_payloads):/.test(each)),
    ).toEqual([]);
  });
});

describe('diagnose', () => {
  const event = (type: string, payload?: string): WaitingEvent => {
    const parsed = envelope(1, { type, ...(payload === undefined ? {} : { payload }) });
    const { bytes, sha256 } = parsed;
    return { eventId: eventId(1), type, sha256, bytes, isSetAside: false };
  };

  it('finds nothing wrong with what fits its schema', () => {
    expect(diagnose(event('BuildHeartbeat', '{"build_id":"b"}'))).toMatchObject({
      valid: true,
      errors: [],
      notes: [],
      category: null,
    });
  });

  it('points at what does not fit', () => {
    const { valid, errors, category } = diagnose(event('BuildHeartbeat', '{}'));
    expect({ valid, category }).toEqual({ valid: false, category: 'schema_mismatch' });
    expect(errors.join()).toContain('payload/build_id');
  });

  it('lets an unknown kind travel, and says so', () => {
    const { valid, notes } = diagnose(event('FromTomorrow'));
    expect(valid).toBe(true);
    expect(notes.join()).toContain('a strict receiver refuses it');
  });

  it('tells bytes that changed, went or were set aside from those of a bad producer', () => {
    const sound = event('BuildHeartbeat', '{}');
    for (const changed of [
      { bytes: null },
      { bytes: Buffer.from('{}') },
      { isSetAside: true },
    ] as const) {
      expect(diagnose({ ...sound, ...changed })).toMatchObject({
        valid: false,
        category: 'damaged',
      });
    }
    const noEnvelope = Buffer.from('{}');
    const sha256 = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';
    expect(diagnose({ ...sound, bytes: noEnvelope, sha256 })).toMatchObject({
      valid: false,
      category: 'schema_mismatch',
    });
  });
});
