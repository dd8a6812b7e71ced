import Papa from 'papaparse';

/** What a spreadsheet takes for the beginning of a formula, whatever else stands in the cell, further lines too. */
const FORMULA = /^[=+\-@\t\r\n]/;

/** Rows as CSV (RFC 4180) that no spreadsheet computes; the last line does not end. */
export function csvOf(rows: readonly (readonly (string | number)[])[]): string {
  return Papa.unparse(
    rows.map((row) => [...row]),
    { newline: '\r\n', escapeFormulae: FORMULA },
  );
}

/** A file to keep, which no browser shows as a page of ours. @param name of letters, digits, dots and hyphens. */
export function fileHeaders(name: string, type: string): Readonly<Record<string, string>> {
  return {
    'content-type': type,
    'content-disposition': `attachment; filename="${name}"`,
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
}

export const CSV_TYPE = 'text/csv; charset=utf-8; header=present';
