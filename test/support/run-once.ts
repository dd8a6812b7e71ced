import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Written into the directory when what everybody waits for is there, or cannot be. */
const READY = 'ready.json';
const POLL_MS = 50;

/**
 * What the first of a run's processes to ask for it makes in `dir`, and all others get: plain data, as JSON keeps it.
 * `make` must not throw, or the others wait for ever.
 */
export async function onceARun<T>(dir: string, make: (dir: string) => Promise<T>): Promise<T> {
  const ready = path.join(dir, READY);
  if (!existsSync(ready) && isFirst(dir)) {
    const made = await make(dir);
    writeFileSync(`${ready}.new`, JSON.stringify(made));
    renameSync(`${ready}.new`, ready);
  }
  while (!existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return JSON.parse(readFileSync(ready, 'utf8')) as T;
}

/** The same, where somebody asked for it; null where nobody did. */
export function madeInRun<T>(dir: string): T | null {
  const ready = path.join(dir, READY);
  return existsSync(ready) ? (JSON.parse(readFileSync(ready, 'utf8')) as T) : null;
}

function isFirst(dir: string): boolean {
  try {
    mkdirSync(path.join(dir, 'lock'));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
