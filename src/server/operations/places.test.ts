import { expect, it } from 'vitest';
import { HttpError } from '../http/errors.ts';
import { createPlaces } from './places.ts';

function refusalOf(take: () => unknown): unknown {
  try {
    take();
    return null;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return [error.status, error.code, error.members['limit']];
  }
}

it('leaves places to others whom one address, one team or all together would take', () => {
  const places = createPlaces({ all: 4, address: 2, team: 3 });
  const leave = places.take('a', 'harbour');
  places.take('a', 'harbour');
  expect(refusalOf(() => places.take('a', 'orchard'))).toEqual([
    429,
    'too_many_streams',
    'address',
  ]);
  places.take('b', 'harbour');
  expect(refusalOf(() => places.take('c', 'harbour'))).toEqual([429, 'too_many_streams', 'team']);
  places.take('b', 'orchard');
  expect(refusalOf(() => places.take('c', 'orchard'))).toEqual([429, 'too_many_streams', 'all']);
  expect(places.taken()).toBe(4);
  leave();
  leave();
  expect(places.taken()).toBe(3);
  places.take('c', 'harbour');
  expect(places.taken()).toBe(4);
});
