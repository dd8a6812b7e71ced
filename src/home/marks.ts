import type { Db, Millis } from '../base/index.ts';
import { parseProjectId, type ProjectId } from '../wire/index.ts';
import type { Home } from './home.ts';

/** How far a journal was seen to reach on this machine. */
export interface Mark {
  /** Of the store; a store that was lost or set back begins a new one. */
  readonly epoch: number;
  readonly lastSeq: number;
  /** Null when it was empty. */
  readonly lastEventId: string | null;
  readonly seenAt: Millis;
}

interface MarkRow {
  readonly epoch: number;
  readonly last_seq: number;
  readonly last_event_id: string | null;
  readonly seen_at: number;
}

const READ = 'SELECT * FROM marks WHERE project_id = :id';
const LIST = 'SELECT project_id FROM marks ORDER BY project_id';
/** Forwards only: a process that looked earlier may write later. */
const KEEP = `
  INSERT INTO marks (project_id, epoch, last_seq, last_event_id, seen_at)
  VALUES (:id, :epoch, :lastSeq, :lastEventId, :seenAt)
  ON CONFLICT (project_id) DO UPDATE
    SET epoch = :epoch, last_seq = :lastSeq, last_event_id = :lastEventId, seen_at = :seenAt
    WHERE epoch < :epoch OR (epoch = :epoch AND last_seq < :lastSeq)`;
const EPOCH = 'SELECT epoch FROM store';
const RAISE = 'UPDATE store SET epoch = max(epoch + 1, :least)';

/** How far a project's journal reached when it was seen last, or null where it never was. */
export function readMark(home: Home, id: ProjectId): Mark | null {
  const row = home.machine().get<MarkRow>(READ, { id });
  if (row === undefined) return null;
  const { epoch, last_seq: lastSeq, last_event_id: lastEventId, seen_at: seenAt } = row;
  return { epoch, lastSeq, lastEventId, seenAt };
}

/** Notes how far a journal reaches, unless it is known to reach as far. */
export function keepMark(home: Home, id: ProjectId, mark: Mark): void {
  const known = readMark(home, id);
  if (known !== null && known.epoch === mark.epoch && known.lastSeq >= mark.lastSeq) return;
  home.machine().run(KEEP, { id, ...mark });
}

/** The projects whose journal was ever seen here, whether they still have a store or not. */
export function markedProjects(home: Home): readonly ProjectId[] {
  return home
    .machine()
    .all<{ project_id: string }>(LIST)
    .map((row) => parseProjectId(row.project_id))
    .filter((id) => id !== null);
}

/** The store's own count of its beginnings. */
export function readEpoch(db: Db): number {
  return db.get<{ epoch: number }>(EPOCH)?.epoch ?? 1;
}

/** Begins a new epoch, at `least` or above: what was said of positions before does not hold any more. */
export function raiseEpoch(db: Db, least: number): number {
  db.run(RAISE, { least });
  return readEpoch(db);
}
