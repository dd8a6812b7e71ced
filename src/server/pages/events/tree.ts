import { printable } from '../../../base/index.ts';
import { asArray, asObject, type JsonValue } from '../../../wire/index.ts';
import { amount } from '../frame.ts';
import { html, type Html } from '../html.ts';

/** What one tree shows at most; the rest is in the text itself. */
const MOST_VALUES = 2_000;
const MOST_BYTES = 2_000;
/** Levels that are open at first. */
const OPEN_LEVELS = 3;

/** A JSON value as a list of lists that fold, by a mouse or by keyboard. */
export function treeOf(value: JsonValue): Html {
  const left = { count: MOST_VALUES };
  const tree = html`<ul class="tree">${membersOf(value, 0, left)}</ul>`;
  if (left.count > 0) return tree;
  return html`${tree}<p class="quiet">The first ${MOST_VALUES.toLocaleString('en')} values are shown.</p>`;
}

interface Left {
  count: number;
}

function membersOf(value: JsonValue, level: number, left: Left): readonly Html[] {
  const object = asObject(value);
  const entries =
    object === null
      ? (asArray(value) ?? [value]).map((each, index) => [String(index), each] as const)
      : Object.entries(object);
  return entries.flatMap(([key, each]) => {
    if (left.count === 0) return [];
    left.count -= 1;
    return [html`<li>${memberOf(printable(key, MOST_BYTES), each, level, left)}</li>`];
  });
}

function memberOf(key: string, value: JsonValue, level: number, left: Left): Html {
  const size = asArray(value)?.length ?? Object.keys(asObject(value) ?? {}).length;
  if (size === 0) return html`<b>${key}</b> ${leafOf(value)}`;
  const inner = html`<summary><b>${key}</b> <span class="quiet">${amount(size, 'value')}</span></summary><ul>${membersOf(value, level + 1, left)}</ul>`;
  return level < OPEN_LEVELS
    ? html`<details open>${inner}</details>`
    : html`<details>${inner}</details>`;
}

/** A value without values in it, as JSON writes it. */
export function leafOf(value: JsonValue): Html {
  return html`<code>${printable(JSON.stringify(value), MOST_BYTES)}</code>`;
}
