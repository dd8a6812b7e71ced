import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import { addUser } from '../../src/server/index.ts';
import { browserOfFile, type Visit } from '../support/browser.ts';
import { type LoginTrial, PASSWORD, startLoginTrial } from '../support/login-trial.ts';
import { bearer, envelope, listenTrial, OTHER_PROJECT, send } from '../support/receiver-trial.ts';
import { recordingServer } from '../support/recording-server.ts';
import { tlsProxy } from '../support/tls-proxy.ts';
import { crawl } from './crawl.ts';
import { faultsOf, tabFaults } from './page-audit.ts';
import { photograph } from './screenshots.ts';

const visit = browserOfFile();

const ANN = 'ann@kitty.example';
const HOURS_12_S = 12 * 3_600;

interface Site {
  readonly trial: LoginTrial;
  readonly url: string;
}

/** Ann owns `harbour`, which has project `tides`; her private teamspace has nothing. */
async function site(): Promise<Site> {
  const trial = await startLoginTrial();
  await trial.person(ANN, { harbour: 'owner' });
  const { access } = await trial.login(ANN, 'harbour');
  const facts = [envelope(1, { project_slug: 'tides', project_uuid: OTHER_PROJECT })];
  await send(trial, facts, bearer(access));
  const { url } = await listenTrial(trial);
  return { trial, url };
}

/** Everything by keyboard alone; every field is reached in the order in which it stands. */
async function enter(page: Page, password = PASSWORD): Promise<void> {
  await page.getByLabel('Email').focus();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(ANN);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Tab');
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
}

/** What the browser says of an answer that is an error; it is no alarm where one is expected. */
function forgive({ alarms }: Visit, status: number): void {
  const all = alarms.splice(0);
  expect(all).not.toEqual([]);
  expect(all.filter((alarm) => !alarm.includes(`status of ${status}`))).toEqual([]);
}

/** The rest as somebody without scripts sees it: all of it. */
it.each([true, false])(
  'a person comes in, turns to a team and goes out by keyboard, and leaves nothing behind (scripts: %s)',
  async (javaScriptEnabled) => {
    const { url } = await site();
    const visitor = await visit(url, { javaScriptEnabled });
    const { page, context } = visitor;
    await context.addCookies([{ name: 'receiver_session', value: 'skb_planted', url }]);
    await page.goto(`/projects/${OTHER_PROJECT}`);
    expect(new URL(page.url()).pathname).toBe('/login');
    await photograph(page, 'login');
    expect([...(await faultsOf(page)), ...(await tabFaults(page))]).toEqual([]);
    await enter(page, 'not this one');
    expect(await page.getByRole('alert').textContent()).toBe('Email or password is wrong.');
    forgive(visitor, 401);
    await photograph(page, 'login-refused');

    await enter(page);
    expect(page.url()).toBe(`${url}/projects/${OTHER_PROJECT}`);
    forgive(visitor, 404);
    expect(await faultsOf(page)).toEqual([]);
    await photograph(page, 'nothing-here');
    await page.getByRole('link', { name: 'Spec Kitty receiver' }).click();
    expect(await page.textContent('main')).toContain('Nothing has arrived yet');
    expect(await faultsOf(page)).toEqual([]);
    await photograph(page, 'overview-empty');
    const [cookie, ...others] = await context.cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({
      ...{ name: 'receiver_session', path: '/', domain: '127.0.0.1' },
      ...{ httpOnly: true, sameSite: 'Strict', secure: false },
    });
    expect(cookie?.value).not.toContain('planted');
    expect(Math.abs((cookie?.expires ?? 0) - systemClock().now() / 1000 - HOURS_12_S)).toBeLessThan(
      60,
    );
    expect(await page.evaluate<string>('document.cookie')).toBe('');

    await page.getByLabel('Team').focus();
    await page.keyboard.type('harb');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'tides' }).click();
    expect(await page.textContent('h1')).toBe('tides');

    await page.getByRole('button', { name: 'Log out' }).press('Enter');
    await page.waitForURL(`${url}/login`);
    expect(await context.cookies()).toEqual([]);
    await page.goBack();
    await page.waitForURL(/\/login\?next=/);
    expect(await page.content()).not.toContain('tides');
    await context.addCookies([{ name: 'receiver_session', value: cookie?.value ?? '', url }]);
    await page.goto('/');
    expect(new URL(page.url()).pathname).toBe('/login');
  },
);

