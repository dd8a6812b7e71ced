import { expect, it } from 'vitest';
import { inlineFormat, isSurface, SUPPORTED_INLINE_FORMATS } from '../../src/wire/index.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface Recorded {
  readonly cases: readonly {
    readonly path: string;
    readonly supported_surface: boolean;
    readonly format_skip_reason: string | null;
  }[];
}

/** Paths that the earlier program took for work packages because something deeper begins like one. */
const BELOW_TASKS = /^tasks\/WP\d+[^/]*\//;

describeVectors<Recorded>('surface_filter.json', ({ cases }) => {
  it.each(cases)(
    'surface and format of $path',
    ({ path, supported_surface, format_skip_reason }) => {
      const difference: Difference | undefined =
        supported_surface && BELOW_TASKS.test(path)
          ? { because: 'Work packages lie directly in tasks', ours: false }
          : undefined;
      expectSame(isSurface(path), supported_surface, difference);
      const format = inlineFormat(path);
      expectSame(format.ok ? null : format.reason, format_skip_reason);
    },
  );

  it('knows the same five formats', () => {
    expect(SUPPORTED_INLINE_FORMATS).toEqual(['.md', '.json', '.yaml', '.yml', '.csv']);
  });
});
