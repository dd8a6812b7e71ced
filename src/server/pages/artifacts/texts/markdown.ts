import MarkdownIt from 'markdown-it';
import type { Token } from 'markdown-it';
import { html, type Html } from '../../html.ts';
import { createColours } from './code.ts';
import { frontMatterOf } from './front-matter.ts';
import { type Heading, headingsOf, idOf } from './headings.ts';
import { isLink, type Target, targetOf } from './links.ts';
import { LIMITS, type Shown } from './shown.ts';

/** What a text needs to know of the place where it stands. */
export interface Place {
  readonly path: string;
  /** The address of another text of the mission; null when there is none. */
  readonly addressOf: (path: string) => string | null;
}

/**
 * Markdown as a part of a page. The parser's HTML is never used: its tokens are read here, those with a line in a table
 * below become that element, texts pass through the pages' escaper, and nothing else gets into the page.
 */
export function showMarkdown(text: string, place: Place): Shown {
  const part = cutAtLine(text, LIMITS.markdownChars);
  const { table, rest } = frontMatterOf(part);
  const parser = new MarkdownIt({ html: false });
  parser.validateLink = isLink;
  const tokens = parser.parse(rest, {});
  const writing = createWriting(place, tokens);
  write(tokens, writing);
  const { pieces, ends, room } = writing;
  const body: Html = { html: [...pieces, ...ends.toReversed()].join('') };
  const notes = [
    ...(part.length === text.length
      ? []
      : [`Shown: the first ${LIMITS.markdownChars / 1024} KiB.`]),
    ...(room < 0 ? ['Shown: the beginning; the whole would be too long for a page.'] : []),
  ];
  return { body: html`${table}<div class="text">${body}</div>`, notes };
}

function cutAtLine(text: string, most: number): string {
  if (text.length <= most) return text;
  return text.slice(0, text.lastIndexOf('\n', most) + 1 || most);
}

/** What is known of the whole text, and what is written so far. */
interface Writing {
  readonly place: Place;
  readonly paint: ReturnType<typeof createColours>;
  readonly headings: ReadonlyMap<Token, Heading>;
  /** The ids that a link within the text may lead to. */
  readonly ids: ReadonlySet<string>;
  readonly pieces: string[];
  /** The ends of the elements that are open, the innermost last. */
  readonly ends: string[];
  /** Characters that may still be written; below zero, nothing more is. */
  room: number;
  /** The heading above, which names what has no name of its own. */
  heading: string;
  /** Whether a link is open: none holds another one. */
  isInLink: boolean;
}

function createWriting(place: Place, tokens: readonly Token[]): Writing {
  const headings = headingsOf(tokens);
  return {
    place,
    paint: createColours(),
    headings,
    ids: new Set([...headings.values()].map(({ id }) => id)),
    pieces: [],
    ends: [],
    room: LIMITS.htmlChars,
    heading: '',
    isInLink: false,
  };
}

/** An element around others: how it begins, and how it ends. */
interface Around {
  readonly start: Html;
  readonly end: string;
}

function write(tokens: readonly Token[], writing: Writing): void {
  for (const [index, token] of tokens.entries()) {
    if (writing.room < 0) return;
    if (token.hidden) continue;
    if (token.type === 'inline') {
      const children = token.children ?? [];
      add(writing, boxOf(tokens, index, children));
      write(children, writing);
    } else if (token.nesting === 1) {
      const { start, end } = aroundOf(token, tokens[index + 1], writing);
      writing.ends.push(end);
      add(writing, start);
    } else if (token.nesting === -1) {
      if (token.type === 'link_close') writing.isInLink = false;
      add(writing, { html: writing.ends.pop() ?? '' });
    } else {
      add(writing, leafOf(token, writing));
    }
  }
}

function add(writing: Writing, piece: Html): void {
  writing.room -= piece.html.length;
  writing.pieces.push(piece.html);
}

/** The elements around others, without attributes. */
const AROUND: Readonly<Partial<Record<string, readonly [start: Html, end: string]>>> = {
  paragraph_open: [html`<p>`, '</p>\n'],
  blockquote_open: [html`<blockquote>`, '</blockquote>\n'],
  bullet_list_open: [html`<ul>`, '</ul>\n'],
  list_item_open: [html`<li>`, '</li>\n'],
  thead_open: [html`<thead>`, '</thead>'],
  tbody_open: [html`<tbody>`, '</tbody>'],
  tr_open: [html`<tr>`, '</tr>\n'],
  th_open: [html`<th scope="col">`, '</th>'],
  td_open: [html`<td>`, '</td>'],
  em_open: [html`<em>`, '</em>'],
  strong_open: [html`<strong>`, '</strong>'],
  s_open: [html`<s>`, '</s>'],
};

