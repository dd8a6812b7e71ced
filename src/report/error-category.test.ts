import { describe, expect, it } from 'vitest';
import { actionFor, categoryOf, countCategories, ERROR_CATEGORIES } from './error-category.ts';

describe('categoryOf', () => {
  it.each([
    [200, 'schema_invalid', 'anything at all', 'schema_mismatch'],
    [200, 'payload_too_large', 'payload too large', 'oversized_event'],
    [413, 'payload_too_large', 'payload too large', 'oversized_event'],
    [200, 'project_refused', 'this token takes other projects', 'unauthorized'],
    [200, 'throttled', 'because', 'throttled'],
    [200, null, 'rate limit reached', 'throttled'],
    [200, 'hash_conflict', 'the first one stays', 'unknown'],
    [403, null, 'a Private Teamspace is needed', 'direct_ingress_missing_private_team'],
    [null, null, 'connection refused', 'retryable_transport'],
    [null, null, null, 'unknown'],
  ] as const)('HTTP %s with code %s and %j is %s', (...row) => {
    const [httpStatus, code, text, category] = row;
    expect(categoryOf({ httpStatus, code, text })).toBe(category);
  });
});

it('every category has an action', () => {
  for (const category of ERROR_CATEGORIES) expect(actionFor(category)).not.toBe('');
});

it('counts the most frequent first', () => {
  const counted = countCategories(['unknown', 'server_error', 'throttled', 'server_error']);
  expect(counted).toEqual([
    ['server_error', 2],
    ['throttled', 1],
    ['unknown', 1],
  ]);
});
