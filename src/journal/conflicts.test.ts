import { expect, it } from 'vitest';
import { envelope, PROJECT_ID } from '../../test/support/envelopes.ts';
import { ledgerTrial } from '../../test/support/ledger-trial.ts';
import { capture } from './capture.ts';

it.each([
  ['the same instant in another spelling', '2026-03-14T10:26:53.000+01:00', 'known'],
  ['another instant', '2026-03-14T09:26:54.000Z', 'conflict'],
])('a known id with %s is %s', (_what, timestamp, status) => {
  const { db, system } = ledgerTrial();
  const journal = { db, system, projectId: PROJECT_ID, checkoutId: null };
  const fact = (text: string) =>
    ({
      event: envelope(1, { timestamp: text }),
      origin: 'envelope',
      source: null,
    }) as const;
  expect(capture(journal, [fact('2026-03-14T09:26:53.000Z')])[0]?.status).toBe('captured');
  expect(capture(journal, [fact(timestamp)])[0]?.status).toBe(status);
});
