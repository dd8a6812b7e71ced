import { PROJECT_ID } from './envelopes.ts';
import type { LedgerTrial } from './ledger-trial.ts';
import { keepSnapshot, type KeptSnapshot } from '../../src/trackers/index.ts';
import { addBinding, findBinding } from '../../src/trackers/store.ts';

/** Publishes the state of an empty tracker, bound to a project of it. */
export function publish(
  { db, checkout, clock }: LedgerTrial,
  projectKey: string | null,
  workspace = 'acme.atlassian.net',
): KeptSnapshot {
  const account = { provider: 'jira', workspace };
  const now = clock.now();
  const bindingId =
    findBinding(db, account) ?? addBinding(db, { ...account, takenFrom: null, now });
  return keepSnapshot(db, {
    projectId: PROJECT_ID,
    projectSlug: 'demo',
    checkoutId: checkout,
    binding: { ...account, doctrineMode: 'external_authoritative', fieldOwners: {} },
    bindingId,
    resource: projectKey === null ? null : { type: 'jira_project', id: projectKey },
    now,
  });
}
