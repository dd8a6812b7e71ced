import Papa from 'papaparse';
import { amount, tableOf, text as cellOf } from '../../frame.ts';
import { showAsLines } from './lines.ts';
import { LIMITS, type Shown } from './shown.ts';

/** Values that something parts as a table, whose first row names the columns; as lines where quotes do not close. */
export function showCsv(text: string): Shown {
  const { data, errors } = Papa.parse<readonly string[]>(text, {
    preview: LIMITS.rows + 2,
    skipEmptyLines: true,
  });
  const broken = errors.find(({ type }) => type === 'Quotes');
  if (broken !== undefined) {
    const row = broken.row === undefined ? '' : ` (row ${broken.row + 1})`;
    return showAsLines(text, `This is not CSV${row}: ${broken.message}.`);
  }
  const [head = [], ...all] = data;
  if (head.length === 0) return showAsLines(text, 'This CSV has no rows.');
  const rows = all.slice(0, LIMITS.rows);
  const width = rows.reduce((most, row) => Math.max(most, row.length), head.length);
  const columns = Array.from({ length: Math.min(width, LIMITS.columns) }, (_, index) => ({
    name: head[index] ?? `Column ${index + 1}`,
    kind: 'name' as const,
  }));
  const uneven = rows.filter((row) => row.length !== head.length).length;
  return {
    body: tableOf(
      amount(rows.length, 'row'),
      columns,
      rows.map((row) => columns.map((_column, index) => cellOf(row[index] ?? ''))),
    ),
    notes: [
      ...(all.length > rows.length ? [`Shown: the first ${amount(rows.length, 'row')}.`] : []),
      ...(width > LIMITS.columns
        ? [`Shown: the first ${LIMITS.columns} of ${width} columns.`]
        : []),
      ...(uneven > 0 ? [`Not as long as the first row: ${amount(uneven, 'row')}.`] : []),
    ],
  };
}
