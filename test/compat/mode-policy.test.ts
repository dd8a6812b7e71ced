import { expect, it } from 'vitest';
import { MODE_AXES, parseSyncMode } from '../../src/home/index.ts';
import { discardDecision } from '../../src/journal/policy.ts';
import { FAMILIES } from '../../src/journal/families.ts';
import { describeVectors, expectSame } from './vectors.ts';

interface Recorded {
  readonly cases: readonly {
    readonly token: string;
    readonly mode?: string;
    readonly error?: string;
    readonly retention?: string;
    readonly delivery?: string;
  }[];
  readonly discard_decisions: readonly {
    readonly classification: string;
    readonly durable_audit_sink: boolean;
    readonly decision: string;
    readonly dropped: boolean;
  }[];
}

describeVectors<Recorded>('mode_policy.json', ({ cases, discard_decisions }) => {
  it.each(cases)('the word $token ($mode $error)', (recorded) => {
    const mode = parseSyncMode(recorded.token);
    expectSame(mode, recorded.mode ?? null);
    if (mode === null || recorded.retention === undefined) return;
    const { retention, delivery } = MODE_AXES[mode];
    expectSame(
      { retention, delivery },
      { retention: recorded.retention, delivery: recorded.delivery },
    );
  });

  it.each(discard_decisions)(
    'discarding $classification, with a durable record: $durable_audit_sink',
    ({ classification, durable_audit_sink, decision, dropped }) => {
      const family = FAMILIES.find((each) => each === classification) ?? 'unknown';
      const ours = discardDecision(family, durable_audit_sink ? 'audit' : 'refuse');
      expectSame(ours, decision);
      expect(ours !== 'refused').toBe(dropped);
    },
  );
});
