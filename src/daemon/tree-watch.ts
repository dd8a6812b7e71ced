import fs from 'node:fs';
import path from 'node:path';
import { isSystemError, sha256Hex, type Files } from '../base/index.ts';

/** Tells whether something below a directory looks different from the last time it was asked. */
export interface TreeWatch {
  /** True when the system reported something since the last look; it may miss some. */
  readonly isStirred: boolean;
  /** Looks at every file by its stat; true when the tree is not as `settle` left it. */
  hasChanged(): boolean;
  /** The tree as `hasChanged` saw it last has been dealt with. */
  settle(): void;
  close(): void;
}

const MAX_ENTRIES = 50_000;

/**
 * Watches a tree. Notifications only say that a look is worth while: a file system that sends none, or too many, costs
 * time and nothing else.
 */
export function watchTree(files: Files, root: string): TreeWatch {
  let stirred = true;
  let seen = '';
  let settled = '';
  const watcher = listen(root, () => {
    stirred = true;
  });
  return {
    get isStirred() {
      return stirred;
    },
    hasChanged: () => {
      stirred = false;
      seen = lookOf(files, root);
      return seen !== settled;
    },
    settle: () => {
      settled = seen;
    },
    close: () => {
      watcher?.close();
    },
  };
}

function listen(root: string, stir: () => void): fs.FSWatcher | null {
  try {
    const watcher = fs.watch(root, { recursive: true, persistent: false }, stir);
    // The sweep sees what the watcher does not.
    watcher.on('error', stir);
    return watcher;
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** One hash over names, sizes, times and inodes; links are not followed. */
function lookOf(files: Files, root: string): string {
  const lines: string[] = [];
  const open = [root];
  while (open.length > 0 && lines.length < MAX_ENTRIES) {
    const dir = open.pop() ?? root;
    for (const name of listed(files, dir)) {
      const file = path.join(dir, name);
      const stat = lookAt(files, file);
      if (stat === null) continue;
      if (stat.kind === 'directory') open.push(file);
      lines.push([file, stat.kind, stat.size, stat.modifiedAt, stat.inode].join('\0'));
    }
  }
  return sha256Hex(lines.join('\n'));
}

function listed(files: Files, dir: string): readonly string[] {
  try {
    return files.list(dir, MAX_ENTRIES);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}

function lookAt(files: Files, file: string): ReturnType<Files['lstat']> {
  try {
    return files.lstat(file);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}
