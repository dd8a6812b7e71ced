import type { Files, FileStat } from '../../base/index.ts';
import { PIECE_BYTES } from '../limits.ts';
import type { Dossier, SeenFile } from './memory.ts';
import { nameArtifact, type Manifest, type Naming } from './manifests.ts';
import { pathIssue } from './paths.ts';
import type { Found, Tree } from './walk.ts';

/** One file of a mission as the index states it. */
export interface Artifact extends Naming {
  /** Below the mission directory, with forward slashes: the one form for index and upload. */
  readonly path: string;
  readonly absolutePath: string;
  /** Of its raw bytes; null unless it is present. */
  readonly sha256: string | null;
  readonly bytes: number;
  /** It is a regular file of the mission, could be read and is UTF-8. */
  readonly isPresent: boolean;
  /** Why it is not present; null when it is. */
  readonly error: string | null;
  /** As it was read; null for what could not be looked at. */
  readonly stat: FileStat | null;
  /** It looks as the last index left it, and was not read again. */
  readonly isUnchanged: boolean;
}

/** What may have been a moment's matter is not noted: the next index looks again. */
export const PASSING: ReadonlySet<string> = new Set(['changed', 'deleted_after_scan']);

/** How artifacts are found out, and what is known of them. */
export interface Looking {
  readonly files: Files;
  /** The project's root: nothing is read that does not lie below it as it is named. */
  readonly root: string;
  readonly manifest: Manifest | null;
  readonly dossier: Dossier | null;
}

/**
 * The artifacts of a mission, in the order of their paths. What looks as it did costs no more than the stat that
 * the walk took; the rest is hashed, a piece at a time. No file and no name throws.
 */
export function indexArtifacts(looking: Looking, tree: Tree): readonly Artifact[] {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  return tree.found.map((found) => index(looking, found, piece));
}

function index(looking: Looking, found: Found, piece: Buffer): Artifact {
  const { path, stat, issue } = found;
  const seen = looking.dossier?.files.get(path);
  if (seen !== undefined && looksSame(seen, stat) && (issue === null || issue === seen.error)) {
    const { sha256, error, size } = seen;
    const known = { sha256, bytes: size, isPresent: error === null, error, stat };
    return artifact(looking, found, known, true);
  }
  const problem = issue ?? unsupported(path);
  const read =
    problem === null ? digest(looking, found.absolutePath, piece) : refused(stat, problem);
  return artifact(looking, found, read, false);
}

/** Member by member: spreading three objects into one costs more than all the rest of an unchanged file. */
function artifact(
  { manifest }: Looking,
  { path, absolutePath }: Found,
  read: Read,
  isUnchanged: boolean,
): Artifact {
  const { artifactClass, key, requiredBy } = nameArtifact(path, manifest);
  const { sha256, bytes, isPresent, error, stat } = read;
  return {
    artifactClass,
    key,
    requiredBy,
    path,
    absolutePath,
    sha256,
    bytes,
    isPresent,
    error,
    stat,
    isUnchanged,
  };
}

function unsupported(path: string): string | null {
  const issue = pathIssue(path);
  return issue === null ? null : `unsupported_path: ${issue}`;
}

type Read = Pick<Artifact, 'sha256' | 'bytes' | 'isPresent' | 'error' | 'stat'>;

function digest({ files, root }: Looking, file: string, piece: Buffer): Read {
  const read = files.digestInside(root, file, piece);
  if (!read.ok) return refused(null, read.reason === 'absent' ? 'deleted_after_scan' : read.reason);
  const { stat, sha256 } = read;
  if (!read.isUtf8) return refused(stat, 'invalid_utf8');
  return { sha256, bytes: stat.size, isPresent: true, error: null, stat };
}

function refused(stat: FileStat | null, error: string): Read {
  return { sha256: null, bytes: stat?.size ?? 0, isPresent: false, error, stat };
}

function looksSame(seen: SeenFile, stat: FileStat | null): boolean {
  if (stat === null) return seen.size === 0 && seen.changedAt === 0 && seen.inode === 0;
  return (
    seen.size === stat.size &&
    seen.modifiedAt === stat.modifiedAt &&
    seen.changedAt === stat.changedAt &&
    seen.inode === inodeOf(stat)
  );
}

/** What a file looks like; all zero for what cannot be looked at. */
export function signatureOf(
  stat: FileStat | null,
): Pick<SeenFile, 'size' | 'modifiedAt' | 'changedAt' | 'inode'> {
  if (stat === null) return { size: 0, modifiedAt: 0, changedAt: 0, inode: 0 };
  const { size, modifiedAt, changedAt } = stat;
  return { size, modifiedAt, changedAt, inode: inodeOf(stat) };
}

/** Some file systems number their inodes beyond what an INTEGER column takes. */
function inodeOf(stat: FileStat): number {
  return stat.inode % Number.MAX_SAFE_INTEGER;
}
