import { amount } from '../../frame.ts';
import { html } from '../../html.ts';
import { LIMITS, type Shown } from './shown.ts';

/** Any text as numbered lines. */
export function showLines(text: string): Shown {
  if (text === '') return { body: html`<p class="quiet">This text is empty.</p>`, notes: [] };
  const part = text.slice(0, LIMITS.lineChars);
  const lines = part.split(/\r\n|\r|\n/);
  // What ends with a line's end has no line behind it.
  if (lines.at(-1) === '') lines.pop();
  const shown = lines.slice(0, LIMITS.lines);
  const isWhole = shown.length === lines.length && part.length === text.length;
  const most =
    shown.length < lines.length ? amount(shown.length, 'line') : `${LIMITS.lineChars / 1024} KiB`;
  const notes = isWhole ? [] : [`Shown: the first ${most}.`];
  const body = html`<ol class="lines">${shown.map(
    (line) => html`<li>${line}</li>
`,
  )}</ol>`;
  return { body, notes };
}

/** A text that is not what its name says, as lines; `why` is a whole sentence. */
export function showAsLines(text: string, why: string): Shown {
  const { body, notes } = showLines(text);
  return { body, notes: [`${why} It is shown as text.`, ...notes] };
}
