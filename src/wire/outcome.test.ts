import { expect, it } from 'vitest';
import { isTerminalCode, OUTCOMES, TERMINAL_CODES } from './outcome.ts';

it('has the six outcomes of the contract', () => {
  expect([...OUTCOMES].sort()).toEqual([
    'duplicate',
    'pending',
    'rejected',
    'success',
    'terminal_failed',
    'transient',
  ]);
});

it('parks with a code of the allow-list only, spelled exactly', () => {
  expect(TERMINAL_CODES).toHaveLength(11);
  expect(TERMINAL_CODES.every(isTerminalCode)).toBe(true);
  for (const code of ['', 'too large', 'Erased', 'erased ', 'server_error', 'constructor']) {
    expect(isTerminalCode(code)).toBe(false);
  }
});
