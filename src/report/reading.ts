import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  IntegrityError,
  isDamaged,
  isSystemError,
  messageOf,
  sqliteCode,
  UserError,
  type Db,
  type UserErrorCode,
} from '../base/index.ts';
import { openHome, type Home } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';

/** What a store answered, or why nothing is known of it. */
export type Reading<T> =
  | {
      readonly kind: 'known';
      readonly value: T;
      /** Why a copy had to be asked; null when the store itself answered. */
      readonly copied: string | null;
    }
  | {
      readonly kind: 'unknown';
      readonly reason: string;
      /** Our own code for it, where there is one. */
      readonly code: UserErrorCode | null;
      /** The command that comes with it. */
      readonly remedy: string | null;
      /** True when the store opened and contradicts itself. */
      readonly isDamaged: boolean;
    };

/**
 * Asks a project's store. Where it cannot be opened as it lies, because the home is read-only or another user's, a
 * temporary copy is asked instead. What cannot be read either way is unknown, which is never the same as empty.
 */
export async function readStore<T>(
  home: Home,
  projectId: ProjectId,
  ask: (db: Db) => Promise<T>,
): Promise<Reading<T>> {
  const direct = await attempt(() => ask(home.store(projectId)));
  if (direct.kind === 'known' || direct.isDamaged) return direct;
  const copy = await attempt(() => askCopy(home, projectId, ask));
  return copy.kind === 'known' ? { ...copy, copied: direct.reason } : direct;
}

async function attempt<T>(ask: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { kind: 'known', value: await ask(), copied: null };
  } catch (error) {
    const contradicts = error instanceof IntegrityError || isDamaged(error);
    if (!contradicts && !isOfStore(error)) throw error;
    const { code, remedy } = error instanceof UserError ? error : NO_WORD;
    return { kind: 'unknown', reason: messageOf(error), code, remedy, isDamaged: contradicts };
  }
}

const NO_WORD = { code: null, remedy: null } as const;
const STORE_CODES: ReadonlySet<string> = new Set(['busy', 'store_newer', 'store_unreadable']);

/** The disk's or the database's own word, as opposed to a wrong setting or a bug of ours. */
function isOfStore(error: unknown): boolean {
  if (error instanceof UserError) return STORE_CODES.has(error.code);
  return sqliteCode(error) !== '' || isSystemError(error);
}

/** Puts the store, and what is not checkpointed into it yet, into a home that is gone afterwards. */
async function askCopy<T>(
  home: Home,
  projectId: ProjectId,
  ask: (db: Db) => Promise<T>,
): Promise<T> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-copy-'));
  const env = { ...home.system.env, SPEC_KITTY_HOME: root };
  const copy = openHome({ ...home.system, env }, home.http);
  const [from, to] = [home.paths.projectStore(projectId), copy.paths.projectStore(projectId)];
  try {
    home.system.files.makeDir(copy.paths.projects);
    if (home.system.files.stat(from) !== null) fs.copyFileSync(from, to);
    if (home.system.files.stat(`${from}-wal`)?.kind === 'file') {
      fs.copyFileSync(`${from}-wal`, `${to}-wal`);
    }
    return await ask(copy.store(projectId));
  } finally {
    copy.forgetStore(projectId);
    fs.rmSync(root, { recursive: true, force: true });
  }
}
