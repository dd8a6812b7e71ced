import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';
import { onceARun } from './run-once.ts';

/** Names the directory of the run's one Chromium. */
export const CHROMIUM_DIR = 'TEST_CHROMIUM_DIR';
/** Names a Chromium to use and no other. */
const NAMED = 'CHROMIUM';
const ON_PATH = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'msedge'];
/** Where the system's installers put them. */
const CHANNELS = ['chrome', 'msedge'];
/** The one of an npm package. */
const SHIPPED = '@sparticuz/chromium';
const ROOT = path.resolve(import.meta.dirname, '../..');

/** A Chromium that starts here: how it was found, and how it is started. Or why there is none. */
export type Chromium =
  | { readonly kind: 'found'; readonly name: string; readonly how: LaunchOptions }
  | { readonly kind: 'none'; readonly reason: string };

/** Looked for once in a run, in whatever the first of its tests asks. */
export function chromiumOfRun(): Promise<Chromium> {
  return onceARun(process.env[CHROMIUM_DIR] ?? '', find);
}

/** What is said where no test could look at pages. */
export function notLooked({ reason }: { readonly reason: string }): string {
  return `NOT CHECKED: no browser looked at the pages: ${reason}`;
}

/** Starts it, with a home and a place for profiles of its own: what a browser leaves behind goes with the run. */
export async function startChromium(how: LaunchOptions): Promise<Browser> {
  const dir = process.env[CHROMIUM_DIR] ?? '';
  const home = path.join(dir, 'home');
  mkdirSync(home, { recursive: true });
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = dir;
  try {
    return await chromium.launch({
      ...how,
      headless: true,
      // As root there is none; anybody else's pages are looked at inside of it.
      chromiumSandbox: process.getuid?.() !== 0,
      env: { ...process.env, ...how.env, HOME: home },
    });
  } finally {
    if (TMPDIR === undefined) Reflect.deleteProperty(process.env, 'TMPDIR');
    else process.env['TMPDIR'] = TMPDIR;
  }
}

type Candidate = readonly [name: string, how: () => LaunchOptions];

async function find(dir: string): Promise<Chromium> {
  const reasons: string[] = [];
  for (const [name, howOf] of candidates(dir)) {
    try {
      const how = howOf();
      const browser = await startChromium(how);
      const found = `${name}, ${browser.version()}`;
      await browser.close();
      return { kind: 'found', name: found, how };
    } catch (error) {
      reasons.push(`${name}: ${firstLine(error)}`);
    }
  }
  return { kind: 'none', reason: reasons.join('; ') };
}

function candidates(dir: string): readonly Candidate[] {
  const named = process.env[NAMED] ?? '';
  if (named !== '') return [[`${NAMED}=${named}`, () => ({ executablePath: named })]];
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const programs = ON_PATH.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [
    ...programs
      .filter(isProgram)
      .map((file): Candidate => [file, () => ({ executablePath: file })]),
    ...CHANNELS.map((channel): Candidate => [channel, () => ({ channel })]),
    [SHIPPED, () => shipped(dir)],
  ];
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false; // Not there, or not for us.
    throw error;
  }
}

/** It unpacks into TMPDIR, with the libraries and fonts a bare machine lacks. */
function shipped(dir: string): LaunchOptions {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`none is shipped for ${process.platform} ${process.arch}`);
  const unpack = `import chromium from '${SHIPPED}';
chromium.setGraphicsMode = false;
process.stdout.write(await chromium.executablePath());`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', unpack], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: dir, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' },
  });
  if (done.status !== 0) throw new Error(done.stderr.trim().split('\n').at(-1) ?? '');
  const env = {
    LD_LIBRARY_PATH: path.join(dir, 'al2023', 'lib'),
    FONTCONFIG_PATH: path.join(dir, 'fonts'),
  };
  return { executablePath: done.stdout, env };
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? '';
}
