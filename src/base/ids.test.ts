import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/support/manual-clock.ts';
import { systemClock } from './clock.ts';
import { createIds, systemRandom, uuidV5, type Random } from './ids.ts';

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Every byte the same, and nothing at all when asked for more than there is. */
function constant(byte: number | null): Random {
  return (bytes) => Uint8Array.from({ length: byte === null ? 0 : bytes }, () => byte ?? 0);
}

describe('ulid', () => {
  it('carries the time in its first ten characters', () => {
    const clock = manualClock();
    clock.setWall(1_469_918_176_385);
    expect(createIds(clock, constant(0)).ulid()).toBe('01ARYZ6S410000000000000000');
    expect(createIds(clock, constant(255)).ulid()).toBe('01ARYZ6S41ZZZZZZZZZZZZZZZZ');
    expect(createIds(clock, constant(null)).ulid()).toBe('01ARYZ6S410000000000000000');
  });

  it('increases within one millisecond, and when the clock is set back a year', () => {
    const clock = manualClock();
    const ids = createIds(clock);
    const made = Array.from({ length: 1_000 }, () => ids.ulid());
    clock.setWall(clock.now() - 31_536_000_000);
    made.push(...Array.from({ length: 1_000 }, () => ids.ulid()));
    clock.setWall(clock.now() + 63_072_000_000);
    made.push(ids.ulid());
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
    for (const id of made) expect(id).toMatch(ULID);
  });

  it('differs between processes that draw at the same time', () => {
    const clock = manualClock();
    const made = Array.from({ length: 200 }, () => createIds(clock).ulid());
    expect(new Set(made).size).toBe(made.length);
  });
});

describe('uuid', () => {
  it('is of version 4 whatever the random bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(UUID.exec(createIds(systemClock(), () => bytes).uuid())?.[1]).toBe('4');
      }),
    );
    expect(createIds(systemClock(), constant(255)).uuid()).toBe(
      'ffffffff-ffff-4fff-bfff-ffffffffffff',
    );
    expect(createIds(systemClock(), () => new Uint8Array(8)).uuid()).toMatch(/^00000000-0000-4/);
  });

  it('draws from the operating system when nobody says otherwise', () => {
    const ids = createIds(systemClock());
    expect(ids.uuid()).not.toBe(ids.uuid());
    expect(systemRandom(16)).toHaveLength(16);
  });
});

describe('uuidV5', () => {
  it('is that of the standard: RFC 9562 appendix A.4', () => {
    expect(uuidV5(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('takes a text for its UTF-8 bytes', () => {
    expect(uuidV5(DNS, 'équipe')).toBe(uuidV5(DNS, Buffer.from('équipe')));
  });

  it('is of version 5 and depends on both namespace and name', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string(), fc.string(), (space, a, b) => {
        expect(UUID.exec(uuidV5(space, a))?.[1]).toBe('5');
        expect(uuidV5(space, a) === uuidV5(space, b)).toBe(a === b);
      }),
    );
  });
});