it('over TLS the cookie is bound to it and to this host', async () => {
  const { url: inner } = await site();
  const url = await tlsProxy(inner);
  if (url === null) return;
  const { page, context } = await visit(url, { ignoreHTTPSErrors: true });
  await page.goto('/');
  await enter(page);
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  expect(await context.cookies()).toMatchObject([
    {
      ...{ name: '__Host-receiver_session', path: '/', domain: '127.0.0.1' },
      ...{ httpOnly: true, sameSite: 'Strict', secure: true },
    },
  ]);
  expect(await page.evaluate<string>('document.cookie')).toBe('');
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL(`${url}/login`);
  expect(await context.cookies()).toEqual([]);
});

it('an account is set up by its link, once', async () => {
  const trial = await startLoginTrial();
  const { url } = await listenTrial(trial);
  const { code } = await addUser(trial.identity, { email: 'ben@kitty.example', name: null });
  const visitor = await visit(url);
  const { page } = visitor;
  await page.goto(`/setup?code=${code}`);
  await photograph(page, 'setup');
  expect([...(await faultsOf(page)), ...(await tabFaults(page))]).toEqual([]);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Go on' }).press('Enter');
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await photograph(page, 'welcome');
  await page.getByRole('link', { name: 'See what is here' }).click();
  expect(await page.textContent('h1')).toBe('Overview');
  await page.goto(`/setup?code=${code}`);
  expect(await page.textContent('h1')).toBe('Link not valid');
  forgive(visitor, 404);
  await photograph(page, 'link-not-valid');
});

it('a device is let in, or turned away, by who is logged in', async () => {
  const { trial, url } = await site();
  const { page } = await visit(url);
  for (const [button, heading, answer] of [
    ['Let it in', 'It is in', 200],
    ['Turn it away', 'Turned away', 400],
  ] as const) {
    const { json: device } = await trial.form('/oauth/device', { client_id: 'cli_native' });
    await page.goto(`/device?user_code=${String(device['user_code'])}`);
    if (new URL(page.url()).pathname === '/login') await enter(page);
    await photograph(page, 'device');
    expect([...(await faultsOf(page)), ...(await tabFaults(page))]).toEqual([]);
    await page.getByLabel('It speaks for').selectOption({ label: 'harbour (owner)' });
    await page.getByRole('button', { name: button }).press('Enter');
    await page.getByRole('heading', { name: heading }).waitFor();
    await photograph(page, `device-${answer}`);
    trial.clock.move(10_000);
    const done = await trial.form('/oauth/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      client_id: 'cli_native',
      device_code: String(device['device_code']),
    });
    expect(done.status).toBe(answer);
  }
});

it('a page of another site neither acts for who is logged in, nor reads, nor frames', async () => {
  const { url } = await site();
  const { page, context, alarms } = await visit(url);
  await page.goto('/');
  await enter(page);
  const evil = await recordingServer(() => ({
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: `<!doctype html><iframe src="${url}/"></iframe><form method="post" action="${url}/logout"><button>x</button></form>
<script>fetch("${url}/", { credentials: 'include' }).then(() => { document.title = 'read'; }, () => { document.title = 'not read'; });</script>`,
  }));
  await page.goto(evil.url);
  await page.waitForFunction('document.title !== ""');
  expect(await page.title()).toBe('not read');
  const said = alarms.splice(0).join('\n');
  for (const barrier of ["frame-ancestors 'none'", 'blocked by CORS policy'])
    expect(said).toContain(barrier);
  await page.getByRole('button').click();
  await page.waitForURL(`${url}/logout`);
  await photograph(page, 'foreign-form');
  alarms.splice(0);
  await page.goto('/');
  expect(await page.textContent('h1')).toBe('Overview');
  expect(await context.cookies()).toHaveLength(1);
});

it('every page that an owner has is reached and can be read', async () => {
  const { url } = await site();
  const { page } = await visit(url);
  await page.goto('/');
  await enter(page);
  await page.getByLabel('Team').selectOption('harbour');
  await page.getByRole('button', { name: 'Show' }).click();
  const { faults, pages } = await crawl(page, { closely: 1, opened: () => 2, pictures: 'owner' });
  expect(faults).toEqual([]);
  expect([...pages.keys()]).toContain('projectPage');
});
