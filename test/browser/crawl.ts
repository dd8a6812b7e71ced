import type { Page } from 'playwright-core';
import { ROUTES } from '../../src/server/routes.ts';
import { faultsOf, tabFaults } from './page-audit.ts';
import { photograph } from './screenshots.ts';

/** Pages of one kind that are looked at closely; of others the status alone is asked for. */
const LOOKED_AT = 16;
const MOST_LINKS = 1_500;

/** What was found by following every link of this receiver from its first page on. */
export interface Crawl {
  /** How many pages of each route were opened in the browser. */
  readonly pages: ReadonlyMap<string, number>;
  /** How many addresses answered, with those that were only asked for. */
  readonly addresses: number;
  readonly faults: readonly string[];
}

/** Follows links from `start`, and looks at the first pages of each kind in light and dark, wide and narrow. */
export async function crawl(page: Page, start = '/'): Promise<Crawl> {
  const pages = new Map<string, number>();
  const faults: string[] = [];
  const seen = new Set([start]);
  const waiting = [start];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    const here = at;
    const kind = routeOf(here);
    const count = pages.get(kind) ?? 0;
    const links =
      count < LOOKED_AT ? await look(page, here, (fault) => faults.push(`${here} ${fault}`)) : null;
    if (links === null) {
      const { status } = await fetch(new URL(here, page.url()), { headers: HEADERS });
      if (status !== 200) faults.push(`${here} answered ${status}`);
      continue;
    }
    pages.set(kind, count + 1);
    await photograph(page, `${kind}-${count}`);
    if (count === 0) {
      faults.push(...(await tabFaults(page)).map((fault) => `${here} ${fault}`));
    }
    for (const link of links.filter((each) => !seen.has(each)).slice(0, MOST_LINKS - seen.size)) {
      seen.add(link);
      waiting.push(link);
    }
  }
  return { pages, addresses: seen.size, faults };
}

const HEADERS = { accept: 'text/html' };

/** Opens a page and says what is wrong with it. @returns its links to pages of this receiver. */
async function look(
  page: Page,
  at: string,
  complain: (fault: string) => void,
): Promise<readonly string[]> {
  const response = await page.goto(at);
  if (response?.status() !== 200) {
    complain(`answered ${response?.status() ?? 'nothing'}`);
    return [];
  }
  for (const fault of await faultsOf(page)) complain(fault);
  return page.evaluate<string[]>(`[...document.querySelectorAll('a[href]')]
    .filter((each) => each.origin === location.origin && !each.hasAttribute('download'))
    .map((each) => each.pathname + each.search)`);
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
