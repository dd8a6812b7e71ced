import path from 'node:path';
import { readable, type Files, type FileStat } from '../../base/index.ts';
import { MAX_ARTIFACTS, MAX_DEPTH } from '../limits.ts';
import { pathIssue } from './paths.ts';

/** Something that lies in a mission directory. */
export interface Found {
  /** Below the mission directory, with forward slashes. */
  readonly path: string;
  readonly absolutePath: string;
  /** As it was found; null for what could not be looked at. */
  readonly stat: FileStat | null;
  /** Why it is not read; null for what may be. */
  readonly issue: string | null;
}

export interface Tree {
  /** Sorted by path. */
  readonly found: readonly Found[];
  /** Folders whose contents are unknown: what was in them before is not gone for that. */
  readonly unseen: readonly string[];
  /** There is more than is looked at. */
  readonly isTruncated: boolean;
}

interface Walk {
  readonly files: Files;
  readonly found: Found[];
  readonly unseen: string[];
  looked: number;
  isTruncated: boolean;
}

/**
 * Everything in a mission directory by stats alone, without following a link. Names that begin with a dot are
 * tools' own and passed over. Bounded in depth and number; never throws for what lies there.
 * @returns null when there is no such directory.
 */
export function walkMission(files: Files, directory: string): Tree | null {
  const stat = readable(() => files.lstat(directory));
  if (stat === null || stat === 'unreadable' || stat.kind !== 'directory') return null;
  const walk: Walk = { files, found: [], unseen: [], looked: 0, isTruncated: false };
  visit(walk, directory, '', 1);
  walk.found.sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  return { found: walk.found, unseen: walk.unseen, isTruncated: walk.isTruncated };
}

function visit(walk: Walk, directory: string, prefix: string, depth: number): void {
  const left = MAX_ARTIFACTS - walk.looked;
  const names = depth > MAX_DEPTH ? null : readable(() => walk.files.list(directory, left));
  if (names === null || names === 'unreadable') {
    const issue = names === null ? 'too_deep' : 'unreadable';
    walk.unseen.push(prefix);
    walk.isTruncated ||= issue === 'too_deep';
    walk.found.push({
      path: prefix.slice(0, -1) || '.',
      absolutePath: directory,
      stat: null,
      issue,
    });
    return;
  }
  walk.isTruncated ||= names.length > left;
  for (const name of names.slice(0, left)) {
    if (name.startsWith('.')) continue;
    walk.looked += 1;
    look(walk, { path: `${prefix}${name}`, absolutePath: `${directory}${path.sep}${name}` }, depth);
  }
}

function look(walk: Walk, at: Pick<Found, 'path' | 'absolutePath'>, depth: number): void {
  const stat = readable(() => walk.files.lstat(at.absolutePath));
  if (stat === null) {
    // Gone since it was listed, or a name that cannot even be spelled.
    if (at.path.includes('\ufffd')) lost(walk, at);
  } else if (stat === 'unreadable') walk.found.push({ ...at, stat: null, issue: 'unreadable' });
  else if (stat.kind === 'directory') visit(walk, at.absolutePath, `${at.path}/`, depth + 1);
  else walk.found.push({ ...at, stat, issue: issueOf(stat) });
}

function lost(walk: Walk, at: Pick<Found, 'path' | 'absolutePath'>): void {
  walk.found.push({ ...at, stat: null, issue: `unsupported_path: ${pathIssue(at.path) ?? ''}` });
}

function issueOf(stat: FileStat): string | null {
  if (stat.kind === 'symlink') return 'symlink';
  return stat.kind === 'file' ? null : 'not_a_file';
}
