import { messageOf, printable } from '../../../../base/index.ts';
import { showAsLines } from './lines.ts';
import { LIMITS, type Shown } from './shown.ts';
import {
  type Allowance,
  allowance,
  type Entry,
  SHORTENED,
  tooDeep,
  type Tree,
  treeOf,
} from './tree.ts';

/** JSON as a tree; as lines where it is not JSON. */
export function showJson(text: string): Shown {
  const fault = faultOf(text);
  if (fault !== null) return showAsLines(text, `This is not JSON: ${fault}.`);
  const left = allowance();
  const body = treeOf(readTree(text, left));
  return { body, notes: left.isSpent() ? [SHORTENED] : [] };
}

/** One JSON a line as a tree a line; a line that is none stands there as it is. */
export function showJsonLines(text: string): Shown {
  const lines = text.split(/\r?\n/);
  const left = allowance();
  const entries: Entry[] = [];
  const odd: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    if (left.isSpent()) break;
    const isJson = faultOf(line) === null;
    if (!isJson) odd.push(index + 1);
    const value: Tree = isJson ? readTree(line, left) : { kind: 'reference', text: line };
    entries.push({ key: `Line ${index + 1}`, value });
    if (entries.length === LIMITS.rows) break;
  }
  const isWhole = !left.isSpent() && entries.length < LIMITS.rows;
  const shown = `Shown: the first ${entries.length.toLocaleString('en')} lines.`;
  return {
    body: treeOf({ kind: 'list', entries }, 1),
    notes: [
      ...(isWhole ? [] : [shown]),
      ...(odd.length === 0
        ? []
        : [`Not JSON: line ${odd.slice(0, 10).join(', ')}${odd.length > 10 ? ' …' : ''}.`]),
    ],
  };
}

/** What the parser says against a text; null for JSON. It does not call itself, however deep the text is. */
function faultOf(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return printable(messageOf(error), 120);
  }
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]|[^\s"[\]{}:,]+/gs;

interface Open {
  readonly kind: 'map' | 'list';
  readonly entries: Entry[];
  /** Of the member whose value comes next. */
  key: string | null;
}

/**
 * Reads JSON that was found to be JSON, token by token and without calling itself. The parser's own values would have
 * other digits, another order, and one of two values under one name.
 */
function readTree(text: string, left: Allowance): Tree {
  const root: Open = { kind: 'list', entries: [], key: null };
  const open: Open[] = [root];
  // Where what lies too deep begins, and how deep it is by now; 0 outside of it.
  let deep = { start: 0, depth: 0 };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const step = STEPS[token] ?? 0;
    if (deep.depth > 0) {
      deep = { ...deep, depth: deep.depth + step };
      if (deep.depth === 0) add(open, tooDeep(text.slice(deep.start, index + 1)));
    } else if (step > 0 && open.length > LIMITS.treeDepth) {
      deep = { start: index, depth: 1 };
    } else if (!take(open, token, left)) {
      break;
    }
  }
  while (open.length > 1) close(open);
  return root.entries[0]?.value ?? { kind: 'word', text: 'null' };
}

const STEPS: Readonly<Partial<Record<string, 1 | -1>>> = { '{': 1, '[': 1, '}': -1, ']': -1 };

/** Takes one token into what is open. @returns false when there is no room for it. */
function take(open: Open[], token: string, left: Allowance): boolean {
  const top = open.at(-1);
  const step = STEPS[token] ?? 0;
  if (step < 0) {
    close(open);
  } else if (top?.kind === 'map' && top.key === null) {
    top.key = String(JSON.parse(token));
  } else if (!left.take()) {
    return false;
  } else if (step > 0) {
    open.push({ kind: token === '{' ? 'map' : 'list', entries: [], key: null });
  } else {
    add(open, leaf(token));
  }
  return true;
}

function close(open: Open[]): void {
  const done = open.pop();
  if (done !== undefined) add(open, { kind: done.kind, entries: done.entries });
}

function add(open: readonly Open[], value: Tree): void {
  const to = open.at(-1);
  if (to === undefined) return;
  to.entries.push({ key: to.key, value });
  to.key = null;
}

function leaf(token: string): Tree {
  if (token.startsWith('"')) return { kind: 'text', text: `"${String(JSON.parse(token))}"` };
  return { kind: /^[-\d]/.test(token) ? 'number' : 'word', text: token };
}
