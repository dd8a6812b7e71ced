import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asArray, asObject, asText, member, parseJson, type JsonValue } from './reader.ts';
import { scanJson } from './scanner.ts';

function parse(text: string | Uint8Array): ReturnType<typeof parseJson> {
  return parseJson(Buffer.from(text));
}

function found(result: ReturnType<typeof parseJson>): readonly [string, string] | 'accepted' {
  return result.ok ? 'accepted' : [result.error.pointer, result.error.rule];
}

function members(count: number): string {
  return `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`;
}

/** Whether our verdict on the grammar, and our value, are those of the platform's own parser. */
function agreesWithPlatform(bytes: Buffer): boolean {
  const result = parseJson(bytes);
  try {
    const value = JSON.parse(bytes.toString()) as JsonValue;
    return result.ok
      ? isDeepStrictEqual(result.value, value)
      : result.error.rule !== 'invalid-json';
  } catch (error) {
    return error instanceof SyntaxError && !result.ok;
  }
}

describe('parseJson', () => {
  it.each([
    'null',
    ' \t\r\n true \t\r\n ',
    'false',
    '0',
    '-0',
    '10.25e+30',
    '1E-3',
    '1e400',
    '12345678901234567890',
    '""',
    '"a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9é 🚀"',
    '"\\ud83d\\uDE80"',
    '"\\u0000"',
    '[]',
    '[ ]',
    '[1,[2,{"a":[]}],"x"]',
    '{}',
    '{ }',
    '{"a":1,"b":{"a":2},"A":3}',
    '{"":0}',
  ])('accepts %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) as JsonValue });
  });

  it.each([
    ['', ''],
    ['   ', ''],
    ['{', ''],
    ['[', '/0'],
    ['{}x', ''],
    ['{} {}', ''],
    ['{"a":[1]} x', ''],
    ['{"a":{"b":1} "c":2}', '/a'],
    ['[[[1]] 2]', '/0'],
    ['nul', ''],
    ['nulL', ''],
    ['NaN', ''],
    ['Infinity', ''],
    ['undefined', ''],
    ["'a'", ''],
    ['// x\n1', ''],
    ['01', ''],
    ['-', ''],
    ['+1', ''],
    ['1.', ''],
    ['.5', ''],
    ['1e', ''],
    ['1e+', ''],
    ['0x1', ''],
    ['"a', ''],
    ['"\\', ''],
    ['"\\x"', ''],
    ['"\\u12g4"', ''],
    ['"\\u12', ''],
    ['"a\u0000b"', ''],
    ['"a\nb"', ''],
    ['"a\u001fb"', ''],
    ['"tab\t"', ''],
    ['{"a":1,}', ''],
    ['{"a" 1}', '/a'],
    ['{"a":}', '/a'],
    ['{"a":1 "b":2}', '/a'],
    ['{a:1}', ''],
    ['{1:1}', ''],
    ['{"a":{"b":[0,x]}}', '/a/b/1'],
    ['[1,]', '/1'],
    ['[1 2]', '/0'],
    ['[[],[[]', '/1/0'],
    ['{"a/b~c":{"d":tru}}', '/a~1b~0c/d'],
    ['{"\\u0061":?}', '/a'],
    ['{"a":{},"b":!}', '/b'],
    ['{"a":[],"b\\q":1}', ''],
  ])('refuses %j as bad grammar at %j', (text, pointer) => {
    expect(found(parse(text))).toEqual([pointer, 'invalid-json']);
  });

  it('says what it expected and where', () => {
    expect(parse('{"a" 1}')).toEqual({
      ok: false,
      error: {
        pointer: '/a',
        rule: 'invalid-json',
        message: 'expected a colon, found something else (byte 5)',
      },
    });
    expect(parse('[1')).toMatchObject({
      error: { message: 'expected a comma or a closing bracket, the text ends (byte 2)' },
    });
  });

  it.each([
    ['"\\ud800"', ''],
    ['"\\udc00"', ''],
    ['"\\ud800\\ud800"', ''],
    ['"\\ud800x"', ''],
    ['"\\ud800\\ue000"', ''],
    ['"\\udc00\\udc00"', ''],
    ['"\\ud800\\n"', ''],
    ['"\\ud83d\\u00"', ''],
    ['{"a":["\\uDFFF"]}', '/a/0'],
    ['{"\\ud800":1}', ''],
  ])('refuses half a surrogate pair in %s', (text, pointer) => {
    expect(found(parse(text))).toEqual([pointer, 'lone-surrogate']);
  });

  it.each([
    ['{"a":1,"a":1}', '/a'],
    ['{"a":1,"b":2,"\\u0061":3}', '/a'],
    ['{"x":[{"k":0},{"k":1,"k":2}]}', '/x/1/k'],
    ['{"__proto__":1,"__proto__":2}', '/__proto__'],
    ['{"":1,"":1}', '/'],
    ['[[[{"é":{"b":1,"b":{}}}]]]', '/0/0/0/é/b'],
  ])('refuses the repeated key in %s', (text, pointer) => {
    expect(found(parse(text))).toEqual([pointer, 'duplicate-key']);
  });

  it('is not misled when every object inherits a member', () => {
    Reflect.defineProperty(Object.prototype, 'planted', {
      value: 1,
      enumerable: true,
      writable: true,
      configurable: true,
    });
    try {
      expect(found(parse('{"a":{}}'))).toBe('accepted');
      expect(found(parse('{"a":1,"a":2}'))).toEqual(['/a', 'duplicate-key']);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'planted');
    }
  });

  it('refuses what is no UTF-8', () => {
    const cases = [
      [0x22, 0xff, 0x22],
      [0xc0, 0xaf],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xe2],
    ];
    for (const bytes of cases) {
      expect(found(parse(Buffer.from(bytes)))).toEqual(['', 'invalid-utf8']);
    }
  });

  it('refuses a byte order mark', () => {
    expect(found(parse('\ufeff{}'))).toEqual(['', 'byte-order-mark']);
    expect(found(parse('{"a":"\ufeff"}'))).toBe('accepted');
  });

  it('reads a view into a larger buffer', () => {
    const whole = Buffer.from('xx{"a":1}yy');
    expect(parseJson(whole.subarray(2, 9))).toEqual({ ok: true, value: { a: 1 } });
    expect(parseJson(new Uint8Array(whole).subarray(2, 9)).ok).toBe(true);
  });
});

