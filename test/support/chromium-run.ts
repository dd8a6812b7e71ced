import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type Chromium, CHROMIUM_DIR, notLooked } from './chromium.ts';
import { madeInRun } from './run-once.ts';

const PREFIX = 'chromium-of-run-';

/** Gives the run's Chromium a place, which is gone with the run; at its end it is said again that there was none. */
export function setup(): () => void {
  removeWhatKilledRunsLeft();
  const dir = mkdtempSync(path.join(os.tmpdir(), `${PREFIX}${process.pid}-`));
  process.env[CHROMIUM_DIR] = dir;
  return () => {
    const chromium = madeInRun<Chromium>(dir);
    if (chromium?.kind === 'none') process.stdout.write(`\n${notLooked(chromium)}\n`);
    rmSync(dir, { recursive: true, force: true });
  };
}

function removeWhatKilledRunsLeft(): void {
  for (const name of readdirSync(os.tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? process.pid);
    if (!isAlive(pid)) rmSync(path.join(os.tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
