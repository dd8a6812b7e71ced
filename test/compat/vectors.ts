import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';

const NOTES = path.resolve(import.meta.dirname, '../../docs/decisions');
const NO_DIFFERENCE = '';
const FOLDER = path.resolve(import.meta.dirname, '../../../shared/vectors');

/**
 * Compares with one file of recorded behaviour of the earlier Python program. The recordings are no part of the
 * project: where they do not lie beside the checkout, one test says so and passes.
 */
export function describeVectors<T>(name: string, compare: (recorded: T) => void): void {
  const file = path.join(FOLDER, name);
  const absent = !existsSync(file);
  describe(`recorded behaviour: ${name}`, () => {
    it.runIf(absent)(
      `is NOT compared, because ${path.relative(process.cwd(), file)} is absent`,
      () => {
        process.stderr.write(`compatibility: ${file} is absent, nothing was compared\n`);
        expect(existsSync(file)).toBe(false);
      },
    );
    if (!absent) compare(JSON.parse(readFileSync(file, 'utf8')) as T);
  });
}

/** A recorded case that ours answers in another way, and the heading in `docs/decisions` that says why. */
export interface Difference {
  readonly because: string;
  readonly ours: unknown;
}

/**
 * Every difference must stand in the list with what ours answers, and every line of the list must still be one.
 * @param recorded what the earlier program answered.
 */
export function expectSame(ours: unknown, recorded: unknown, difference?: Difference): void {
  const wanted = difference === undefined ? recorded : difference.ours;
  expect(ours).toEqual(wanted);
  expect(readHeadings()).toContain(difference?.because ?? NO_DIFFERENCE);
  // A line that is no difference any more has to leave the list.
  expect({ differs: difference !== undefined }).toEqual({
    differs: !isDeepStrictEqual(ours, recorded),
  });
}

/** The headings of all decision notes, and the empty one under which nothing differs. */
function readHeadings(): readonly string[] {
  const notes = readdirSync(NOTES).map((name) => readFileSync(path.join(NOTES, name), 'utf8'));
  const headings = notes.join('\n').matchAll(/^## (.+)$/gm);
  return [NO_DIFFERENCE, ...[...headings].map((match) => match[1] ?? NO_DIFFERENCE)];
}