describe('the limits', () => {
  it('accepts 64 levels and refuses 65', () => {
    expect(found(parse('['.repeat(64) + ']'.repeat(64)))).toBe('accepted');
    expect(found(parse('['.repeat(65) + ']'.repeat(65)))).toEqual(['/0'.repeat(64), 'too-deep']);
    expect(found(parse(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`))[1]).toBe('too-deep');
    expect(found(parse('['.repeat(1_000_000)))[1]).toBe('too-deep');
    expect(found(parse('[[],[],[[]]]'))).toBe('accepted');
  });

  it('accepts 10,000 members and refuses one more', () => {
    expect(found(parse(members(10_000)))).toBe('accepted');
    expect(found(parse(members(10_001)))).toEqual(['', 'too-many-keys']);
    expect(found(parse(`[${members(5_000)},${members(5_001)}]`))).toEqual(['/1', 'too-many-keys']);
  });

  it('accepts numbers of 64 characters and refuses longer ones', () => {
    expect(found(parse('1'.repeat(64)))).toBe('accepted');
    expect(found(parse(`{"a":${'1'.repeat(65)}}`))).toEqual(['/a', 'number-too-long']);
    expect(found(parse(`0.${'0'.repeat(63)}`))).toEqual(['', 'number-too-long']);
  });

  it('can be set by the caller, in bytes too', () => {
    expect(found(parseJson(Buffer.from('[1]'), { maxBytes: 3 }))).toBe('accepted');
    expect(found(parseJson(Buffer.from('[10]'), { maxBytes: 3 }))).toEqual(['', 'too-large']);
    expect(found(parseJson(Buffer.from('[[]]'), { maxDepth: 1 }))).toEqual(['/0', 'too-deep']);
  });
});

describe('parseJson against JSON.parse', () => {
  it('accepts every document without the forbidden and reads the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        const result = parse(text);
        const isLone = /\\ud[89a-f]/.test(text);
        expect(result.ok ? result.value : result.error.rule).toEqual(
          isLone ? 'lone-surrogate' : (JSON.parse(text) as JsonValue),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(typeof parseJson(bytes).ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws on mutated documents, nor accepts what JSON.parse refuses', () => {
    const model = Buffer.from(
      '{"a":[1.5e3,true,null,"x\\u00e9\\n"],"b":{"c":"\\ud83d\\ude80"},"d":-0}',
    );
    const alphabet = Buffer.from('{}[]",:\\u0189abde+-.tfn \u0001');
    const edit = fc.tuple(fc.nat(model.length), fc.nat(3), fc.constantFrom(...alphabet));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes: Buffer = model;
        for (const [at, cut, byte] of edits) {
          const rest = bytes.subarray(at + cut);
          bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), rest]);
        }
        expect(agreesWithPlatform(bytes)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parseJson against its own strict scan', () => {
  it('accepts what the scan accepts, and for every other document answers what the scan found', () => {
    const limits = { maxBytes: 1_000, maxDepth: 3, maxKeys: 5, maxNumberChars: 6 };
    const pieces = [
      ...Array.from('{}[],: '),
      ...['"a":', '"b":', '"a"', '"\\\\"', '"\\""', '"\\u0061":', '"\\ud800"', '"\\ud83d\\ude80"'],
      ...['12', '1.5e3', '1234567', 'true', 'null', '      ', '{"a":1}', '[1,2]'],
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const bytes = Buffer.from(parts.join(''));
        const [read, scanned] = [parseJson(bytes, limits), scanJson(bytes, limits)];
        expect(read.ok ? null : read.error).toEqual(scanned.ok ? null : scanned.issue);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('prototypes', () => {
  it('means nothing by __proto__, constructor and prototype', () => {
    const result = parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":[1]}}',
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const object = result.ok ? asObject(result.value) : null;
    expect(object).not.toBeNull();
    expect(member(object ?? {}, '__proto__')).toEqual({ polluted: 1 });
    expect(member(object ?? {}, 'polluted')).toBeUndefined();
    expect(member({}, '__proto__')).toBeUndefined();
    expect(member({}, 'constructor')).toBeUndefined();
    expect(member({}, 'toString')).toBeUndefined();
  });
});

describe('readers of foreign values', () => {
  const samples: readonly (JsonValue | undefined)[] = [
    undefined,
    null,
    true,
    0,
    'x',
    [1],
    { a: 1 },
  ];

  it('answer a value of their kind and null for every other', () => {
    expect(samples.map(asObject)).toEqual([null, null, null, null, null, null, { a: 1 }]);
    expect(samples.map(asArray)).toEqual([null, null, null, null, null, [1], null]);
    expect(samples.map(asText)).toEqual([null, null, null, null, 'x', null, null]);
  });
});
