import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementSpans, frameOf, memberSpan, memberSpans } from './spans.ts';

function at(bytes: Buffer, span: { start: number; end: number } | null): string | null {
  return span === null ? null : bytes.subarray(span.start, span.end).toString();
}

function memberText(text: string, key: string): string | null {
  const bytes = Buffer.from(text);
  return at(bytes, memberSpan(bytes, key));
}

function elementTexts(text: string): readonly (string | null)[] | null {
  const bytes = Buffer.from(text);
  const spans = elementSpans(bytes, { start: 0, end: bytes.length });
  return spans?.map((span) => at(bytes, span)) ?? null;
}

describe('memberSpan', () => {
  it.each([
    ['{"a":1.0}', 'a', '1.0'],
    [' { "a" : 1e400 , "b":2 } ', 'a', '1e400'],
    ['{"b":{"a":1},"a":[1,2]}', 'a', '[1,2]'],
    ['{"s":"a,\\"}{","a":"x,y\\\\"}', 'a', '"x,y\\\\"'],
    ['{"\\u0061":true}', 'a', 'true'],
    ['{"é":{ "x" : [ ] }\n}', 'é', '{ "x" : [ ] }'],
    ['{"":null}', '', 'null'],
    ['{"__proto__":1}', '__proto__', '1'],
  ])('in %s the value of %s is %s', (text, key, value) => {
    expect(memberText(text, key)).toBe(value);
  });

  it.each([
    ['{}', 'a'],
    ['{"b":1}', 'a'],
    ['[{"a":1}]', 'a'],
    ['"a"', 'a'],
    ['', 'a'],
    ['{"x":{"a":1}}', 'a'],
  ])('%s has no %s', (text, key) => {
    expect(memberText(text, key)).toBeNull();
  });

  it.each([
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{a:1}',
    '{"a" 1}',
    '{"a":1}}',
    '{"a":[1}',
    '{"a":"x}',
    '{"\\q":1}',
    '{"a":1} x',
  ])('finds nothing in the broken frame %s', (text) => {
    expect(memberSpans(Buffer.from(text))).toBeNull();
  });
});

describe('elementSpans', () => {
  it.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1.0, "a,]" ,{"x":[1,2]},[[]]]', ['1.0', '"a,]"', '{"x":[1,2]}', '[[]]']],
    ['[{"a":1},{broken],2]', ['{"a":1}', '{broken]', '2']],
    ['[{"a":1},{broken]', null],
    ['[{"a":1},{a}]', ['{"a":1}', '{a}']],
    ['[1,,2]', null],
    ['[1,]', null],
    ['[,]', null],
    ['[1', null],
    ['["a]', null],
    ['{}', null],
    ['', null],
    ['[1]]', null],
  ])('%s', (text, elements) => {
    expect(elementTexts(text)).toEqual(elements);
  });

  it('stays within the span it is given', () => {
    const bytes = Buffer.from('{"a":[1,2],"b":[3]}');
    const span = memberSpan(bytes, 'a');
    expect(span).toEqual({ start: 5, end: 10 });
    const elements = elementSpans(bytes, span ?? { start: 0, end: 0 });
    expect(elements?.map((each) => at(bytes, each))).toEqual(['1', '2']);
  });
});

describe('frameOf', () => {
  it.each([
    ['{"a":[1,{"x":[2,3]}],"b":{"c":[4,5]}}', [['1', '{"x":[2,3]}'], null]],
    ['{"a":[],"b":[ [1,2] ,3],"c":"[1,2]"}', [[], ['[1,2]', '3'], null]],
    ['{"a":[{broken],2],"b":[1,]}', [['{broken]', '2'], null]],
  ])('of %s cuts the elements of each member', (text, expected) => {
    const bytes = Buffer.from(text);
    const frame = frameOf(bytes);
    const elements = frame?.members.map((each) =>
      frame.elementsOf(each) === null
        ? null
        : frame.elementsOf(each)?.map((span) => at(bytes, span)),
    );
    expect(elements).toEqual(expected);
  });

  it('cuts as a pass over the member alone does', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(0, 2),
        (object, n) => {
          const bytes = Buffer.from(JSON.stringify(object, null, n));
          const frame = frameOf(bytes);
          for (const each of frame?.members ?? []) {
            expect(frame?.elementsOf(each)).toEqual(elementSpans(bytes, each.value));
          }
        },
      ),
    );
  });
});

describe('spans of any document', () => {
  it('give the members and elements back as they were written', () => {
    const key = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), fc.constantFrom(0, 2), (object, space) => {
        const bytes = Buffer.from(JSON.stringify(object, null, space));
        const members = memberSpans(bytes) ?? [];
        expect(members.map((each) => each.key)).toEqual(Object.keys(object));
        const values = members.map((each) => JSON.parse(at(bytes, each.value) ?? '') as unknown);
        expect(values).toEqual(JSON.parse(JSON.stringify(Object.values(object))));
      }),
    );
  });

  it('are total', () => {
    const soup = fc.string({
      unit: fc.constantFrom(...Array.from('{}[]",:\\ab1 ')),
      maxLength: 30,
    });
    fc.assert(
      fc.property(soup, (text) => {
        const bytes = Buffer.from(text);
        for (const { value } of memberSpans(bytes) ?? []) {
          expect(value.start).toBeLessThan(value.end);
          expect(value.end).toBeLessThan(bytes.length);
        }
        for (const span of elementSpans(bytes, { start: 0, end: bytes.length }) ?? []) {
          expect(span.start).toBeLessThan(span.end);
          expect(span.end).toBeLessThan(bytes.length);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
