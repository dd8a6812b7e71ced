/** An element of a page, as a browser reads it. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Its own text and that of everything in it, white space closed up. */
  readonly text: string;
}

interface Open {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const TOKEN =
  /<!doctype html>|<\/([a-z][a-z0-9]*)>|<([a-z][a-z0-9]*)((?: [a-z][a-z0-9-]*(?:="[^"<]*")?)*)(\/?)>|([^<]+)/gi;
const ATTRIBUTE = / ([a-z][a-z0-9-]*)(?:="([^"]*)")?/gi;
const EMPTY = new Set(['meta', 'input', 'br', 'hr']);
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  39: "'",
};

/**
 * Reads a page by a grammar narrower than HTML's: every tag whole and closed, every value quoted, every `&` one of five
 * names. What passes has one reading only, the one a browser makes.
 * @throws Error for everything else.
 */
export function readPage(html: string): Element {
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open: Open[] = [root];
  let end = 0;
  for (const found of html.matchAll(TOKEN)) {
    if (found.index !== end) break;
    end += found[0].length;
    take(open, found);
  }
  if (end !== html.length) throw new Error(`not plain: ${html.slice(end, end + 120)}`);
  if (open.length > 1) throw new Error(`${open.at(-1)?.name ?? ''} is not closed`);
  return finished(root);
}

function take(open: Open[], found: RegExpMatchArray): void {
  const [, closed, opened, attributes = '', slash, text] = found;
  const top = open.at(-1);
  if (text !== undefined && top !== undefined)
    top.text += top.name === 'style' ? '' : decoded(text);
  if (closed !== undefined) {
    if (top?.name !== closed) throw new Error(`</${closed}> in ${top?.name ?? ''}`);
    close(open);
  }
  if (opened === undefined) return;
  open.push({ name: opened, attributes: attributesIn(attributes), children: [], text: '' });
  if (slash === '/' || EMPTY.has(opened)) close(open);
}

/** Every element below, in the page's order, with this name and, where it is given, this class. */
export function allIn(element: Element, name: string, className?: string): readonly Element[] {
  return element.children.flatMap((child) => [
    ...(child.name === name &&
    (className ?? child.attributes['class']) === child.attributes['class']
      ? [child]
      : []),
    ...allIn(child, name, className),
  ]);
}

/** The cells of the table with that caption, row by row. */
export function rowsOf(page: Element, caption: RegExp): readonly (readonly string[])[] {
  const table = allIn(page, 'table').find((each) =>
    caption.test(allIn(each, 'caption')[0]?.text ?? ''),
  );
  if (table === undefined) throw new Error(`no table is called ${String(caption)}`);
  return allIn(table, 'tr')
    .slice(1)
    .map((row) => allIn(row, 'td').map((cell) => cell.text));
}

function close(open: Open[]): void {
  const done = open.pop();
  const parent = open.at(-1);
  if (done === undefined || parent === undefined) throw new Error('a page ends once');
  parent.children.push(finished(done));
  parent.text += ` ${done.text} `;
}

function finished({ text, ...rest }: Open): Element {
  return { ...rest, text: text.replaceAll(/\s+/g, ' ').trim() };
}

function attributesIn(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, decoded(value)]),
  );
}

function decoded(text: string): string {
  return text.replaceAll(/&(?:#?([a-z0-9]+);)?/g, (whole, name: string | undefined) => {
    const char = NAMED[name ?? ''];
    if (char === undefined) throw new Error(`a stray ${whole}`);
    return char;
  });
}
