import { array, assert, asyncProperty, constantFrom, string } from 'fast-check';
import { expect, it } from 'vitest';
import { splitLines, type InputLine } from './input.ts';

const LIMIT = 12;

it('finds the lines of any text, however it is cut into chunks', async () => {
  await assert(
    asyncProperty(
      array(string({ unit: constantFrom('a', 'é', '\n', '\r', ' '), maxLength: 20 })),
      async (parts) => {
        const found = await linesOf(parts.map((part) => Buffer.from(part)));
        const wanted = parts.join('').split('\n');
        if (wanted.at(-1) === '') wanted.pop();
        expect(found.map((line) => line.number)).toEqual(wanted.map((_, index) => index + 1));
        for (const [index, { bytes }] of found.entries()) {
          const line = Buffer.from(wanted[index] ?? '');
          expect(bytes?.toString()).toBe(line.length > LIMIT ? undefined : line.toString());
        }
      },
    ),
  );
});

it('does not hold a line that is too long', async () => {
  const chunk = Buffer.alloc(1_000_000, 0x61);
  const found = await linesOf([...Array.from({ length: 50 }, () => chunk), Buffer.from('\nb')]);
  expect(found).toEqual([
    { number: 1, bytes: null },
    { number: 2, bytes: Buffer.from('b') },
  ]);
});

async function linesOf(chunks: readonly Uint8Array[]): Promise<readonly InputLine[]> {
  const source = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  const found: InputLine[] = [];
  for await (const line of splitLines(source, LIMIT)) found.push(line);
  return found;
}
