import { expect, it } from 'vitest';
import { browserOfFile } from '../support/browser.ts';
import {
  envelope,
  listenTrial,
  NOW,
  postRequest,
  PROJECT,
  send,
  startTrial,
} from '../support/receiver-trial.ts';
import { faultsOf } from './page-audit.ts';
import { photograph } from './screenshots.ts';

const visit = browserOfFile();
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

it('says what is wrong and what to do, readably, with figures behind each chart', async () => {
  const trial = await startTrial();
  const { clock, app } = trial;
  await send(trial, [envelope(1), envelope(2, { node_id: 'bbbbbbbbbbbb' })]);
  clock.move(9 * DAY);
  for (let hour = 0; hour < 40; hour += 1) {
    clock.move(HOUR);
    const first = 100 * hour + 10;
    const timestamp = new Date(clock.now() - (hour % 9) * 60_000).toISOString();
    const many = Array.from({ length: 5 + ((hour * 7) % 30) }, (_, n) =>
      envelope(first + n, { timestamp, lamport_clock: first + n }),
    );
    await send(trial, many);
    if (hour % 3 === 0) await send(trial, many.slice(0, 6));
    if (hour % 7 === 0) {
      await send(trial, [
        envelope(first + 70, { event_type: undefined }),
        envelope(first + 71, { timestamp: 'soon' }),
        envelope(first + 72, {
          node_id: 'cccccccccccc',
          timestamp: new Date(clock.now() + HOUR).toISOString(),
        }),
      ]);
    }
  }
  await app.fetch(postRequest(Buffer.from('{')));
  await app.statistics.write();
  const { url } = await listenTrial(trial);
  const { page } = await visit(url);
  await page.goto('/');
  expect(await page.textContent('p.alert')).toMatch(/refused in the last day\..*silent/);
  await photograph(page, 'overview-alert');
  await page.click('p.alert a');
  expect(new URL(page.url()).pathname).toBe('/ingest');
  expect(await page.isVisible('text=hours with events')).toBe(false);
  await page.focus('summary');
  await page.keyboard.press('Enter');
  expect(await page.isVisible('text=hours with events')).toBe(true);
  await page.goto('/ingest');
  expect(await faultsOf(page)).toEqual([]);
  await photograph(page, 'ingest-refusals');
  await page.click('table a[href="#schema_invalid"]');
  expect(await page.isVisible('#schema_invalid pre')).toBe(true);
  await page.goto(`/projects/${PROJECT}/ingest`);
  expect(await faultsOf(page)).toEqual([]);
  await photograph(page, 'ingest-project');
  expect(await page.textContent('main')).toContain('clock 1 h ahead');
  expect(clock.now()).toBeGreaterThan(NOW);
}, 60_000);
