import { structuredPatch } from 'diff';
import { amount, tableOf, text as cellOf } from '../../frame.ts';
import { html, type Html } from '../../html.ts';
import { LIMITS, type Shown } from './shown.ts';

const CONTEXT_LINES = 3;
const MOST_MS = 500;
const MOST_EDITS = 20_000;

/** What changed from one text to the other, line by line with what stands around. */
export function showDifferences(from: string, to: string): Shown {
  if (from === to) return { body: html`<p>The two texts are the same.</p>`, notes: [] };
  const patch = structuredPatch('', '', from, to, '', '', {
    context: CONTEXT_LINES,
    timeout: MOST_MS,
    maxEditLength: MOST_EDITS,
  });
  if (patch === undefined) {
    const why = 'The two texts have too little in common to be compared in time.';
    return { body: html`<p>${why} Look at them one after the other.</p>`, notes: [] };
  }
  const rows = patch.hunks.flatMap(rowsOf);
  const shown = rows.slice(0, LIMITS.changedLines);
  const count = (sign: string): number => rows.filter((row) => row.sign === sign).length;
  const caption = `${amount(count('+'), 'line')} added (+), ${amount(count('−'), 'line')} removed (−)`;
  const body = tableOf(
    caption,
    [
      { name: 'Before', kind: 'number' },
      { name: 'After', kind: 'number' },
      { name: 'Change' },
      { name: 'Line' },
    ],
    shown.map(({ before, after, sign, line }) => [
      cellOf(before),
      cellOf(after),
      cellOf(sign),
      line,
    ]),
  );
  const note = `Shown: the first ${amount(shown.length, 'line')} of ${rows.length.toLocaleString('en')}.`;
  return {
    body: html`<div class="diff">${body}</div>`,
    notes: shown.length < rows.length ? [note] : [],
  };
}

interface Row {
  /** The line's number in the first text, and in the second one; null where it is not in it. */
  readonly before: number | null;
  readonly after: number | null;
  readonly sign: '' | '+' | '−' | '…';
  readonly line: Html;
}

interface Hunk {
  readonly oldStart: number;
  readonly newStart: number;
  readonly lines: readonly string[];
}

function rowsOf({ oldStart, newStart, lines }: Hunk): readonly Row[] {
  let [before, after] = [oldStart, newStart];
  const gap = html`<span class="quiet">from line ${String(oldStart)} before, ${String(newStart)} after</span>`;
  const rows = lines.map((marked): Row => {
    const text = marked.slice(1);
    switch (marked[0]) {
      case '+':
        return { before: null, after: after++, sign: '+', line: html`<ins>${text}</ins>` };
      case '-':
        return { before: before++, after: null, sign: '−', line: html`<del>${text}</del>` };
      case '\\':
        return {
          before: null,
          after: null,
          sign: '',
          line: html`<span class="quiet">${text.trim()}</span>`,
        };
      default:
        return { before: before++, after: after++, sign: '', line: html`${text}` };
    }
  });
  return [{ before: null, after: null, sign: '…', line: gap }, ...rows];
}
