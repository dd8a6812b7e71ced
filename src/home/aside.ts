import type { Millis } from '../base/index.ts';
import type { Place } from './paths.ts';

/** What SQLite keeps beside a database. */
const COMPANIONS = ['', '-wal', '-shm'] as const;

/**
 * Gives a file that cannot be used, and what SQLite keeps beside it, another name, so that a new one can take its
 * place; nothing is deleted. Returns the name, or null when no such file is there.
 */
export function setFileAside({ system }: Place, file: string, now: Millis): string | null {
  const { files } = system;
  const aside = `${file}.damaged-${now}`;
  let moved: string | null = null;
  for (const companion of COMPANIONS) {
    if (files.lstat(`${file}${companion}`) === null) continue;
    files.rename(`${file}${companion}`, `${aside}${companion}`);
    moved = aside;
  }
  return moved;
}
