import type { Db, Faults, Files } from '../../base/index.ts';

/** Pages given back in one transaction: nobody waits for the lock any longer than for a drain's batch. */
const STEP_PAGES = 256;

/**
 * Gives the pages that nothing uses any more back to the disk, a step at a time, and empties the log beside the
 * store. Another process that reads meanwhile only makes it give back less.
 */
export function reclaim(db: Db, faults: Faults): void {
  for (let free = freePages(db); free > 0; ) {
    db.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
    faults.at('gc.reclaim');
    emptyLog(db);
    const left = freePages(db);
    if (left >= free) break;
    free = left;
  }
  emptyLog(db);
}

/** Writes the log beside the store into it, so that it does not grow: on a full disk there is no room for both. */
export function emptyLog(db: Db): void {
  db.all('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** Bytes that the store and its log take on the disk. */
export function storeBytes(db: Db, files: Files): number {
  const { path } = db;
  return (files.stat(path)?.size ?? 0) + (files.stat(`${path}-wal`)?.size ?? 0);
}

function freePages(db: Db): number {
  return db.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0;
}
