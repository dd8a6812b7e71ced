import type { OptOutPolicy } from '../home/index.ts';
import { FAMILIES, type Family } from './families.ts';

/**
 * What becomes of a new fact under OPT_OUT. `discard_allowed`: dropped and counted. `audit_recorded`: dropped with
 * a record of its own. `refused`: kept in the journal, and never eligible to leave it.
 */
export type DiscardDecision = 'discard_allowed' | 'audit_recorded' | 'refused';

/** Nothing bound for a team, and nothing of an unknown kind, is ever dropped without a record. */
export function discardDecision(family: Family, policy: OptOutPolicy): DiscardDecision {
  if (family === 'local_only' || family === 'explicitly_discardable') return 'discard_allowed';
  return policy === 'audit' ? 'audit_recorded' : 'refused';
}

/** What the mode OPT_OUT did with a number of facts. */
export interface OptOutTally {
  readonly discarded: number;
  readonly audited: number;
  /** Kept, and never eligible. */
  readonly kept: number;
  /** Met again after they had been discarded on record, whatever the mode is now. */
  readonly discardedBefore: number;
}

export const NOTHING_DISCARDED: OptOutTally = {
  discarded: 0,
  audited: 0,
  kept: 0,
  discardedBefore: 0,
};

/** Adds up what receipts say of OPT_OUT. */
export function tallyOptOut(
  receipts: readonly { readonly status: string; readonly optOut?: DiscardDecision }[],
): OptOutTally {
  const count = (decision: DiscardDecision, status: string): number =>
    receipts.filter((each) => each.optOut === decision && each.status === status).length;
  return {
    discarded: count('discard_allowed', 'discarded'),
    audited: count('audit_recorded', 'discarded'),
    kept: count('refused', 'captured'),
    discardedBefore: count('audit_recorded', 'known'),
  };
}

/** The sum of two tallies. */
export function addTallies(one: OptOutTally, other: OptOutTally): OptOutTally {
  return {
    discarded: one.discarded + other.discarded,
    audited: one.audited + other.audited,
    kept: one.kept + other.kept,
    discardedBefore: one.discardedBefore + other.discardedBefore,
  };
}

/** The families that share a fate under a policy, in the order of `FAMILIES`; this is what `sync mode` prints. */
export function fatesUnder(
  policy: OptOutPolicy,
): readonly { readonly decision: DiscardDecision; readonly families: readonly Family[] }[] {
  const decisions: readonly DiscardDecision[] = ['discard_allowed', 'audit_recorded', 'refused'];
  return decisions
    .map((decision) => ({
      decision,
      families: FAMILIES.filter((family) => discardDecision(family, policy) === decision),
    }))
    .filter(({ families }) => families.length > 0);
}
