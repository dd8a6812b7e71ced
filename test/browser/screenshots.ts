import { mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Page } from 'playwright-core';
import { PHONE } from './page-audit.ts';

/** Names a directory that gets pictures of the pages; without it none are taken. */
const DIRECTORY = 'BROWSER_SCREENSHOTS';
/** What is below would make a picture that nobody can look at. */
const MOST_HEIGHT = 2_000;
const WIDE = { width: 1280, height: 800 };

/** Pictures of the page in light, in dark and on a phone, for people to look at. */
export async function photograph(page: Page, name: string): Promise<void> {
  const dir = process.env[DIRECTORY] ?? '';
  if (dir === '') return;
  mkdirSync(dir, { recursive: true });
  const shoot = async (kind: string): Promise<void> => {
    const file = path.join(dir, `${name}-${kind}.png`);
    const { width = 0 } = page.viewportSize() ?? {};
    const height = await page.evaluate<number>('document.documentElement.scrollHeight');
    const clip = { x: 0, y: 0, width, height: Math.min(height, MOST_HEIGHT) };
    await page.screenshot({ path: file, fullPage: true, clip, caret: 'initial' });
  };
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'light' });
  await shoot('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot('dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(PHONE);
  await shoot('phone');
  await page.setViewportSize(WIDE);
}
