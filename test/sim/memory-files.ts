import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import { sha256Hex, type Files, type FileStat } from '../../src/base/index.ts';

/** A file system in memory that knows what would survive a loss of power. */
export interface MemoryFiles extends Files {
  /** Forgets every byte that was never flushed. */
  losePower(): void;
}

interface Entry {
  bytes: Buffer;
  /** Bytes that are on the disk for good. */
  flushed: number;
  readonly inode: number;
  modifiedAt: number;
}

/** @param now gives the modification times. */
export function memoryFiles(now: () => number): MemoryFiles {
  const entries = new Map<string, Entry>();
  const directories = new Set<string>(['/']);
  let inodes = 0;
  const put = (file: string, data: string | Uint8Array, isFlushed: boolean): void => {
    const bytes = Buffer.from(data);
    inodes += 1;
    const flushed = isFlushed ? bytes.length : 0;
    entries.set(file, { bytes, flushed, inode: inodes, modifiedAt: now() });
  };
  const append = (file: string, data: string | Uint8Array, isFlushed: boolean): void => {
    const entry = entries.get(file);
    if (entry === undefined) {
      put(file, data, isFlushed);
      return;
    }
    entry.bytes = Buffer.concat([entry.bytes, Buffer.from(data)]);
    entry.modifiedAt = now();
    if (isFlushed) entry.flushed = entry.bytes.length;
  };
  const stat = (file: string): FileStat | null => {
    const entry = entries.get(file);
    if (entry !== undefined) return statOf('file', entry);
    return directories.has(file)
      ? statOf('directory', { bytes: Buffer.alloc(0), flushed: 0, inode: 0, modifiedAt: 0 })
      : null;
  };
  return {
    stat,
    lstat: stat,
    realpath: (file) => file,
    readText: (file) => entries.get(file)?.bytes.toString('utf8') ?? null,
    readStart: (file, maxBytes) => entries.get(file)?.bytes.subarray(0, maxBytes) ?? null,
    list: (directory) => namesIn(directory, [...entries.keys(), ...directories]),
    makeDir: (directory) => {
      for (let at = directory; at !== '/'; at = path.posix.dirname(at)) directories.add(at);
    },
    write: (file, data) => {
      put(file, data, true);
    },
    create: (file, data) => {
      if (entries.has(file)) return false;
      put(file, data, true);
      return true;
    },
    createFrom: (file, pieces) => {
      if (entries.has(file)) return false;
      put(file, Buffer.concat([...pieces]), true);
      return true;
    },
    append: (file, data, _mode, flush = true) => {
      append(file, data, flush);
    },
    remove: (file) => {
      entries.delete(file);
    },
    rename: (from, to) => {
      const entry = entries.get(from);
      if (entry === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      entries.delete(from);
      entries.set(to, entry);
    },
    readInside: (_root, file, maxBytes) => {
      const entry = entries.get(file);
      if (entry === undefined) return { ok: false, reason: 'absent' };
      if (entry.bytes.length > maxBytes) return { ok: false, reason: 'too_large' };
      return { ok: true, bytes: entry.bytes, stat: statOf('file', entry) };
    },
    digestInside: (_root, file) => {
      const entry = entries.get(file);
      if (entry === undefined) return { ok: false, reason: 'absent' };
      const { bytes } = entry;
      return {
        ok: true,
        sha256: sha256Hex(bytes),
        isUtf8: isUtf8(bytes),
        stat: statOf('file', entry),
      };
    },
    losePower: () => {
      for (const entry of entries.values()) entry.bytes = entry.bytes.subarray(0, entry.flushed);
    },
  };
}

function statOf(kind: 'file' | 'directory', entry: Entry): FileStat {
  const { bytes, inode, modifiedAt } = entry;
  return {
    kind,
    size: bytes.length,
    modifiedAt,
    changedAt: modifiedAt,
    inode,
    mode: 0o600,
    owner: 0,
  };
}

function namesIn(directory: string, all: readonly string[]): readonly string[] {
  const inside = all.filter((file) => path.posix.dirname(file) === directory && file !== '/');
  return [...new Set(inside.map((file) => path.posix.basename(file)))].sort();
}
