import { expect, it } from 'vitest';
import { CHECK_CODES } from '../../report/index.ts';
import { FAULTS } from './faults.ts';

it('there is a fault for every check, and none for a check that is not there', () => {
  const known = [...new Set(FAULTS.map(({ code }) => code))].sort();
  expect(known).toEqual([...CHECK_CODES].sort());
});
