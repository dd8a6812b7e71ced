import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  isSystemError,
  openDb,
  UserError,
  type Db,
  type Files,
  type System,
} from '../base/index.ts';
import { identifyProcess, type Home } from '../home/index.ts';

// A source is never opened where it lies: SQLite would put a lock on it, and files beside it when it has a log. What is
// opened is a copy of the database together with the log or journal that completes it, made while nobody wrote.

/** How the files of a database look; equal means that nothing was written in between. */
export type Fingerprint = string;

/** The database, its write-ahead log, its rollback journal. */
const PARTS = ['', '-wal', '-journal'] as const;
const TRIES = 10;
const PAUSE_MS = 20;
const PREFIX = '.reading-';
const DAY_MS = 86_400_000;
const PRIVATE = 0o600;

/** Size, time and inode of a database and of what completes it. */
export function fingerprintOf(files: Files, file: string): Fingerprint {
  return PARTS.map((part) => {
    const stat = files.stat(`${file}${part}`);
    return stat === null ? '-' : `${stat.inode}:${stat.size}:${stat.modifiedAt}`;
  }).join(' ');
}

/** When any file of a database was last written, in milliseconds; 0 when there is none. */
export function lastWrittenAt(files: Files, file: string): number {
  return Math.max(...PARTS.map((part) => files.stat(`${file}${part}`)?.modifiedAt ?? 0));
}

/**
 * Opens private copies of databases, which are gone afterwards. The sources are only read.
 * @throws UserError `store_unreadable` when a source is no regular file or no database, `busy` when it is written to
 * all the time; the operating system's error when it may not be read.
 */
export function withCopies<T>(
  home: Home,
  sources: readonly string[],
  use: (copies: readonly Db[]) => T,
): T {
  const directory = makeDirectory(home);
  const copies: Db[] = [];
  try {
    for (const [index, source] of sources.entries()) {
      const copy = path.join(directory, `${index}.db`);
      copyStable(home, source, copy);
      home.system.faults.at('legacy.copied');
      copies.push(openDb(copy, { clock: home.system.clock }));
    }
    return use(copies);
  } finally {
    for (const copy of copies) copy.close();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** Below the home, where there is as much room as for what is imported; elsewhere when the home is read-only. */
function makeDirectory(home: Home): string {
  const { files, host } = home.system;
  const { root } = home.paths;
  const started = identifyProcess(files, host.pid).started ?? '';
  try {
    files.makeDir(root);
    sweep(home.system, root);
    return fs.mkdtempSync(path.join(root, `${PREFIX}${host.pid}-${started}-`));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return fs.mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-copy-'));
  }
}

/** Removes copies of processes that ended before they could; where nobody knows that, copies of yesterday. */
function sweep({ clock, files }: System, root: string): void {
  for (const name of files.list(root)) {
    const [, pid, started] = /^\.reading-(\d+)-(\d*)-/.exec(name) ?? [];
    if (pid === undefined) continue;
    const directory = path.join(root, name);
    const age = clock.now() - (files.lstat(directory)?.modifiedAt ?? 0);
    const isAlive = (identifyProcess(files, Number(pid)).started ?? '') === started;
    if (!isAlive || age > DAY_MS) fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** Copies between two equal looks at the source: a state that a power cut could have left, which SQLite recovers. */
function copyStable(home: Home, source: string, copy: string): void {
  const { clock, files } = home.system;
  for (let left = TRIES; left > 0; left -= 1) {
    const before = fingerprintOf(files, source);
    copyParts(files, source, copy);
    if (fingerprintOf(files, source) === before) return;
    clock.pause(PAUSE_MS);
  }
  throw new UserError('busy', `${source} is written to all the time`, {
    remedy: 'spec-kitty sync migrate',
  });
}

function copyParts(files: Files, source: string, copy: string): void {
  const kind = files.stat(source)?.kind;
  if (kind !== 'file') {
    const what = kind === undefined ? 'leads nowhere' : 'is no regular file';
    throw new UserError('store_unreadable', `${source} ${what}`, { remedy: null });
  }
  for (const part of PARTS) {
    fs.rmSync(`${copy}${part}`, { force: true });
    if (files.stat(`${source}${part}`)?.kind !== 'file') continue;
    try {
      fs.copyFileSync(`${source}${part}`, `${copy}${part}`, fs.constants.COPYFILE_FICLONE);
      fs.chmodSync(`${copy}${part}`, PRIVATE);
    } catch (error) {
      // A log may go away while it is looked at; the second look notices. The database itself may not.
      if (!isSystemError(error) || part === '') throw error;
    }
  }
}
