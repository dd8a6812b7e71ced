/** Where a link of a text may lead: out of here, to a heading of the same text, or to another text of the mission. */
export type Target =
  | { readonly kind: 'outside'; readonly href: string }
  | { readonly kind: 'heading'; readonly slug: string }
  | { readonly kind: 'artifact'; readonly path: string; readonly slug: string | null };

/** Longer than any address that somebody means; a longer one would be repeated with every use of its name. */
const MOST_HREF_CHARS = 2_000;
const OUTSIDE = /^(?:https?:\/\/|mailto:)/i;
/** Nothing that a browser reads as a scheme, or as another host, and nothing that it leaves out while it reads. */
const RELATIVE = /^(?!\/[/\\]|\\)(?:[^:\\\p{Cc}]*|[^:\\/?#\p{Cc}]*[/?#][^\\\p{Cc}]*)$/u;

/** Whether an address may be a link at all (http, https, mailto, relative); markdown-it asks it with every one. */
export function isLink(href: string): boolean {
  return href.length <= MOST_HREF_CHARS && (OUTSIDE.test(href) || RELATIVE.test(href));
}

/** Where an address in the text at `path` leads; null for nowhere that can be told from here. */
export function targetOf(href: string, path: string): Target | null {
  if (!isLink(href)) return null;
  if (OUTSIDE.test(href)) return { kind: 'outside', href };
  const [place = '', fragment] = href.split('#', 2);
  const slug = fragment === undefined || fragment === '' ? null : slugOf(unescaped(fragment));
  const relative = unescaped(place.split('?', 1)[0] ?? '');
  if (relative === '') return slug === null ? null : { kind: 'heading', slug };
  const found = resolved(relative, path);
  return found === null ? null : { kind: 'artifact', path: found, slug };
}

/** A path as the text at `from` writes it; null for one that leaves the mission. */
function resolved(relative: string, from: string): string | null {
  // From the top of what, nobody says.
  if (relative.startsWith('/')) return null;
  const parts = from.split('/').slice(0, -1);
  for (const part of relative.split('/')) {
    if (part === '..' && parts.pop() === undefined) return null;
    if (part !== '..' && part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** What a heading is called in links, as forges do it. */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
    .slice(0, 100);
}
