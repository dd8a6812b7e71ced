import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';

const FAULTS = readFileSync(new URL('page-faults.js', import.meta.url), 'utf8');
const WIDE = { width: 1280, height: 800 };
/** The narrowest width that pages are made for (WCAG 2.2, 1.4.10). */
export const PHONE = { width: 320, height: 740 };
/** Roles whose elements say nothing to a screen reader without a name. */
const NAMED = new Set(
  'link button textbox searchbox combobox listbox checkbox radio spinbutton heading image img region table'.split(
    ' ',
  ),
);

/** What is wrong with the page that is open, in light and dark, on a desk and on a phone. */
export async function faultsOf(page: Page): Promise<readonly string[]> {
  const found = [...(await nameless(page))];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const size of [WIDE, PHONE]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      const faults = await faultsNow(page);
      found.push(...faults.map((fault) => `${colorScheme} at ${size.width}: ${fault}`));
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(WIDE);
  return found;
}

/** What is wrong with the page that is open, as it looks now. */
export function faultsNow(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(FAULTS);
}

/** What a screen reader meets and could not say a name of, as the browser computes names. */
async function nameless(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter(({ ignored, role }) => !ignored && NAMED.has(String(role?.value)))
    .filter(({ name }) => String(name?.value ?? '').trim() === '')
    .map(({ role }) => `a ${String(role?.value)} without a name`);
}

/** Presses of the tab key after which a page is believed to go on as it began. */
const MOST_STOPS = 120;

interface Stop {
  /** Its place among all that can have the focus, -1 when the focus is nowhere. */
  readonly place: number;
  readonly of: number;
  readonly isMarked: boolean;
  /** Whether it has places of its own within, as the parts of a date are. */
  readonly isDivided: boolean;
  readonly shows: string;
}

const STOP = `(() => {
  const isPassed = (each) => each.type === 'radio' && !each.checked
    && [...each.form.elements].some((other) => other.name === each.name && other.checked);
  const can = [...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex]')]
    .filter((each) => each.tabIndex >= 0 && !each.disabled && !isPassed(each) && each.checkVisibility());
  const at = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  return { place: can.indexOf(at), of: can.length, shows: at.outerHTML.slice(0, 100),
    isDivided: at.type === 'datetime-local',
    isMarked: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 };
})()`;

/** What somebody misses who has only a tab key: places out of their order, or where the focus cannot be seen. */
export async function tabFaults(page: Page): Promise<readonly string[]> {
  const faults: string[] = [];
  let place = 0;
  for (let presses = 0; presses < MOST_STOPS; presses += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<Stop>(STOP);
    if (stop.isDivided && stop.place === place - 1) continue;
    if (stop.place === -1 && place === stop.of) return faults;
    if (stop.place !== place)
      return [...faults, `tab ${place} led to ${stop.place}: ${stop.shows}`];
    if (!stop.isMarked) faults.push(`the focus cannot be seen: ${stop.shows}`);
    place += 1;
    if (place === stop.of) return faults;
  }
  return faults;
}
