import type { Token } from 'markdown-it';
import { slugOf } from './links.ts';

/** A heading as a page shows it. */
export interface Heading {
  readonly id: string;
  readonly level: number;
  readonly text: string;
}

/** Headings stand below the page's own, none more than one level below the one before it, each with an id of its own. */
export function headingsOf(tokens: readonly Token[]): ReadonlyMap<Token, Heading> {
  const found = new Map<Token, Heading>();
  const taken = new Set<string>();
  const times = new Map<string, number>();
  let last = 1;
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const text = tokens[index + 1]?.content ?? '';
    const slug = slugOf(text);
    let count = times.get(slug) ?? 0;
    let id = count === 0 ? idOf(slug) : idOf(`${slug}-${count}`);
    while (taken.has(id)) {
      count += 1;
      id = idOf(`${slug}-${count}`);
    }
    times.set(slug, count + 1);
    taken.add(id);
    last = Math.min(Number(token.tag.slice(1)) + 1, last + 1, 6);
    found.set(token, { id, level: last, text });
  }
  return found;
}

/** The ids of a text's headings begin otherwise than the page's own. */
export function idOf(slug: string): string {
  return `t-${slug}`;
}
