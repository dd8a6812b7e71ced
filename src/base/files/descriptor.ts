import fs from 'node:fs';
import type { Millis } from '../clock.ts';

const PIECE_BYTES = 65_536;

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Bytes. */
  readonly size: number;
  /** Modification time, fractions of a millisecond kept. */
  readonly modifiedAt: Millis;
  /** When anything of it changed last, its contents or its name; no program can set it. */
  readonly changedAt: Millis;
  readonly inode: number;
  /** Permission bits. */
  readonly mode: number;
  /** Numeric owner, 0 where the platform has none. */
  readonly owner: number;
}

/** What the product keeps of a stat. */
export function toFileStat(stats: fs.Stats): FileStat {
  return {
    kind: kindOf(stats),
    size: stats.size,
    modifiedAt: stats.mtimeMs,
    changedAt: stats.ctimeMs,
    inode: stats.ino,
    mode: stats.mode & 0o777,
    owner: stats.uid,
  };
}

function kindOf(stats: fs.Stats): FileStat['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

/** What `read` answers; null when nothing has that name. Other failures are thrown. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Whether a failure says that nothing has that name. */
export function isAbsent(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The operating system's error name (`ENOSPC`, `EACCES` …), or an empty text for other errors. */
export function errnoOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** True for the operating system's own word; Node's complaints about our calls begin with `ERR_`. */
export function isSystemError(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(errnoOf(error));
}

/** Opens a file for as long as `use` needs it. */
export function withDescriptor<T>(
  file: string,
  flags: number,
  mode: number,
  use: (fd: number) => T,
): T {
  const fd = fs.openSync(file, flags, mode);
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * The bytes of an open file, no more than `limit` of them.
 * @param expected how many there probably are: then one piece of that size takes them all.
 */
export function readAtMost(fd: number, limit: number, expected = PIECE_BYTES): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  // One byte more than there should be, so that the end shows itself in the first piece.
  let next = expected + 1;
  while (total < limit) {
    const chunk = Buffer.allocUnsafe(Math.min(next, limit - total));
    const read = fs.readSync(fd, chunk, 0, chunk.length, null);
    if (read === 0) break;
    chunks.push(chunk.subarray(0, read));
    total += read;
    next = PIECE_BYTES;
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total);
}

/** The bytes of an open file, no more than `limit` of them, at the beginning of `into`; a view of it. */
export function readInto(fd: number, into: Buffer, limit: number): Buffer {
  let total = 0;
  while (total < limit) {
    const read = fs.readSync(fd, into, total, limit - total, null);
    if (read === 0) break;
    total += read;
  }
  return into.subarray(0, total);
}

/**
 * What `read` gives. A permission or a failing disk is something to report; anything else is a bug and passes
 * through.
 */
export function readable<T>(read: () => T): T | 'unreadable' {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === '') throw error;
    return 'unreadable';
  }
}
