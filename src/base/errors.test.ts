import { describe, expect, it } from 'vitest';
import { assert, AssertionFailure } from './assert.ts';
import { EXIT, IntegrityError, messageOf, USER_ERROR_CODES, UserError } from './errors.ts';
import { failed, ok } from './result.ts';

describe('assert', () => {
  it('is silent about what holds, and names the rule that does not', () => {
    expect(() => {
      assert(true, 'never said');
    }).not.toThrow();
    expect(() => {
      assert(false, 'a batch has an item');
    }).toThrow(new AssertionFailure('a batch has an item'));
  });
});

describe('a UserError', () => {
  it('fails with 1 and no details unless it says otherwise', () => {
    const error = new UserError('busy', 'somebody works here', { remedy: null });
    expect(error).toMatchObject({
      name: 'UserError',
      code: 'busy',
      exitCode: 1,
      details: {},
      remedy: null,
    });
    expect(error.cause).toBeUndefined();
  });

  it('keeps what it was told', () => {
    const cause = new Error('why');
    const error = new UserError('store_newer', 'newer', {
      remedy: 'spec-kitty sync status',
      exitCode: EXIT.refused,
      details: { number: 4 },
      cause,
    });
    expect(error).toMatchObject({ exitCode: 2, details: { number: 4 }, cause });
  });

  it('has codes that are listed once, in order, in one spelling', () => {
    expect([...USER_ERROR_CODES].sort()).toEqual(USER_ERROR_CODES);
    expect(new Set(USER_ERROR_CODES).size).toBe(USER_ERROR_CODES.length);
    for (const code of USER_ERROR_CODES) expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
  });
});

it('the exit codes are those of the contract', () => {
  expect(EXIT).toEqual({
    fine: 0,
    failed: 1,
    refused: 2,
    integrity: 3,
    loggedOut: 4,
    unconfigured: 5,
    bug: 70,
    interrupted: 130,
  });
});

it.each([
  [new IntegrityError('two\n  lines '), 'two lines'],
  ['thrown text', 'thrown text'],
  [null, 'null'],
])('the message of %s is one line', (thrown, line) => {
  expect(messageOf(thrown)).toBe(line);
});

it('a result says whether it is one', () => {
  expect(ok(1)).toEqual({ ok: true, value: 1 });
  expect(failed('no')).toEqual({ ok: false, error: 'no' });
});
