import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
} from 'yaml';
import { messageOf, ok, failed, printable, type Result } from '../../../../base/index.ts';
import { html, type Html } from '../../html.ts';
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

/** YAML as one tree for each document; as lines where it is not YAML. */
export function showYaml(text: string): Shown {
  const left = allowance();
  const read = readYaml(text, left);
  if (!read.ok) return showAsLines(text, read.error);
  const trees = read.value;
  const body = trees.map((tree, index): Html => {
    const name = trees.length === 1 ? [] : html`<p class="quiet">Document ${String(index + 1)}</p>`;
    return html`${name}${treeOf(tree)}`;
  });
  return { body: html`${body}`, notes: left.isSpent() ? [SHORTENED] : [] };
}

/**
 * The documents of a YAML text; why there are none, as a sentence. Aliases stay names, so that nothing grows. The depth is
 * looked at before the documents are composed, because the composer calls itself.
 */
export function readYaml(text: string, left: Allowance): Result<readonly Tree[], string> {
  if (text.length > LIMITS.yamlChars) {
    return failed(`YAML is shown as a tree up to ${LIMITS.yamlChars / 1024} KiB.`);
  }
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  if (isDeeper(tokens, LIMITS.yamlDepth)) {
    return failed(`This YAML lies deeper than ${LIMITS.yamlDepth} levels.`);
  }
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  const documents: Document.Parsed[] = [...composer.compose(tokens)];
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    return failed(`This is not YAML (line ${line}): ${printable(messageOf(error), 120)}.`);
  }
  return ok(documents.map(({ contents }) => toTree(contents, left, 0)));
}

/** Whether what the parser read lies deeper than that; told without a call of itself. */
function isDeeper(tokens: readonly CST.Token[], most: number): boolean {
  const waiting = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > most) return true;
    for (const child of childrenOf(token)) waiting.push({ token: child, depth: depth + 1 });
  }
  return false;
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value].filter((part) => part != null));
}

function toTree(node: unknown, left: Allowance, depth: number): Tree {
  if (isAlias(node)) return { kind: 'reference', text: `*${node.source}` };
  if (isScalar(node)) return scalarOf(node);
  if (!isMap(node) && !isSeq(node)) return { kind: 'word', text: 'null' };
  if (depth === LIMITS.treeDepth) return tooDeep('…');
  const entries: Entry[] = [];
  for (const item of node.items as readonly unknown[]) {
    if (!left.take()) break;
    entries.push(
      isPair(item)
        ? { key: keyOf(item.key), value: toTree(item.value, left, depth + 1) }
        : { key: null, value: toTree(item, left, depth + 1) },
    );
  }
  return { kind: isMap(node) ? 'map' : 'list', entries };
}

interface ScalarLike {
  readonly value: unknown;
  readonly source?: string;
  readonly type?: string;
}

/** A value that nothing quotes stands as it was written: `1_000`, `007`, `~`. */
function scalarOf({ value, source, type }: ScalarLike): Tree {
  const text = source ?? String(value);
  if (typeof value === 'string') {
    return { kind: 'text', text: type?.startsWith('QUOTE') === true ? `"${text}"` : text };
  }
  return { kind: typeof value === 'number' ? 'number' : 'word', text: text === '' ? 'null' : text };
}

function keyOf(key: unknown): string {
  if (isScalar(key)) return key.source ?? String(key.value);
  return isAlias(key) ? `*${key.source}` : '(a collection as a name)';
}
