import { it } from 'vitest';
import { categoryOf, categoryOfText } from '../../src/report/error-category.ts';
import { describeVectors, expectSame } from './vectors.ts';

interface Recorded {
  readonly cases: readonly { readonly error: string; readonly category: string }[];
  readonly http_failures: readonly {
    readonly http_status: number;
    readonly body_name: string;
    readonly message: string;
    readonly category: string;
  }[];
}

describeVectors<Recorded>('error_category.json', ({ cases, http_failures }) => {
  it.each(cases)('$error', ({ error, category }) => {
    expectSame(categoryOfText(error), category);
  });

  it.each(http_failures)(
    'HTTP $http_status, $body_name',
    ({ http_status: httpStatus, message, category }) => {
      expectSame(categoryOf({ httpStatus, code: null, text: message }), category);
    },
  );
});
