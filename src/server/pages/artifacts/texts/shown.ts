import type { Html } from '../../html.ts';

/** A text as a page shows it. */
export interface Shown {
  readonly body: Html;
  /** What is not as the reader would expect, each a sentence: what is left out, or why it is shown as lines. */
  readonly notes: readonly string[];
}

/** How much one page shows of one text. */
export const LIMITS = {
  /** Characters of Markdown that are read; the slowest take a quarter of a second. */
  markdownChars: 128 * 1024,
  /** Characters of HTML that a rendering may come to: links by reference make much of little. */
  htmlChars: 2 * 1024 * 1024,
  /** Of YAML: beyond it, hostile texts would take seconds. */
  yamlChars: 64 * 1024,
  /** How deep brackets and indentation may lie in YAML, whose parser calls itself. */
  yamlDepth: 100,
  treeDepth: 32,
  treeValues: 5_000,
  rows: 1_000,
  columns: 50,
  lines: 5_000,
  lineChars: 256 * 1024,
  /** One block of code that is coloured, the length of its lines, and all blocks of a text. */
  codeChars: 12 * 1024,
  codeLineChars: 400,
  allCodeChars: 64 * 1024,
  /** Lines of a comparison. */
  changedLines: 2_000,
} as const;
