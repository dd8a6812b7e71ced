import { describe, expect, it } from 'vitest';
import { BLOCKED_REASONS, checkGates, type GateFacts } from './gates.ts';

const OPEN: GateFacts = {
  kind: 'teamspace',
  origin: 'https://t.example',
  saasEnabled: true,
  session: { team: 'acme', user: 'ann', teams: [] },
  loggedOut: null,
  owner: { team: 'acme', user: 'ann' },
  missingHeaderVariables: [],
};
const NOBODY = { team: '', user: '' };
const TEAMLESS = { team: null, user: 'ann', teams: [] };
const ENABLE = 'export SPEC_KITTY_ENABLE_SAAS_SYNC=1';
const READ = 'read -rs A_VALUE && export A_VALUE';
const LOGIN = 'spec-kitty auth login --server https://t.example';

describe('the gates of a Teamspace, in their order', () => {
  it.each([
    [{}, null, null],
    [{ owner: NOBODY }, 'missing_auth', `${LOGIN} --claim`],
    [{ owner: NOBODY, session: TEAMLESS }, 'missing_team', `${LOGIN} --force`],
    [{ session: { ...TEAMLESS, teams: [{}] } }, 'private_teamspace_gate', `${LOGIN} --force`],
    [{ owner: NOBODY, session: null }, 'missing_auth', LOGIN],
    [{ loggedOut: 'the login expired' }, 'missing_auth', LOGIN],
    [{ owner: { team: 'acme', user: 'bob' } }, 'missing_auth', `${LOGIN} --force`],
    [{ owner: { team: 'other', user: 'ann' } }, 'missing_auth', `${LOGIN} --force`],
    [{ session: null, saasEnabled: false }, 'saas_disabled', ENABLE],
    [{ saasEnabled: false, missingHeaderVariables: ['A_VALUE', 'B'] }, 'missing_auth', READ],
  ])('%j is blocked by %s', (facts, reason, remedy) => {
    const blocked = checkGates({ ...OPEN, ...facts });
    expect([blocked?.reason ?? null, blocked?.remedy ?? null]).toEqual([reason, remedy]);
    if (blocked !== null) expect(BLOCKED_REASONS).toContain(blocked.reason);
  });
});

describe('an external receiver and a stub', () => {
  const shut = { saasEnabled: false, session: null, owner: NOBODY } as const;

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
    const remedy = 'read -rs HOOK_KEY && export HOOK_KEY';
    expect(blocked).toMatchObject({ reason: 'missing_auth', remedy });
    expect(blocked?.detail).toContain('HOOK_KEY');
  });
});
