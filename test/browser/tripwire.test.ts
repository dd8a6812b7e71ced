import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { browserOfFile, type Visit } from '../support/browser.ts';
import { recordingServer } from '../support/recording-server.ts';
import { faultsOf, tabFaults } from './page-audit.ts';

// What the other tests here rely on: that a browser in which something happens does not look like one in which nothing does.

const visit = browserOfFile();

type Headers_ = Readonly<Record<string, string>>;

/** A page of somebody else's, who took no care. */
async function serves(html: string, headers: Headers_): Promise<string> {
  const server = await recordingServer(() => ({
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', ...headers },
    body: `<!doctype html><html lang="en"><title>t</title><main><h1>h</h1>${html}</main>`,
  }));
  return server.url;
}

async function alarmsOf(html: string, headers: Headers_ = {}): Promise<Visit> {
  const { page, ...rest } = await visit(await serves(html, headers));
  await page.goto('/');
  return { ...rest, page };
}

const POLICY = { 'content-security-policy': "default-src 'none'" };

/** Waits until nothing more happens by itself. */
async function quiet(page: Page): Promise<void> {
  await page.context().close();
}

it.each([
  ['alert: 1', '<script>alert(1)</script>'],
  ['alert: 2', '<img src="/" onerror="alert(2)">'],
  ['alert: 3', '<svg onload="alert(3)"></svg>'],
  ['alert: 4', '<iframe srcdoc="<script>parent.alert(4)</script>"></iframe>'],
  ['alert: 5', '<input autofocus onfocus="alert(5)">'],
  ['script error', '<script>throw new Error("x")</script>'],
  ['request to http://kitty.example/a.png', '<img src="http://kitty.example/a.png">'],
  [
    'asked elsewhere for http://kitty.example/b',
    '<script>fetch("http://kitty.example/b")</script>',
  ],
  ['asked elsewhere for kitty.example:443', '<img src="https://kitty.example/c.png">'],
  ['request to', '<meta http-equiv="refresh" content="0;url=http://kitty.example/d">'],
])('%s is noticed', async (alarm, html) => {
  const { page, alarms } = await alarmsOf(html);
  await expect.poll(() => alarms.join(' '), { timeout: 5_000 }).toContain(alarm);
  await quiet(page);
  alarms.splice(0);
});

it('what a policy stops is noticed too', async () => {
  const { alarms } = await alarmsOf('<script>alert(1)</script><p style="color:red">', POLICY);
  expect(alarms.splice(0)).toEqual([
    expect.stringContaining('Executing inline script violates'),
    expect.stringContaining('Applying inline style violates'),
  ]);
});

it.each([
  ['2 h1', '<h1>x</h1>'],
  ['the id a is there twice', '<i id="a"></i><i id="a"></i>'],
  ['a heading skips a level', '<h3>x</h3>'],
  ['a table without a caption', '<table><tr><td>x</td></tr></table>'],
  ['a link within the page to nothing', '<a href="#nowhere">x</a>'],
  ['a script', '<script>1</script>'],
  ['something embedded', '<base href="/x">'],
  ['an attribute onclick', '<b onclick="1">x</b>'],
  ['a link of another kind', '<a href=" java\nscript:alert(1)">x</a>'],
  ['light at 1280: contrast 1.9', '<p style="color:#bbb">x</p>'],
  [
    'dark at 320: contrast 1.',
    '<style>@media(prefers-color-scheme:dark){p{color:#ddd}}</style><p>x</p>',
  ],
  ['light at 320: the page is', '<div style="width:500px">x</div>'],
  [
    'light at 1280: too small to read',
    '<svg viewBox="0 0 100 10" width="50"><text y="9">x</text></svg>',
  ],
  ['light at 1280: too small to press', '<input type="checkbox" aria-label="x">'],
  ['scrolls, but not by keyboard', '<pre style="width:9px;overflow:auto">long text</pre>'],
  ['a button without a name', '<button></button>'],
  ['a link without a name', '<a href="/"></a>'],
  ['a textbox without a name', '<input>'],
])('a page is found out for: %s', async (fault, html) => {
  const { page, alarms } = await alarmsOf(html);
  expect((await faultsOf(page)).join('\n')).toContain(fault);
  alarms.splice(0);
});

it('somebody with a tab key alone is heard', async () => {
  const { page } = await alarmsOf('<a href="/">1</a><a href="/" tabindex="1">2</a>');
  expect(await tabFaults(page)).toEqual([expect.stringContaining('tab 0 led to 1')]);
  const blind = await alarmsOf('<style>a{outline:none!important}</style><a href="/">1</a>');
  expect(await tabFaults(blind.page)).toEqual([expect.stringContaining('cannot be seen')]);
});
