import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import diff from 'highlight.js/lib/languages/diff';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import yaml from 'highlight.js/lib/languages/yaml';
import { html, type Html } from '../../html.ts';
import { LIMITS } from './shown.ts';

/**
 * None of these reads another language inside itself: such grammars call themselves as deep as a text has them do it, and
 * a regular expression that is compiled at the end of the stack ends the process.
 */
const LANGUAGES = { bash, diff, javascript, json, python, sql, typescript, yaml } as const;

/** What a scope's first word is coloured as; the others have no colour. */
const CLASSES: Readonly<Partial<Record<string, string>>> = {
  addition: 'c-text',
  attr: 'c-name',
  attribute: 'c-name',
  built_in: 'c-word',
  comment: 'c-quiet',
  deletion: 'c-number',
  keyword: 'c-word',
  literal: 'c-number',
  meta: 'c-quiet',
  number: 'c-number',
  regexp: 'c-text',
  section: 'c-name',
  string: 'c-text',
  symbol: 'c-number',
  title: 'c-name',
  type: 'c-word',
  variable: 'c-name',
};

/**
 * What highlight.js tells as it reads. Its own teller makes nested HTML by calling itself; this one makes flat pieces, each
 * through the pages' escaper.
 */
class Pieces {
  readonly #open: string[] = [];
  readonly #pieces: string[] = [];

  addText(text: string): void {
    const name = CLASSES[(this.#open.at(-1) ?? '').split('.')[0] ?? ''];
    const piece = name === undefined ? html`${text}` : html`<span class="${name}">${text}</span>`;
    this.#pieces.push(piece.html);
  }

  startScope(name: string): void {
    this.#open.push(name);
  }

  endScope(): void {
    this.#open.pop();
  }

  openNode(name: string): void {
    this.startScope(name);
  }

  closeNode(): void {
    this.endScope();
  }

  finalize(): void {
    this.#open.length = 0;
  }

  toHTML(): string {
    return this.#pieces.join('');
  }

  __addSublanguage(): void {
    // No language here holds another one.
  }
}

/** Colours blocks of code, as long as there are not too many of them. */
export function createColours(): (code: string, language: string) => Html {
  let painter: ReturnType<typeof createPainter> | null = null;
  let left: number = LIMITS.allCodeChars;
  return (code, language) => {
    const isFit =
      code.length <= Math.min(left, LIMITS.codeChars) &&
      !code.split('\n').some((line) => line.length > LIMITS.codeLineChars);
    if (!isFit || language === '') return html`${code}`;
    painter ??= createPainter();
    if (painter.getLanguage(language) === undefined) return html`${code}`;
    left -= code.length;
    const painted = painter.highlight(code, { language, ignoreIllegals: true });
    return painted.errorRaised === undefined ? { html: painted.value } : html`${code}`;
  };
}

function createPainter(): typeof hljs {
  const painter = hljs.newInstance();
  painter.configure({ __emitter: Pieces });
  for (const [name, grammar] of Object.entries(LANGUAGES)) painter.registerLanguage(name, grammar);
  return painter;
}
