import { expect, it } from 'vitest';
import { envelope, PROJECT_ID } from '../../../test/support/envelopes.ts';
import { ledgerTrial, type LedgerTrial } from '../../../test/support/ledger-trial.ts';
import { capture } from '../capture.ts';
import type { Journal } from '../journal.ts';
import { salvageEvents } from './salvage.ts';

it('takes what was never to leave as what it was', () => {
  const [damaged, anew] = [ledgerTrial(), ledgerTrial()];
  const journalOf = ({ db, system, checkout }: LedgerTrial): Journal => ({
    db,
    system,
    projectId: PROJECT_ID,
    checkoutId: checkout,
  });
  const fact = { event: envelope(1), origin: 'emit', source: null } as const;
  const own = { ...fact, event: envelope(2), staysHere: true } as const;
  capture(journalOf(damaged), [fact, own]);
  expect(salvageEvents(journalOf(anew), damaged.db)).toBe(2);
  expect(anew.db.all('SELECT event_id, eligible FROM events ORDER BY seq')).toEqual([
    { event_id: fact.event.envelope.eventId, eligible: 1 },
    { event_id: own.event.envelope.eventId, eligible: 0 },
  ]);
  expect(salvageEvents(journalOf(anew), damaged.db)).toBe(0);
});
