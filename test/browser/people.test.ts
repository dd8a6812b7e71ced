import { expect, it } from 'vitest';
import { browserOfFile } from '../support/browser.ts';
import { ANN, BEN, openBrowser, startPeopleTrial } from '../support/people-trial.ts';
import { bearer, envelope, listenTrial, send } from '../support/receiver-trial.ts';
import { faultsOf, tabFaults } from './page-audit.ts';
import { photograph } from './screenshots.ts';

const visit = browserOfFile();

it('lets an owner run the team with what a browser has, and no script', async () => {
  const trial = await startPeopleTrial();
  const { access } = await trial.login(ANN, 'harbour');
  await send(trial, [envelope(1)], bearer(access));
  const { cookie } = await openBrowser(trial, ANN, 'harbour');
  const { url } = await listenTrial(trial);
  const { page, context, alarms } = await visit(url);
  const [name = '', value = ''] = cookie.split('=');
  await context.addCookies([{ name, value, url, httpOnly: true, sameSite: 'Strict' }]);
  const faults: string[] = [];
  const inspect = async (what: string): Promise<void> => {
    faults.push(...(await faultsOf(page)).map((fault) => `${what} ${fault}`));
    await photograph(page, `people-${what}`);
  };

  await page.goto('/');
  await page.getByRole('link', { name: 'Team', exact: true }).click();
  await page.getByLabel(`Role of ${BEN}`).selectOption('owner');
  const row = page.getByRole('row', { name: BEN });
  await row.getByRole('button', { name: 'Set role' }).click();
  await expect.poll(() => row.getByRole('cell').nth(1).textContent()).toBe('owner');
  await inspect('members');
  faults.push(...(await tabFaults(page)));
  await page.getByLabel('Email').fill('new@kitty.example');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  expect(await page.locator('.secret').textContent()).toContain(`${url}/setup?code=skl_`);
  await inspect('link');
  await page.getByRole('link', { name: 'Back to the team' }).click();
  await page.getByLabel('Email').fill('no address@');
  const added = page.getByRole('button', { name: 'Add', exact: true });
  await page.evaluate(
    "document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })",
  );
  await added.click();
  await page.getByRole('alert').getByText('no email address').waitFor();
  await inspect('problem');
  expect(alarms.splice(0)).toEqual([expect.stringContaining('400 (Bad Request)')]);

  await page.getByRole('link', { name: 'Tokens and logins' }).click();
  await page.getByLabel('Name, for people').fill('build machine');
  await page.getByLabel('These:').check();
  await page.getByLabel('demo').check();
  await page.getByRole('button', { name: 'Make it' }).click();
  expect(await page.locator('.secret').textContent()).toMatch(/^skt_[0-9a-f]{64}$/);
  expect(page.url()).toBe(`${url}/tokens`);
  await inspect('secret');
  await page.getByRole('link', { name: 'Back to the tokens' }).click();
  await inspect('tokens');
  await page.getByText('Revoke', { exact: true }).click();
  await page.getByRole('button', { name: 'Revoke build machine' }).click();
  await page.getByText('revoked').waitFor();
  await page.getByRole('button', { name: 'Log out everywhere else' }).click();
  expect((await trial.get('/api/v1/me', access)).status).toBe(401);

  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await inspect('audit');
  faults.push(...(await tabFaults(page)));
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export as CSV' }).click(),
  ]);
  expect(file.suggestedFilename()).toBe('audit.csv');
  expect(faults).toEqual([]);
}, 120_000);
