import { expect, it } from 'vitest';
import { mayStart, type Occasion } from './autostart.ts';

const GOOD: Occasion = { exit: 0, isInteractive: true, policy: 'auto', env: {} };

it('a person whose command went well gets a daemon', () => {
  expect(mayStart(GOOD)).toBe(true);
});

it.each<[string, Partial<Occasion>]>([
  ['the command failed', { exit: 1 }],
  ['it was refused', { exit: 2 }],
  ['nobody sits there', { isInteractive: false }],
  ['the settings say manual', { policy: 'manual' }],
  ['the environment says so', { env: { SPEC_KITTY_NON_INTERACTIVE: '1' } }],
])('none when %s', (_why, change) => {
  expect(mayStart({ ...GOOD, ...change })).toBe(false);
});
