import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from './text.ts';

const LIMIT = 2_048;

describe('printable', () => {
  it.each([
    ['plain text, ünïcödé and 😀', 'plain text, ünïcödé and 😀'],
    ['\u001b[31mred\u001b[0m', '^[[31mred^[[0m'],
    ['\u001b]52;c;ZXZpbA==\u0007', '^[]52;c;ZXZpbA==^G'],
    ['a\0b\tc\r\nd\u007f', 'a^@b^Ic^M^Jd^?'],
    ['\u009b31m', '\\u{9b}31m'],
    ['line\u2028line\u2029', 'line\\u{2028}line\\u{2029}'],
    ['\u202eexe.txt', '\\u{202e}exe.txt'],
    ['\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['\u200e\u200f\u061c', '\\u{200e}\\u{200f}\\u{61c}'],
    ['\ufeffbom', '\\u{feff}bom'],
    ['\ud800 alone', '\\u{d800} alone'],
    ['', ''],
  ])('shows %j as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdefg', 6, 'abc…'],
    ['ääää', 8, 'ääää'],
    ['äääää', 8, 'ää…'],
    ['😀😀', 7, '😀…'],
    ['\u001b\u001b\u001b\u001b', 7, '^[^[…'],
  ])('cuts %j to %i bytes: %j', (text, bytes, shown) => {
    expect(printable(text, bytes)).toBe(shown);
  });

  it('is one line of at most 2 KiB that nothing on a terminal takes for a command', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4_000 }), (text) => {
        const shown = printable(text);
        expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(LIMIT);
        expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029\p{Surrogate}]/u);
        expect(printable(shown)).toBe(shown);
      }),
    );
  });
});
