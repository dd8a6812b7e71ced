import process from 'node:process';
import { expect, it } from 'vitest';
import { browserOfFile } from '../support/browser.ts';
import { ARTIFACTS, copyMissions, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { daemonTrial } from '../support/daemon-trial.ts';
import { endLocalReceiver } from '../support/program.ts';
import { photograph } from './screenshots.ts';

const visit = browserOfFile();

const WORDS = 'The keeper rings twice';

it('one command, as a process of its own, and the first event can be seen', async () => {
  const trial = daemonTrial({ ...ARTIFACTS, SPEC_KITTY_KEYRING: '0' });
  const { machine } = trial;
  const command: typeof trial.process = (argv, options) => trial.process(argv, options);
  const cwd = machine.repository('tide-table');
  copyMissions(EXAMPLE_MISSIONS, cwd);
  const pids: number[] = [];
  endLocalReceiver(machine, pids);

  const began = performance.now();
  const up = await command(['up', '--yes', '--receiver', 'local', '--json'], { cwd });
  const ready = performance.now();
  expect([up.code, up.stderr]).toEqual([0, '']);
  const { receiver } = JSON.parse(up.stdout) as { receiver: { url: string; pid: number } };
  pids.push(receiver.pid);
  const { page } = await visit(receiver.url);
  await page.goto('/');
  await page.getByRole('link', { name: 'tide-table' }).click();
  await page.getByRole('link', { name: 'Harbour notices' }).click();
  const board = page.getByRole('region', { name: 'Board of ten lanes' });
  await board.getByText('WP01').waitFor();
  const seen = performance.now();

  const payload = JSON.stringify({
    feature_slug: '002-harbour-notices',
    wp_id: 'WP77',
    title: WORDS,
    dependencies: [],
  });
  const emitted = await command(['emit', 'WPCreated', '--payload', payload], { cwd });
  expect(emitted).toMatchObject({ code: 0, stderr: '' });
  expect(await command(['sync', 'now'], { cwd })).toMatchObject({ code: 0 });
  await page.reload();
  await board.getByText(WORDS).waitFor();
  const again = performance.now();

  await photograph(page, 'first-event');
  const seconds = (from: number, to: number): string => `${((to - from) / 1000).toFixed(1)} s`;
  process.stdout.write(
    `first event in the browser ${seconds(began, seen)} after the command began (${seconds(began, ready)} of it the command); an event of one's own ${seconds(seen, again)} after it was emitted\n`,
  );
}, 60_000);
