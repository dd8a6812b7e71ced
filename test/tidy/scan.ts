/** A TypeScript text seen three ways; each has the length and the line breaks of the original. */
export interface Scanned {
  /** Without comments, without the insides of strings and of regular expressions. */
  readonly code: string;
  readonly comments: string;
  /** The insides of strings and of template literals. */
  readonly strings: string;
}

interface Piece {
  readonly kind: 'code' | 'comment' | 'string' | 'regex';
  readonly text: string;
}

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
// An apostrophe in text between tags closes nothing, so a quoted string ends with its line.
const QUOTED = /'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const TEMPLATE = /(?:\\[\s\S]|[^`\\$]|\$(?!\{))*(?:`|\$\{|$)/y;
const PLAIN = /[^'"`/{}]+|[\s\S]/y;
/** What stands before a slash that begins a regular expression instead of dividing. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|yield|await|throw|else))\s*$/;

/** Splits a TypeScript text into code, comments and strings, well enough for rules that look for words. */
export function scan(text: string): Scanned {
  const pieces = [...split(text)];
  const only = (kind: Piece['kind']): string =>
    pieces.map((piece) => (piece.kind === kind ? piece.text : blank(piece.text))).join('');
  return { code: only('code'), comments: only('comment'), strings: only('string') };
}

/** The line, counted from 1, on which a character stands. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function* split(text: string): Generator<Piece> {
  /** For each template literal around us: how many braces are open inside its `${…}`. */
  const templates: number[] = [];
  let at = 0;
  let before = '';
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  while (at < text.length) {
    const comment = take(COMMENT);
    if (comment !== '') yield { kind: 'comment', text: comment };
    const literal = take(QUOTED) || (BEFORE_REGEX.test(before) ? take(REGEX) : '');
    if (literal !== '') yield* framed(literal, literal.startsWith('/') ? 'regex' : 'string');
    const plain = comment + literal === '' ? take(PLAIN) : '';
    yield { kind: 'code', text: plain };
    before = `${before}${literal}${plain}`.slice(-40);
    if (opensTemplate(plain, templates)) {
      const chunk = take(TEMPLATE);
      const end = chunk.endsWith('${') ? 2 : 1;
      if (end === 2) templates.push(0);
      yield { kind: 'string', text: chunk.slice(0, -end) };
      yield { kind: 'code', text: chunk.slice(-end) };
      before = chunk.slice(-end);
    }
  }
}

/** Follows the braces; true when a template literal begins, or goes on behind its `}`. */
function opensTemplate(plain: string, templates: number[]): boolean {
  if (plain === '`') return true;
  const open = templates.at(-1);
  if (open === undefined || (plain !== '{' && plain !== '}')) return false;
  templates.pop();
  if (plain === '}' && open === 0) return true;
  templates.push(plain === '{' ? open + 1 : open - 1);
  return false;
}

/** A literal whose first character (and last, when it is closed) is code. */
function* framed(literal: string, kind: Piece['kind']): Generator<Piece> {
  const quote = literal.charAt(0);
  const isClosed = literal.length > 1 && literal.endsWith(quote);
  yield { kind: 'code', text: quote };
  yield { kind, text: isClosed ? literal.slice(1, -1) : literal.slice(1) };
  yield { kind: 'code', text: isClosed ? quote : '' };
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}
