import path from 'node:path';
import { openDb, sqliteCode, UserError, type Db } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';

/** What the Python command line left waiting in its own queue databases. */
export interface LegacyRows {
  /** Databases that were looked into. */
  readonly databases: number;
  /** Queued events and bodies of this project. */
  readonly rows: number;
  /** Databases that could not be read: what they hold is unknown, which is not zero. */
  readonly unreadable: readonly string[];
}

const QUEUE_NAME = /^queue-[0-9a-f]+\.db$/;
/** SQLite's file format says in bytes 18 and 19 whether a write-ahead log belongs to the file (fileformat2.html). */
const READ_VERSION_OFFSET = 19;
const WAL_VERSION = 2;
const HEADER_BYTES = 100;

const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'";
const EVENTS = `
  SELECT count(*) AS n FROM queue
  WHERE json_valid(data) AND lower(json_extract(data, '$.project_uuid')) = :projectId`;
const BODIES = 'SELECT count(*) AS n FROM body_upload_queue WHERE lower(project_uuid) = :projectId';

/**
 * Counts the rows of one project in `queue.db` and every `queues/queue-<digest>.db` (disk contract 2 and 3).
 * Nothing is ever written beside them: a database with a write-ahead log is not opened but reported as unreadable.
 */
export function countLegacyRows(home: Home, projectId: ProjectId): LegacyRows {
  const found = findQueues(home);
  const unreadable: string[] = [];
  let rows = 0;
  for (const file of found) {
    const counted = countIn(home, file, projectId);
    if (counted === null) unreadable.push(file);
    else rows += counted;
  }
  return { databases: found.length, rows, unreadable };
}

function findQueues(home: Home): readonly string[] {
  const { files } = home.system;
  const { root } = home.paths;
  const scoped = path.join(root, 'queues');
  const candidates = [
    path.join(root, 'queue.db'),
    ...files
      .list(scoped)
      .filter((name) => QUEUE_NAME.test(name))
      .map((name) => path.join(scoped, name)),
  ];
  return candidates.filter((file) => files.lstat(file) !== null);
}

function countIn(home: Home, file: string, projectId: ProjectId): number | null {
  if (!isPlainDatabase(home, file)) return null;
  let db: Db | null = null;
  try {
    db = openDb(file, { clock: home.system.clock, readonly: true, waitMs: 0 });
    return countRows(db, projectId);
  } catch (error) {
    if (error instanceof UserError || sqliteCode(error) !== '') return null;
    throw error;
  } finally {
    db?.close();
  }
}

/** A regular file that reading alone cannot change. */
function isPlainDatabase(home: Home, file: string): boolean {
  const { files } = home.system;
  if (files.stat(`${file}-journal`) !== null || files.stat(`${file}-wal`) !== null) return false;
  if (files.lstat(file)?.kind !== 'file') return false;
  return files.readStart(file, HEADER_BYTES)?.[READ_VERSION_OFFSET] !== WAL_VERSION;
}

function countRows(db: Db, projectId: ProjectId): number {
  const tables = new Set(db.all<{ name: string }>(TABLES).map((row) => row.name));
  const events = tables.has('queue') ? count(db, EVENTS, projectId) : 0;
  return events + (tables.has('body_upload_queue') ? count(db, BODIES, projectId) : 0);
}

function count(db: Db, sql: string, projectId: ProjectId): number {
  return db.get<{ n: number }>(sql, { projectId })?.n ?? 0;
}
