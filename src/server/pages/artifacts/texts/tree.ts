import { amount } from '../../frame.ts';
import { html, type Html } from '../../html.ts';
import { LIMITS } from './shown.ts';

/** What a value is, apart from what it holds. */
export type ValueKind = 'text' | 'number' | 'word' | 'reference' | 'left-out';

/** JSON or YAML as it was written: numbers keep their digits, members their order, names that stand twice both values. */
export type Tree =
  | { readonly kind: ValueKind; readonly text: string }
  | { readonly kind: 'map' | 'list'; readonly entries: readonly Entry[] };

export interface Entry {
  /** Null in a list. */
  readonly key: string | null;
  readonly value: Tree;
}

/** Counts what is put into a tree, so that a page stays a page. */
export interface Allowance {
  /** False when there is room for no more. */
  take(): boolean;
  readonly isSpent: () => boolean;
}

export function allowance(most: number = LIMITS.treeValues): Allowance {
  let left = most;
  let isSpent = false;
  return {
    take: () => {
      isSpent = left === 0;
      left = Math.max(0, left - 1);
      return !isSpent;
    },
    isSpent: () => isSpent,
  };
}

/** What stands in the place of what lies deeper than a page shows. */
export function tooDeep(source: string): Tree {
  return { kind: 'left-out', text: `${source.slice(0, 80)}${source.length > 80 ? ' …' : ''}` };
}

export const SHORTENED = `Shown: the first ${LIMITS.treeValues.toLocaleString('en')} values.`;

const OPEN_LEVELS = 3;
const OPEN_ENTRIES = 50;

/** A tree that opens and closes by `<details>`, without a script. Its depth is at most `LIMITS.treeDepth`. */
export function treeOf(tree: Tree, level = 0): Html {
  if (!('entries' in tree)) return valueOf(tree);
  if (tree.entries.length === 0) return html`<span class="quiet">empty</span>`;
  return html`<ul class="nest">${tree.entries.map(
    ({ key, value }, index) => html`<li>${entryOf(key ?? `${index + 1}`, value, level)}</li>
`,
  )}</ul>`;
}

function entryOf(key: string, value: Tree, level: number): Html {
  if (!('entries' in value)) return html`<span class="key">${key}</span> ${valueOf(value)}`;
  const { entries } = value;
  const size = amount(entries.length, value.kind === 'map' ? 'member' : 'item');
  const head = html`<span class="key">${key}</span> <span class="quiet">${size}</span>`;
  if (entries.length === 0) return head;
  const isOpen = level + 1 < OPEN_LEVELS && entries.length <= OPEN_ENTRIES;
  const start = isOpen ? html`<details open>` : html`<details>`;
  return html`${start}<summary>${head}</summary>${treeOf(value, level + 1)}</details>`;
}

function valueOf({ kind, text }: Extract<Tree, { readonly text: string }>): Html {
  if (kind === 'left-out') return html`<span class="quiet">too deep to be shown: ${text}</span>`;
  return html`<span class="${CLASSES[kind]}">${text}</span>`;
}

const CLASSES = {
  text: 'c-text',
  number: 'c-number',
  word: 'c-word',
  reference: 'c-name',
} as const;
