import { appendFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { OPERATIONS, ROUTES } from '../../src/server/routes.ts';
import { browserOfFile } from '../support/browser.ts';
import {
  ARTIFACTS,
  createMachine,
  EXAMPLE_MISSIONS,
  sampleMissions,
} from '../support/command-line.ts';
import { type RealReceiver, realReceiver } from '../support/real-receiver.ts';
import { crawl } from './crawl.ts';
import { faultsOf, tabFaults } from './page-audit.ts';
import { photograph } from './screenshots.ts';

const visit = browserOfFile();

/** What no link leads to: a script listens to it. */
const STREAMS = ['streamEvents'];

/** A receiver that holds these missions, with the texts of their artifacts, one of them in two versions. */
async function deliver(missions: string): Promise<RealReceiver> {
  const receiver = await realReceiver();
  const machine = createMachine(ARTIFACTS);
  const cwd = await machine.project('repo', missions);
  const mode = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await machine.run(mode, { cwd })).exit).toBe(0);
  await machine.run(['sync', 'now'], { cwd });
  const [first = ''] = readdirSync(missions).toSorted();
  appendFileSync(path.join(cwd, 'kitty-specs', first, 'spec.md'), '\nOne more line.\n');
  await machine.run(['sync', 'now'], { cwd });
  return receiver;
}

const samples = sampleMissions();

it('leads everywhere by links, by keyboard too, and can be read in light and dark, on a desk and on a phone', async () => {
  if (samples === null) process.stdout.write('No sample missions here: the example stands in.\n');
  const missions = samples ?? EXAMPLE_MISSIONS;
  const receiver = await deliver(missions);
  const { page } = await visit(receiver.url);
  const began = performance.now();
  const { pages, asked, faults } = await crawl(page, {
    closely: 6,
    opened: () => 16,
    pictures: 'missions',
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(
    `${seconds} s: opened ${JSON.stringify([...pages])}, asked for ${JSON.stringify([...asked])}\n`,
  );
  expect(faults).toEqual([]);
  expect(pages.get('missionPage')).toBe(readdirSync(missions).length);
  const wanted = Object.entries(ROUTES).filter(
    ([, { gate, method }]) => gate === 'page' && method === 'GET',
  );
  const missed = wanted
    .map(([name]) => name)
    .filter((name) => !pages.has(name) && !asked.has(name));
  expect(missed).toEqual(STREAMS);
}, 240_000);

it('says and leads to the same without scripts', async () => {
  const receiver = await deliver(EXAMPLE_MISSIONS);
  const depth = { closely: 0, opened: () => 2, pictures: 'no-scripts' };
  const { page } = await visit(receiver.url);
  const withScripts = await crawl(page, depth);
  const bare = await visit(receiver.url, { javaScriptEnabled: false });
  expect(await crawl(bare.page, depth)).toEqual(withScripts);
  expect(withScripts.faults).toEqual([]);
  for (const at of ['/', await firstProject(page)]) {
    await page.goto(at);
    await bare.page.goto(at);
    expect(await bare.page.innerText('main')).toBe(await page.innerText('main'));
  }
}, 60_000);

it('describes its interface in a page that can be read', async () => {
  const { page } = await visit((await realReceiver()).url);
  await page.goto(OPERATIONS.apiPage);
  await photograph(page, 'api-docs');
  expect([...(await faultsOf(page)), ...(await tabFaults(page))]).toEqual([]);
});

async function firstProject(page: Page): Promise<string> {
  await page.goto('/');
  return (await page.locator('main a').first().getAttribute('href')) ?? '';
}
