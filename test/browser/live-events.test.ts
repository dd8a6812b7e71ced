import { expect, it } from 'vitest';
import { browserOfFile } from '../support/browser.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { envelope, eventId, listenTrial, send, startTrial } from '../support/receiver-trial.ts';
import { faultsNow } from './page-audit.ts';
import { photograph } from './screenshots.ts';

const visit = browserOfFile();
const PATIENT = { timeout: 15_000 };

function move(number: number, mission_slug = '042-demo'): Buffer {
  return envelope(number, {
    event_type: 'WPStatusChanged',
    payload: { mission_slug, wp_id: `WP${number}`, from_lane: 'planned', to_lane: 'limbo' },
  });
}

it('shows events as they arrive, pauses and goes on, and loses none when the receiver starts anew', async () => {
  const trial = await startTrial({ streamPatience: { pollMs: 50 } });
  await send(trial, [move(1), move(2)]);
  const receiver = await listenTrial(trial);
  const { page, alarms } = await visit(receiver.url);
  const packages = () =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll('tbody tr')].map((row) => row.cells[3].textContent)`,
    );
  const state = () => page.innerText('#state');
  await page.goto('/events/tail?type=WPStatusChanged');
  await expect.poll(state, PATIENT).toBe('Live. 0 events have arrived since this page was opened.');
  expect(await packages()).toEqual(['WP2', 'WP1']);

  await send(trial, [move(3), envelope(50), move(4)]);
  await expect.poll(packages, PATIENT).toEqual(['WP4', 'WP3', 'WP2', 'WP1']);
  await expect.poll(state, PATIENT).toBe('Live. 2 events have arrived since this page was opened.');
  expect(await faultsNow(page)).toEqual([]);
  await photograph(page, 'live');
  const link = page.locator('tbody tr').first().locator('a').first();
  expect(await link.getAttribute('href')).toMatch(new RegExp(`/events/${eventId(4)}$`));

  await page.focus('#pause');
  await page.keyboard.press('Enter');
  await expect.poll(state, PATIENT).toContain('Paused.');
  await send(trial, [move(5)]);
  await page.waitForTimeout(300);
  expect(await packages()).toHaveLength(4);
  await page.keyboard.press('Enter');
  await expect.poll(packages, PATIENT).toEqual(['WP5', 'WP4', 'WP3', 'WP2', 'WP1']);

  await receiver.close();
  await expect.poll(state, PATIENT).toBe('Connecting again.');
  await send(trial, [move(6)]);
  await listenTrial(trial, { port: Number(new URL(receiver.url).port) });
  await expect.poll(packages, PATIENT).toHaveLength(6);
  await send(trial, [move(7)]);
  await expect.poll(packages, PATIENT).toEqual(['WP7', 'WP6', 'WP5', 'WP4', 'WP3', 'WP2', 'WP1']);
  // Of the time in which nothing listened.
  expect(alarms.splice(0).filter((alarm) => !alarm.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
}, 60_000);

it('shows hostile texts that arrive as texts', async () => {
  const trial = await startTrial({ streamPatience: { pollMs: 50 } });
  const { url } = await listenTrial(trial);
  const { page } = await visit(url);
  await page.goto('/events/tail');
  await expect.poll(() => page.innerText('#state'), PATIENT).toContain('Live.');
  const texts = HOSTILE_TEXTS.filter((text) => !/\p{Cc}/u.test(text)).slice(0, 400);
  await send(
    trial,
    texts.map((text, number) => move(number, text)),
  );
  const missions = () =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll('tbody tr')].map((row) => row.cells[2].textContent)`,
    );
  await expect.poll(missions, PATIENT).toEqual(texts.toReversed());
  const tags = await page.evaluate<string[]>(
    `[...new Set([...document.querySelectorAll('tbody *')].map((each) => each.localName))].sort()`,
  );
  expect(tags).toEqual(['a', 'td', 'time', 'tr']);
});
