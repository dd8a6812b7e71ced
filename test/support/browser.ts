import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  LaunchOptions,
  Page,
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type Chromium, chromiumOfRun, notLooked, startChromium } from './chromium.ts';

/** Somebody's browser, open at a receiver. */
export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /**
   * What must not happen, as it happened: a script that shows itself, a complaint of the browser, a request to
   * elsewhere. One list for all visits of a test; with an alarm that nobody took away, the test has failed.
   */
  readonly alarms: string[];
}

/** Opens a browser without history at a receiver; paths of its pages are relative to `origin`. */
export type Visitor = (origin: string, options?: BrowserContextOptions) => Promise<Visit>;

const WIDE = { width: 1280, height: 800 };

/** A real browser for the tests of this file. Where there is none they are skipped, and it is said why. */
export function browserOfFile(): Visitor {
  const open: BrowserContext[] = [];
  const alarms: string[] = [];
  let chromium: Chromium = { kind: 'none', reason: '' };
  let running: { readonly browser: Browser; readonly trap: Server } | null = null;
  beforeAll(async () => {
    chromium = await chromiumOfRun();
    if (chromium.kind === 'none') process.stdout.write(`${notLooked(chromium)}\n`);
    else {
      const trap = await setTrap(alarms);
      running = { trap, browser: await startChromium({ ...chromium.how, ...closedTo(trap) }) };
    }
  });
  beforeEach(({ skip }) => {
    if (chromium.kind === 'none') skip(notLooked(chromium));
  });
  afterEach(async () => {
    for (const context of open.splice(0)) await context.close();
    expect(alarms.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await running?.browser.close();
    running?.trap.close();
  });
  return async (origin, options = {}) => {
    if (running === null) throw new Error('no browser is open');
    const context = await running.browser.newContext({
      baseURL: origin,
      viewport: WIDE,
      reducedMotion: 'reduce',
      ...options,
    });
    open.push(context);
    return { context, page: await watchedPage(context, origin, alarms), alarms };
  };
}

/** Where everything goes that a browser asks of anything but this machine, be it for a page or for itself. */
async function setTrap(alarms: string[]): Promise<Server> {
  const server = createServer(({ url }, response) => {
    alarms.push(`asked elsewhere for ${url}`);
    response.writeHead(403).end();
  });
  server.on('connect', ({ url }, socket) => {
    alarms.push(`asked elsewhere for ${url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

function closedTo(trap: Server): LaunchOptions {
  const { port } = trap.address() as AddressInfo;
  return {
    proxy: { server: `http://127.0.0.1:${port}`, bypass: '127.0.0.1' },
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--disable-quic'],
  };
}

async function watchedPage(
  context: BrowserContext,
  origin: string,
  alarms: string[],
): Promise<Page> {
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) alarms.push(`request to ${request.url()}`);
  });
  context.on('dialog', (dialog) => {
    alarms.push(`${dialog.type()}: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('console', (message) => {
    if (['error', 'warning', 'assert'].includes(message.type()))
      alarms.push(`${message.page()?.url()}: ${message.text()}`);
  });
  context.on('weberror', (problem) => alarms.push(`script error: ${String(problem.error())}`));
  const page = await context.newPage();
  context.on('page', (other) => alarms.push(`opened ${other.url()}`));
  return page;
}
