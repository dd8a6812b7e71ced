import { describe, expect, it } from 'vitest';
import { BLOCKED_REASONS, checkGates, type GateFacts } from './gates.ts';

const OPEN: GateFacts = {
  kind: 'teamspace',
  origin: 'https://t.example',
  saasEnabled: true,
  session: { team: 'acme' },
  claimed: true,
  missingHeaderVariables: [],
};
const LOGIN = 'spec-kitty auth login --server https://t.example --token-stdin';

describe('the gates of a Teamspace, in their order', () => {
  it.each([
    [{}, null, null],
    [{ claimed: false }, 'missing_auth', `${LOGIN} --claim`],
    [{ claimed: false, session: { team: null } }, 'missing_team', LOGIN],
    [{ claimed: false, session: null }, 'missing_auth', LOGIN],
    [{ session: null, saasEnabled: false }, 'saas_disabled', null],
    [{ saasEnabled: false, missingHeaderVariables: ['A_VALUE', 'B'] }, 'missing_auth', null],
  ])('%j is blocked by %s', (facts, reason, remedy) => {
    const blocked = checkGates({ ...OPEN, ...facts });
    expect([blocked?.reason ?? null, blocked?.remedy ?? null]).toEqual([reason, remedy]);
    if (blocked !== null) expect(BLOCKED_REASONS).toContain(blocked.reason);
  });
});

describe('an external receiver and a stub', () => {
  const shut = { saasEnabled: false, session: null, claimed: false } as const;

  it.each(['external', 'stub'] as const)('%s needs neither flag nor login', (kind) => {
    expect(checkGates({ ...OPEN, ...shut, kind })).toBeNull();
  });

  it('waits for the variables of its headers, by name and never by value', () => {
    const blocked = checkGates({
      ...OPEN,
      ...shut,
      kind: 'external',
      missingHeaderVariables: ['HOOK_KEY'],
    });
    expect(blocked).toMatchObject({ reason: 'missing_auth', remedy: null });
    expect(blocked?.detail).toContain('HOOK_KEY');
  });
});