function aroundOf(token: Token, next: Token | undefined, writing: Writing): Around {
  if (token.type === 'link_open') {
    const href = String(token.attrGet('href'));
    const { start, end } = linkOf(href, next?.content ?? '', writing);
    // A link without words is called what it leads to.
    return { start: next?.type === 'link_close' ? html`${start}${href}` : start, end };
  }
  if (token.type === 'heading_open') return headingOf(token, writing);
  if (token.type === 'ordered_list_open') {
    const start = token.attrGet('start') ?? 1;
    return { start: html`<ol start="${String(start)}">`, end: '</ol>\n' };
  }
  if (token.type === 'table_open') {
    const name = writing.heading === '' ? 'Table' : `Table of ${writing.heading}`;
    const start = html`<div class="scroll" role="region" aria-label="${name}" tabindex="0"><table>
<caption class="unseen">${name}</caption>`;
    return { start, end: '</table></div>\n' };
  }
  const [start, end] = AROUND[token.type] ?? [html`<div>`, '</div>\n'];
  return { start, end };
}

function headingOf(token: Token, writing: Writing): Around {
  const { id, level, text } = writing.headings.get(token) ?? { id: '', level: 6, text: '' };
  writing.heading = text.slice(0, 80);
  const tag = `h${level}`;
  return { start: html`<${{ html: tag }} id="${id}">`, end: `</${tag}>\n` };
}

function leafOf(token: Token, writing: Writing): Html {
  switch (token.type) {
    case 'fence':
    case 'code_block':
      return codeOf(token, writing);
    case 'hr':
      return html`<hr>`;
    case 'code_inline':
      return html`<code>${token.content}</code>`;
    case 'image':
      return imageOf(token, writing);
    case 'hardbreak':
      return html`<br>`;
    case 'softbreak':
      return html`
`;
    default:
      return html`${token.content}`;
  }
}

function codeOf({ content, info }: Token, writing: Writing): Html {
  const language = /^[\w+#-]*/.exec(info.trim())?.[0].toLowerCase() ?? '';
  const name = language === '' ? 'Code' : `Code: ${language}`;
  const caption =
    language === 'mermaid' ? html`<p class="quiet">A mermaid diagram, as it was written:</p>` : [];
  return html`${caption}<pre role="region" aria-label="${name}" tabindex="0"><code>${writing.paint(content, language)}</code></pre>
`;
}

const TASK = /^\[([ xX])\](?=\s)/;
/** Nobody can press them here, so they are signs; drawn, because not every font has them. */
const OPEN_TASK = html`<span class="task" role="img" aria-label="open"></span>`;
const DONE_TASK = html`<span class="task ticked" role="img" aria-label="done"></span>`;

/** The sign of a text that begins an item of a list with `[ ]` or `[x]`, which are taken out of it. */
function boxOf(tokens: readonly Token[], index: number, [first]: readonly Token[]): Html {
  const isItem = tokens[index - 2]?.type === 'list_item_open' && first?.type === 'text';
  const sign = isItem ? TASK.exec(first.content)?.[1] : undefined;
  if (first === undefined || sign === undefined) return html``;
  first.content = first.content.replace(TASK, '');
  return sign === ' ' ? OPEN_TASK : DONE_TASK;
}

function linkOf(href: string, words: string, writing: Writing): Around {
  const target = targetOf(href, writing.place.path);
  const start = target === null ? null : anchorOf(target, writing);
  if (start === null) {
    // What leads nowhere from here says where it would.
    const place = words === href ? html`` : html` <span class="quiet">(${href})</span>`;
    return { start: html``, end: place.html };
  }
  writing.isInLink = true;
  return { start, end: '</a>' };
}

function anchorOf(target: Target, { place, ids }: Writing): Html | null {
  if (target.kind === 'outside') {
    return html`<a href="${target.href}" rel="noopener noreferrer nofollow">`;
  }
  if (target.kind === 'heading') {
    const id = idOf(target.slug);
    return ids.has(id) ? html`<a href="#${id}">` : null;
  }
  const address = place.addressOf(target.path);
  const fragment = target.slug === null ? '' : `#${idOf(target.slug)}`;
  return address === null ? null : html`<a href="${address}${fragment}">`;
}

/** A picture is never fetched: its words stand for it, and lead to it. */
function imageOf(token: Token, writing: Writing): Html {
  const words = token.content === '' ? 'picture' : token.content;
  if (writing.isInLink) return html`${words}`;
  const { start, end } = linkOf(String(token.attrGet('src')), words, writing);
  writing.isInLink = false;
  return html`${start}${words}${{ html: end }}`;
}
