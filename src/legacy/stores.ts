import { IntegrityError, isSystemError, messageOf, sqliteCode, UserError } from '../base/index.ts';
import type { Db, Open } from '../base/index.ts';
import { memoryStore, type Home } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';

/** A store in the middle of one transaction. */
export interface OpenStore {
  readonly db: Db;
  /** Null for what belongs to no project. */
  readonly projectId: ProjectId | null;
}

/**
 * The stores that rows of one source go into, each in one transaction. A store that cannot be written fails alone: its
 * rows stay unaccounted for and the others go on.
 */
export interface Stores {
  /** The store of a project, or of what has none; null when it cannot be written. */
  at(projectId: ProjectId | null): OpenStore | null;
  /** Ends every transaction. In a rehearsal it does nothing, so that the next source finds what this one brought. */
  commit(): void;
  /** Undoes whatever was not committed, and lets go of rehearsed stores. */
  rollback(): void;
  /** Projects whose stores are open here, rehearsed ones too. */
  opened(): readonly ProjectId[];
  /** Why stores could not be written, one sentence each. */
  readonly failures: readonly string[];
}

interface Held extends OpenStore {
  readonly open: Open;
  /** A stand-in for a store that is not there, closed in the end. */
  readonly isRehearsed: boolean;
}

/** Opens stores as they are asked for; with `dryRun` nothing of them lasts, and none is created on the disk. */
export function createStores(home: Home, dryRun: boolean): Stores {
  const held = new Map<ProjectId | null, Held | null>();
  const failures: string[] = [];
  const hold = (projectId: ProjectId | null): Held | null => {
    try {
      const { db, isRehearsed } = storeOf(home, projectId, dryRun);
      return { db, projectId, open: db.begin(), isRehearsed };
    } catch (error) {
      if (!isOfStore(error)) throw error;
      failures.push(messageOf(error));
      return null;
    }
  };
  return {
    failures,
    opened: () => [...held.keys()].filter((id) => id !== null),
    at: (projectId) => {
      const known = held.get(projectId);
      if (known !== undefined) return known;
      const store = hold(projectId);
      held.set(projectId, store);
      return store;
    },
    commit: () => {
      if (dryRun) return;
      for (const [projectId, store] of held) {
        store?.open.commit();
        held.delete(projectId);
      }
    },
    rollback: () => {
      for (const store of held.values()) {
        store?.open.rollback();
        if (store?.isRehearsed === true) store.db.close();
      }
      held.clear();
    },
  };
}

/** Whether this project's store, or the one of what has no project, is there without being created. */
export function hasStore(home: Home, projectId: ProjectId | null): boolean {
  const { files } = home.system;
  const { paths } = home;
  const file = projectId === null ? paths.unassigned : paths.projectStore(projectId);
  return files.stat(file) !== null;
}

/** The store itself, created when it is absent. */
export function openStoreOf(home: Home, projectId: ProjectId | null): Db {
  return projectId === null ? home.unassigned() : home.store(projectId);
}

/** Every store of this home that rows may have come into. One that cannot be read says so at its own place. */
export function existingStores(home: Home): readonly OpenStore[] {
  const ids: (ProjectId | null)[] = [...home.projectIds()];
  if (hasStore(home, null)) ids.push(null);
  return ids.flatMap((projectId) => {
    try {
      return [{ projectId, db: openStoreOf(home, projectId) }];
    } catch (error) {
      if (!isOfStore(error)) throw error;
      return [];
    }
  });
}

/** The disk's or the database's own word, which concerns one store or source and no other. */
export function isOfStore(error: unknown): boolean {
  if (error instanceof UserError) return STORE_CODES.has(error.code);
  return error instanceof IntegrityError || sqliteCode(error) !== '' || isSystemError(error);
}

const STORE_CODES: ReadonlySet<string> = new Set(['busy', 'store_newer', 'store_unreadable']);

function storeOf(
  home: Home,
  projectId: ProjectId | null,
  dryRun: boolean,
): { readonly db: Db; readonly isRehearsed: boolean } {
  if (!dryRun || hasStore(home, projectId)) {
    return { db: openStoreOf(home, projectId), isRehearsed: false };
  }
  return { db: memoryStore(home.system, projectId), isRehearsed: true };
}
