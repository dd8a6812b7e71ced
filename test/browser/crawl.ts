import type { Page } from 'playwright-core';
import { ROUTES } from '../../src/server/routes.ts';
import { faultsNow, faultsOf, tabFaults } from './page-audit.ts';
import { photograph } from './screenshots.ts';

/** How many pages of one kind are looked at; of the others the status alone is asked for. */
export interface Depth {
  /** In light and dark, on a desk and on a phone. */
  readonly closely: number;
  /** At all. */
  readonly opened: number;
  /** How pictures of those looked at closely are named. */
  readonly pictures: string;
}

/** Addresses of one kind that are followed, so that no kind crowds another one out. */
const MOST_OF_A_KIND = 150;

/** What was found by following every link of this receiver from its first page on. */
export interface Crawl {
  /** How many pages of each route were opened in the browser. */
  readonly pages: ReadonlyMap<string, number>;
  /** How many addresses answered, with those that were only asked for. */
  readonly addresses: number;
  readonly faults: readonly string[];
}

/** Follows every link from the overview on, and looks at the first pages of each kind. */
export async function crawl(page: Page, { closely, opened, pictures }: Depth): Promise<Crawl> {
  const pages = new Map<string, number>();
  const faults: string[] = [];
  const files = new Set<string>();
  const seen = new Set(['/']);
  const known = new Map<string, number>();
  for (const here of seen) {
    const kind = routeOf(here);
    const count = pages.get(kind) ?? 0;
    if (files.has(here) || count >= opened) {
      pages.set(kind, Math.max(count, 1));
      faults.push(...(await answerFaults(page, here, files.has(here))));
      continue;
    }
    pages.set(kind, count + 1);
    const response = await page.goto(here);
    if (response?.status() !== 200) {
      faults.push(`${here} answered ${response?.status() ?? 'nothing'}`);
      continue;
    }
    const found = await (count < closely ? faultsOf(page) : faultsNow(page));
    faults.push(...found.map((fault) => `${here} ${fault}`));
    if (count < closely) await photograph(page, `${pictures}-${kind}-${count}`);
    if (count === 0) {
      faults.push(...(await tabFaults(page)).map((fault) => `${here} ${fault}`));
    }
    // What is added to a set while it is walked through is walked through too.
    for (const { path, isFile } of await linksOf(page)) {
      if (isFile) files.add(path);
      follow(path, seen, known);
    }
  }
  return { pages, addresses: seen.size, faults };
}

/** Adds an address to those that are followed, unless there are enough of its kind. */
function follow(path: string, seen: Set<string>, known: Map<string, number>): void {
  const kind = routeOf(path);
  const count = known.get(kind) ?? 0;
  if (seen.has(path) || count >= MOST_OF_A_KIND) return;
  seen.add(path);
  known.set(kind, count + 1);
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
  if (answer.status() !== 200) return [`${at} answered ${answer.status()}`];
  const headers = answer.headers();
  return Object.entries(isFile ? FILE_HEADERS : {})
    .filter(([name, wanted]) => !wanted.test(headers[name] ?? ''))
    .map(([name]) => `${at} is a file with ${name}: ${headers[name]}`);
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
