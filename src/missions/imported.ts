import type { Db, FileStat, Millis } from '../base/index.ts';
import type { MissionFile } from './discover.ts';

const SAME = `
  SELECT 1 AS same FROM imported_files
  WHERE checkout_id = :checkoutId AND path = :path AND size = :size AND modified_at = :modifiedAt
    AND inode = :inode AND bad_lines = 0`;
const REMEMBER = `
  INSERT INTO imported_files (checkout_id, path, size, modified_at, inode, lines, bad_lines, imported_at)
  VALUES (:checkoutId, :path, :size, :modifiedAt, :inode, :lines, 0, :now)
  ON CONFLICT (checkout_id, path) DO UPDATE SET size = excluded.size, modified_at = excluded.modified_at,
    inode = excluded.inode, lines = excluded.lines, bad_lines = 0, imported_at = excluded.imported_at`;

/** Whether a log is, by its stat, the one whose every line was imported in this checkout. */
export function isImported(db: Db, checkoutId: number | null, file: MissionFile): boolean {
  if (checkoutId === null) return false;
  return db.get(SAME, { checkoutId, path: file.path, ...fingerprint(file.stat) }) !== undefined;
}

/** What was read of a log, and what it looked like when it was opened. */
export interface ReadLog {
  readonly path: string;
  readonly stat: FileStat;
  readonly lines: number;
}

/** Notes that every line of a log is in the journal. Runs inside the capture of its last lines. */
export function rememberImported(
  db: Db,
  checkoutId: number | null,
  log: ReadLog,
  now: Millis,
): void {
  if (checkoutId === null) return;
  const { path, stat, lines } = log;
  db.run(REMEMBER, { checkoutId, path, ...fingerprint(stat), lines, now });
}

function fingerprint(stat: FileStat): { size: number; modifiedAt: Millis; inode: number } {
  // Some file systems number their inodes beyond what an INTEGER column takes.
  const inode = stat.inode % Number.MAX_SAFE_INTEGER;
  return { size: stat.size, modifiedAt: stat.modifiedAt, inode };
}
