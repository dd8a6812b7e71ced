import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical.ts';

function canonical(text: string): string {
  return canonicalJson(Buffer.from(text));
}

function entriesOf(value: object): string {
  const entries = Object.entries(value).map((entry) => JSON.stringify(entry));
  return entries.sort().join('\n');
}

describe('canonicalJson', () => {
  it.each([
    [' { "b" : [ 1 , 2 ] , "a" : null } ', '{"a":null,"b":[1,2]}'],
    ['"\\u0061\\u00e9\\/"', '"aé/"'],
    ['[]', '[]'],
    ['{}', '{}'],
    ['[{"b":1,"a":{"d":1,"c":2}}]', '[{"a":{"c":2,"d":1},"b":1}]'],
    ['[1.0,1,1e0,-0,0,12345678901234567890,1e400]', '[1.0,1,1e0,-0,0,12345678901234567890,1e400]'],
    ['{"\\u0061":1}', '{"a":1}'],
    ['{"__proto__":1,"a":2}', '{"__proto__":1,"a":2}'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it('sorts by code point, not by UTF-16 unit', () => {
    expect(canonical('{"🚀":1,"\uff5e":2}')).toBe('{"\uff5e":2,"🚀":1}');
  });

  it('does not depend on order and white space, and keeps what differs apart', () => {
    const key = fc.string({ unit: 'binary' });
    const texts = fc.string({ unit: 'binary' });
    const object = fc.dictionary(key, fc.oneof(texts, fc.integer(), fc.boolean()), { maxKeys: 6 });
    fc.assert(
      fc.property(object, object, (a, b) => {
        const turned = Object.fromEntries(Object.entries(a).reverse());
        expect(canonical(JSON.stringify(turned, null, 3))).toBe(canonical(JSON.stringify(a)));
        const isSame = canonical(JSON.stringify(a)) === canonical(JSON.stringify(b));
        expect(isSame).toBe(entriesOf(a) === entriesOf(b));
      }),
    );
  });

  it('is for accepted documents only', () => {
    for (const text of ['', '{', '{"a":1,"a":1}'])
      expect(() => canonical(text)).toThrow(/accepted/);
  });
});
