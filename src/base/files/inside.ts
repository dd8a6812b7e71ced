import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { sha256Hex } from '../hash.ts';
import {
  errnoOf,
  isAbsent,
  orNull,
  readAtMost,
  readInto,
  toFileStat,
  withDescriptor,
  type FileStat,
} from './descriptor.ts';

// Files that really lie below a root: opened once, judged by what was opened, never by name alone.

const PIECE_BYTES = 65_536;

interface NotRead<Reason> {
  readonly ok: false;
  readonly reason: Reason;
}

type Refusal = 'absent' | 'outside' | 'not_a_file' | 'unreadable';

export type ReadInside =
  | { readonly ok: true; readonly bytes: Buffer; readonly stat: FileStat }
  | NotRead<Refusal | 'too_large'>;

/** `changed`: the file was written to while it was read. */
export type DigestInside =
  | {
      readonly ok: true;
      /** SHA-256 of every byte, 64 lower-case hexadecimal digits. */
      readonly sha256: string;
      readonly isUtf8: boolean;
      readonly stat: FileStat;
    }
  | NotRead<Refusal | 'changed'>;

/** See `Files.readInside`. */
export function readInside(
  root: string,
  file: string,
  maxBytes: number,
  into?: Buffer,
): ReadInside {
  return inside<ReadInside>(root, file, (fd, stat) => {
    const most = into === undefined ? maxBytes : Math.min(maxBytes, into.length - 1);
    const bytes =
      into === undefined ? readAtMost(fd, most + 1, stat.size) : readInto(fd, into, most + 1);
    return bytes.length > most ? { ok: false, reason: 'too_large' } : { ok: true, bytes, stat };
  });
}

/** See `Files.digestInside`. */
export function digestInside(
  root: string,
  file: string,
  piece = Buffer.allocUnsafe(PIECE_BYTES),
): DigestInside {
  return inside<DigestInside>(root, file, (fd, stat) => {
    if (stat.size < piece.length) return digestAtOnce(fd, stat, piece);
    const hash = createHash('sha256');
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let isText = true;
    let bytes = 0;
    for (;;) {
      const read = fs.readSync(fd, piece, 0, piece.length, null);
      if (read === 0) break;
      const part = piece.subarray(0, read);
      hash.update(part);
      bytes += read;
      isText &&= decodes(decoder, part);
    }
    isText &&= decodes(decoder);
    if (!isSame(fd, stat, bytes)) return { ok: false, reason: 'changed' };
    return { ok: true, sha256: hash.digest('hex'), isUtf8: isText, stat };
  });
}

/** A small file in one piece, which costs a third. */
function digestAtOnce(fd: number, stat: FileStat, piece: Buffer): DigestInside {
  const read = fs.readSync(fd, piece, 0, piece.length, null);
  if (!isSame(fd, stat, read)) return { ok: false, reason: 'changed' };
  const bytes = piece.subarray(0, read);
  return { ok: true, sha256: sha256Hex(bytes), isUtf8: isUtf8(bytes), stat };
}

function isSame(fd: number, before: FileStat, bytes: number): boolean {
  const { size, mtimeMs } = fs.fstatSync(fd);
  return bytes === before.size && size === bytes && mtimeMs === before.modifiedAt;
}

function decodes(decoder: InstanceType<typeof TextDecoder>, piece?: Uint8Array): boolean {
  try {
    decoder.decode(piece, { stream: piece !== undefined });
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

type NotInside = NotRead<Refusal>;

/** Opens a regular file that really lies below `root`, once, and lets `use` read that one. */
function inside<T>(
  root: string,
  file: string,
  use: (fd: number, stat: FileStat) => T | NotInside,
): T | NotInside {
  const flags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;
  try {
    return withDescriptor(file, flags, 0, (fd) => {
      const stats = fs.fstatSync(fd);
      const stat = toFileStat(stats);
      const reason = refusal(root, file, { fd, stats, stat });
      return reason === null ? use(fd, stat) : { ok: false, reason };
    });
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') return { ok: false, reason: 'outside' };
    return { ok: false, reason: isAbsent(error) ? 'absent' : 'unreadable' };
  }
}

function refusal(
  root: string,
  file: string,
  opened: { readonly fd: number; readonly stats: fs.Stats; readonly stat: FileStat },
): 'outside' | 'not_a_file' | null {
  const { fd, stats, stat } = opened;
  if (stat.kind !== 'file') return 'not_a_file';
  // A second name for another user's file: who could link it here need not be allowed to read it.
  const me = process.getuid?.() ?? stats.uid;
  if (stats.nlink > 1 && stats.uid !== me) return 'outside';
  // Opened under the very name that the system has for it: there was no link anywhere on the way.
  if (file.startsWith(`${root}${path.sep}`) && nameOf(fd) === file) return null;
  const relative = path.relative(fs.realpathSync.native(root), openedPath(file, fd, stat));
  // The real path must spell the same steps below the root: a link anywhere on the way spells others.
  const isAsNamed = relative === path.relative(path.resolve(root), path.resolve(file));
  return !isAsNamed || /^\.\.(?:[\\/]|$)/.test(relative) ? 'outside' : null;
}

const DESCRIPTORS = '/proc/self/fd';

/** What the system calls an open file, links resolved; null where it does not tell. */
function nameOf(fd: number): string | null {
  return orNull(() => fs.readlinkSync(`${DESCRIPTORS}/${fd}`));
}

/**
 * Where the opened file really is: asked of the descriptor where the system tells, so a swap cannot fool it;
 * elsewhere the file that has the name now must be the one that was opened.
 */
export function openedPath(
  file: string,
  fd: number,
  stat: Pick<FileStat, 'inode'>,
  descriptors = DESCRIPTORS,
): string {
  const viaProc = orNull(() => fs.realpathSync.native(path.join(descriptors, String(fd))));
  if (viaProc !== null) return viaProc;
  const real = fs.realpathSync.native(file);
  return fs.statSync(real).ino === stat.inode ? real : path.parse(real).root;
}
