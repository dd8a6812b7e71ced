import type { Page } from 'playwright-core';
import { ROUTES } from '../../src/server/routes.ts';
import { faultsNow, faultsOf, tabFaults } from './page-audit.ts';
import { photograph } from './screenshots.ts';

/** How many pages of one kind are looked at; of some others the status alone is asked for. */
export interface Depth {
  /** In light and dark, on a desk and on a phone. */
  readonly closely: number;
  /** At all, of this kind. */
  readonly opened: (kind: string) => number;
  /** How pictures of those looked at closely are named. */
  readonly pictures: string;
}

/** Addresses of one kind whose status alone is asked for. */
const MOST_ASKED = 25;

/** What was found by following every link of this receiver from its first page on. */
export interface Crawl {
  /** How many pages of each route were opened in the browser. */
  readonly pages: ReadonlyMap<string, number>;
  /** How many were only asked for. */
  readonly asked: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

/** Follows every link from the overview on, and looks at the first pages of each kind. */
export async function crawl(page: Page, depth: Depth): Promise<Crawl> {
  const [pages, asked] = [new Map<string, number>(), new Map<string, number>()];
  const [known, seen] = [new Map<string, number>(), new Set(['/'])];
  const files = new Set<string>();
  const faults: string[] = [];
  for (const here of seen) {
    const kind = routeOf(here);
    const count = pages.get(kind) ?? 0;
    const isOpened = !files.has(here) && count < depth.opened(kind);
    addOne(isOpened ? pages : asked, kind);
    const found = isOpened
      ? await look(page, here, { depth, count })
      : await answerFaults(page, here, files.has(here));
    faults.push(...found.map((fault) => `${here} ${fault}`));
    // What is added to a set while it is walked through is walked through too.
    for (const { path, isFile } of isOpened ? await linksOf(page) : []) {
      if (isFile) files.add(path);
      const its = routeOf(path);
      // No kind of page crowds another one out.
      if (!seen.has(path) && addOne(known, its) <= depth.opened(its) + MOST_ASKED) seen.add(path);
    }
  }
  return { pages, asked, faults };
}

function addOne(counts: Map<string, number>, kind: string): number {
  const count = (counts.get(kind) ?? 0) + 1;
  counts.set(kind, count);
  return count;
}

/** Opens a page that follows `count` others of its kind. @returns what is wrong with it. */
async function look(
  page: Page,
  at: string,
  { depth, count }: { readonly depth: Depth; readonly count: number },
): Promise<readonly string[]> {
  const response = await page.goto(at);
  if (response?.status() !== 200) return [`answered ${response?.status() ?? 'nothing'}`];
  const isClose = count < depth.closely;
  if (isClose) await photograph(page, `${depth.pictures}-${routeOf(at)}-${count}`);
  const faults = await (isClose ? faultsOf(page) : faultsNow(page));
  return count === 0 ? [...faults, ...(await tabFaults(page))] : faults;
}

/** What is downloaded is shown by no browser as a page of this receiver. */
const FILE_HEADERS = {
  'content-disposition': /^attachment(?:;|$)/,
  'x-content-type-options': /^nosniff$/,
  'content-security-policy': /\bsandbox\b/,
};

async function answerFaults(page: Page, at: string, isFile: boolean): Promise<readonly string[]> {
  const { request } = page.context();
  const answer = await request.get(at, { headers: { accept: 'text/html' } });
  if (answer.status() !== 200) return [`answered ${answer.status()}`];
  const headers = answer.headers();
  return Object.entries(isFile ? FILE_HEADERS : {})
    .filter(([name, wanted]) => !wanted.test(headers[name] ?? ''))
    .map(([name]) => `is a file with ${name}: ${headers[name]}`);
}

interface Link {
  readonly path: string;
  readonly isFile: boolean;
}

function linksOf(page: Page): Promise<readonly Link[]> {
  return page.evaluate<readonly Link[]>(`[...document.querySelectorAll('a[href]')]
    .filter((each) => each.origin === location.origin)
    .map((each) => ({ path: each.pathname + each.search, isFile: each.hasAttribute('download') }))`);
}

/** The name of the route that answers an address. */
function routeOf(address: string): string {
  const [path = ''] = address.split('?');
  const found = Object.entries(ROUTES).find(
    ([, route]) => route.method === 'GET' && patternOf(route.path).test(path),
  );
  return found?.[0] ?? path;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:[a-z]+(?:\\{[^}]*\\})?/gi, '[^/]+')}$`);
}
