import fs from 'node:fs';
import path from 'node:path';
import {
  errnoOf,
  orNull,
  readAtMost,
  toFileStat,
  withDescriptor,
  type FileStat,
} from './files/descriptor.ts';
import { digestInside, readInside, type DigestInside, type ReadInside } from './files/inside.ts';

/** The file system as the product uses it: a value that is passed in, so that tests can fail or watch it. */
export interface Files {
  /** What a path leads to, links followed; null when nothing is there. */
  stat(path: string): FileStat | null;
  /** What a path itself is; null when nothing is there. */
  lstat(path: string): FileStat | null;
  realpath(path: string): string;
  /** The whole file as UTF-8, or null when it is absent; other failures are thrown. */
  readText(path: string): string | null;
  /** The first bytes of a regular file, at most `maxBytes`; null when it is absent or cannot be read. */
  readStart(path: string, maxBytes: number): Buffer | null;
  /**
   * Names in a directory, sorted by code unit; empty when it is absent.
   * @param most reads no more than that many and one, so that a caller sees that there are more.
   */
  list(path: string, most?: number): readonly string[];
  /** Creates and flushes a directory and its parents, readable by the owner alone unless `mode` says otherwise. */
  makeDir(path: string, mode?: number): void;
  /** Replaces a file as a whole: temporary file, flush, rename, flush of the directory. */
  write(path: string, data: string | Uint8Array, mode?: number): void;
  /** Like `write`, but never over an existing file: false when there is one. */
  create(path: string, data: string | Uint8Array, mode?: number): boolean;
  /** Like `create`, a piece at a time: for what should not be held in memory as a whole. */
  createFrom(path: string, pieces: Iterable<Uint8Array>, mode?: number): boolean;
  /** Adds to the end of a file and, unless `flush` is false, flushes it. */
  append(path: string, data: string | Uint8Array, mode?: number, flush?: boolean): void;
  /** Removes a file; absent is fine. */
  remove(path: string): void;
  rename(from: string, to: string): void;
  /**
   * Reads a regular file that really lies below `root`, at most `maxBytes` of it, without following a link at
   * any component and without ever blocking on a pipe.
   * @param into where its bytes are put, for callers that have many files: then it must be smaller than that.
   */
  readInside(root: string, file: string, maxBytes: number, into?: Buffer): ReadInside;
  /**
   * Hashes a file that `readInside` would read, whatever its size, a piece at a time.
   * @param piece what it reads into, for callers that have many files; else it takes one of its own.
   */
  digestInside(root: string, file: string, piece?: Buffer): DigestInside;
}

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

/** The machine's own file system. */
export const systemFiles: Files = {
  stat: (file) => statOrNull(() => fs.statSync(file)),
  lstat: (file) => statOrNull(() => fs.lstatSync(file)),
  realpath: (file) => fs.realpathSync.native(file),
  readText: (file) => orNull(() => fs.readFileSync(file, 'utf8')),
  readStart,
  list: (directory, most) => [...(orNull(() => names(directory, most)) ?? [])].sort(byCodeUnit),
  makeDir: makeDirectory,
  write: replaceFile,
  create: (file, data, mode) => createFile(file, [data], mode),
  createFrom: createFile,
  append: appendFile,
  remove: (file) => {
    fs.rmSync(file, { force: true });
  },
  rename: (from, to) => {
    fs.renameSync(from, to);
  },
  readInside,
  digestInside,
};

function readStart(file: string, maxBytes: number): Buffer | null {
  const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
  try {
    return withDescriptor(file, flags, 0, (fd) => readAtMost(fd, maxBytes));
  } catch (error) {
    if (errnoOf(error) === '') throw error;
    return null;
  }
}

function names(directory: string, most: number | undefined): readonly string[] {
  if (most === undefined) return fs.readdirSync(directory);
  const found: string[] = [];
  const opened = fs.opendirSync(directory, { bufferSize: 1_024 });
  try {
    while (found.length <= most) {
      const entry = opened.readSync();
      if (entry === null) break;
      found.push(entry.name);
    }
  } finally {
    opened.closeSync();
  }
  return found;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function statOrNull(read: () => fs.Stats): FileStat | null {
  const stats = orNull(read);
  return stats === null ? null : toFileStat(stats);
}

/** A file in a directory is only as durable as the name of that directory, up to the first one that was there. */
function makeDirectory(directory: string, mode = PRIVATE_DIRECTORY): void {
  const first = makeMissing(directory, mode);
  if (first === undefined) return;
  const above = path.dirname(path.resolve(first));
  for (let made = path.resolve(directory); made !== above; made = path.dirname(made)) {
    flushDirectory(path.dirname(made));
  }
}

/** The topmost directory that was not there before. */
function makeMissing(directory: string, mode: number): string | undefined {
  try {
    return fs.mkdirSync(directory, { recursive: true, mode });
  } catch (error) {
    // Node says that of a read-only file system too; a plain attempt tells the reason.
    if (errnoOf(error) === 'ENOENT') fs.mkdirSync(directory, { mode });
    throw error;
  }
}

function replaceFile(file: string, data: string | Uint8Array, mode = PRIVATE_FILE): void {
  publish(file, [data], mode, (temporary) => {
    fs.renameSync(temporary, file);
    return true;
  });
}

function createFile(
  file: string,
  pieces: Iterable<string | Uint8Array>,
  mode = PRIVATE_FILE,
): boolean {
  return publish(file, pieces, mode, (temporary) => {
    try {
      // A link, unlike a rename, never replaces what another process has put there meanwhile.
      fs.linkSync(temporary, file);
      fs.rmSync(temporary);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      if (!WITHOUT_LINKS.has(errnoOf(error))) throw error;
      if (statOrNull(() => fs.lstatSync(file)) !== null) return false;
      fs.renameSync(temporary, file);
      return true;
    }
  });
}

/** What file systems without hard links answer to one. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

/** Writes a temporary file beside `file`, flushes it, lets `place` give it its name, flushes the directory. */
function publish(
  file: string,
  pieces: Iterable<string | Uint8Array>,
  mode: number,
  place: (temporary: string) => boolean,
): boolean {
  const temporary = `${file}.${process.pid}.${performance.now()}.tmp`;
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL;
  let isPlaced = false;
  try {
    withDescriptor(temporary, flags, mode, (fd) => {
      for (const piece of pieces) fs.writeFileSync(fd, piece);
      fs.fsyncSync(fd);
    });
    isPlaced = place(temporary);
  } finally {
    if (!isPlaced) fs.rmSync(temporary, { force: true });
  }
  flushDirectory(path.dirname(file));
  return isPlaced;
}

function appendFile(
  file: string,
  data: string | Uint8Array,
  mode = PRIVATE_FILE,
  flush = true,
): void {
  const isNew = statOrNull(() => fs.lstatSync(file)) === null;
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_APPEND;
  withDescriptor(file, flags, mode, (fd) => {
    fs.writeFileSync(fd, data);
    if (flush) fs.fsyncSync(fd);
  });
  if (flush && isNew) flushDirectory(path.dirname(file));
}

/** A rename is durable once its directory is flushed; Windows has no such call and refuses the open. */
function flushDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  withDescriptor(directory, fs.constants.O_RDONLY, 0, (fd) => {
    fs.fsyncSync(fd);
  });
}
