import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTimestamp } from './timestamp.ts';

const NOON = Date.UTC(2026, 5, 29, 12, 0, 1);

describe('parseTimestamp', () => {
  it.each([
    ['2026-06-29T12:00:01Z', NOON],
    ['2026-06-29t12:00:01z', NOON],
    ['2026-06-29 12:00:01+00:00', NOON],
    ['2026-06-29T14:00:01+02:00', NOON],
    ['2026-06-29T14:00:01+0200', NOON],
    ['2026-06-29T07:30:01-04:30', NOON],
    ['2026-06-28T12:01:01-23:59', NOON],
    ['2026-06-29T12:00:01.1Z', NOON + 100],
    ['2026-06-29T12:00:01,123456Z', NOON + 123],
    ['2026-06-29T12:00:01.99999999999999999999Z', NOON + 999],
    ['1969-12-31T23:59:59.5Z', -500],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['1000-01-01T00:00:00Z', Date.UTC(1000, 0, 1)],
    ['9999-12-31T23:59:59Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])('%s', (text, instant) => {
    expect(parseTimestamp(text)).toBe(instant);
  });

  it.each([
    '',
    'yesterday',
    '2026-06-29',
    '2026-06-29T12:00:01',
    '2026-06-29T12:00Z',
    '2026-06-29T24:00:00Z',
    '2026-06-29T23:60:00Z',
    '2026-06-29T23:59:60Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-32T00:00:00Z',
    '0999-01-01T00:00:00Z',
    '+12026-01-01T00:00:00Z',
    '2026-06-29T12:00:01+24:00',
    '2026-06-29T12:00:01+00:60',
    '2026-06-29T12:00:01+02',
    '2026-06-29T12:00:01.Z',
    '2026-06-29T12:00:01.999999999999999999999Z',
    '2026-06-29T12:00:01Z\n',
    ' 2026-06-29T12:00:01Z',
    '٢٠٢٦-06-29T12:00:01Z',
  ])('refuses %j', (text) => {
    expect(parseTimestamp(text)).toBeNull();
  });

  it('reads what JavaScript writes', () => {
    const instants = fc.date({
      min: new Date('1000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, (date) => {
        expect(parseTimestamp(date.toISOString())).toBe(date.getTime());
      }),
    );
  });
});
