import { describe, expect, it } from 'vitest';
import { FAMILIES } from './families.ts';
import {
  addTallies,
  discardDecision,
  fatesUnder,
  NOTHING_DISCARDED,
  tallyOptOut,
} from './policy.ts';

describe('discardDecision', () => {
  it.each([
    ['local_only', 'refuse', 'discard_allowed'],
    ['local_only', 'audit', 'discard_allowed'],
    ['explicitly_discardable', 'refuse', 'discard_allowed'],
    ['explicitly_discardable', 'audit', 'discard_allowed'],
    ['teamspace_bound', 'refuse', 'refused'],
    ['teamspace_bound', 'audit', 'audit_recorded'],
    ['unknown', 'refuse', 'refused'],
    ['unknown', 'audit', 'audit_recorded'],
  ] as const)('of %s under %s is %s', (family, policy, decision) => {
    expect(discardDecision(family, policy)).toBe(decision);
  });

  it('leaves out no family when it is put into words', () => {
    for (const policy of ['refuse', 'audit'] as const) {
      const fates = fatesUnder(policy);
      expect(fates.flatMap(({ families }) => families)).toEqual(FAMILIES);
      for (const { decision, families } of fates) {
        for (const family of families) expect(discardDecision(family, policy)).toBe(decision);
      }
    }
  });
});

describe('a tally of receipts', () => {
  it('counts only what the mode decided', () => {
    const tally = tallyOptOut([
      { status: 'captured' },
      { status: 'known' },
      { status: 'conflict' },
      { status: 'discarded', optOut: 'discard_allowed' },
      { status: 'discarded', optOut: 'audit_recorded' },
      { status: 'known', optOut: 'audit_recorded' },
      { status: 'captured', optOut: 'refused' },
    ]);
    expect(tally).toEqual({ discarded: 1, audited: 1, kept: 1, discardedBefore: 1 });
    expect(addTallies(tally, tally).kept).toBe(2);
    expect(addTallies(tally, NOTHING_DISCARDED)).toEqual(tally);
  });
});
