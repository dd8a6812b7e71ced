import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBatch, parseBatch } from './batch.ts';
import { parseEnvelope } from './envelope.ts';
import { BATCH_WRAPPER_BYTES, MAX_EVENT_BYTES } from './limits.ts';

const LIMITS = { maxEvents: 3, maxBytes: 1000 };

function elements(text: string, limits = LIMITS): readonly string[] | readonly [string, string] {
  const parsed = parseBatch(Buffer.from(text), limits);
  return parsed.ok
    ? parsed.value.map((bytes) => Buffer.from(bytes).toString())
    : [parsed.error.pointer, parsed.error.rule];
}

function sized(bytes: number): string {
  return `{"events":["${'x'.repeat(bytes - 15)}"]}`;
}

describe('encodeBatch', () => {
  it('joins the bytes and adds thirteen of its own', () => {
    expect(encodeBatch([]).toString()).toBe('{"events":[]}');
    expect(encodeBatch([])).toHaveLength(BATCH_WRAPPER_BYTES);
    const batch = encodeBatch([Buffer.from('{"n":1.0}'), Buffer.from('{ }')]);
    expect(batch.toString()).toBe('{"events":[{"n":1.0},{ }]}');
  });

  it('lets the longest event travel alone in 512 KiB', () => {
    expect(MAX_EVENT_BYTES + BATCH_WRAPPER_BYTES).toBe(512 * 1024);
  });
});

describe('parseBatch', () => {
  it.each([
    ['{"events":[]}', []],
    [' { "events" : [ ] } ', []],
    ['{"events": [ {"a": 1.0} ,\n{"b":"x,]}"} ]}', ['{"a": 1.0}', '{"b":"x,]}"}']],
    ['{"v":{"events":[9]},"events":[{"a":1}],"w":[[]]}', ['{"a":1}']],
    ['{"event\\u0073":[1]}', ['1']],
    ['{"events":[{"a":1,"a":2},{broken},"\\ud800"]}', ['{"a":1,"a":2}', '{broken}', '"\\ud800"']],
    [`{"events":[${'['.repeat(200)}${']'.repeat(200)}]}`, ['['.repeat(200) + ']'.repeat(200)]],
  ])('%s', (text, expected) => {
    expect(elements(text)).toEqual(expected);
  });

  it.each([
    ['', '', 'invalid-json'],
    ['[]', '', 'invalid-json'],
    ['null', '', 'invalid-json'],
    ['{"events":[]', '', 'invalid-json'],
    ['{"events":[]}}', '', 'invalid-json'],
    ['{"events":[]} {}', '', 'invalid-json'],
    ['{"events":[1}', '', 'invalid-json'],
    ['{}', '/events', 'required'],
    ['{"Events":[]}', '/events', 'required'],
    ['{"events":{}}', '/events', 'wrong-type'],
    ['{"events":null}', '/events', 'wrong-type'],
    ['{"events":[1,]}', '/events', 'wrong-type'],
    ['{"events":[],"events":[]}', '/events', 'duplicate-key'],
    ['{"events":[1,2,3,4]}', '/events', 'too-many-events'],
    ['\ufeff{"events":[]}', '', 'invalid-json'],
  ])('refuses %s', (text, pointer, rule) => {
    expect(elements(text)).toEqual([pointer, rule]);
  });

  it('accepts exactly the limits', () => {
    expect(elements('{"events":[1,2,3]}')).toHaveLength(3);
    expect(elements(sized(1000))).toHaveLength(1);
    expect(elements(sized(1001))).toEqual(['', 'too-large']);
  });

  it('answers views of the request, not copies', () => {
    const body = Buffer.from('{"events":[{"a":1}]}');
    const parsed = parseBatch(body, LIMITS);
    expect(parsed.ok && parsed.value[0]?.buffer).toBe(body.buffer);
  });

  it('gives every element back byte by byte', () => {
    const element = fc
      .tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1))
      .map(([value, space]) => Buffer.from(JSON.stringify(value, null, space)));
    fc.assert(
      fc.property(fc.array(element, { maxLength: 8 }), (given) => {
        const parsed = parseBatch(encodeBatch(given), { maxEvents: 8, maxBytes: 1_000_000 });
        expect(parsed.ok && parsed.value.map((bytes) => Buffer.from(bytes))).toEqual(given);
      }),
    );
  });

  it('never throws, nor do its elements when they are parsed', () => {
    const soup = fc.string({
      unit: fc.constantFrom(...Array.from('{}[]",:\\events1 ')),
      maxLength: 30,
    });
    fc.assert(
      fc.property(soup, (text) => {
        const framed = Buffer.from(`{"events":[${text}]}`);
        for (const body of [Buffer.from(text), framed]) {
          const parsed = parseBatch(body, LIMITS);
          const found = parsed.ok ? parsed.value : [];
          expect(found.filter((each) => parseEnvelope(each).ok)).toEqual([]);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
