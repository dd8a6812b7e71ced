import { messageOf } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { findEvent } from '../journal/index.ts';
import type { ProjectId } from '../wire/index.ts';
import { isAccounted, knownSourceId } from './account.ts';
import { fingerprintOf, withCopies } from './copy.ts';
import { filesOf, lookOf, type SourceReport } from './migrate.ts';
import { contentsOf } from './reading.ts';
import { registerArchived } from './known-sources.ts';
import { judgedRows } from './rows.ts';
import type { Source } from './sources.ts';
import { hasStore, isOfStore, openStoreOf } from './stores.ts';
import { findUnassigned } from './unassigned.ts';

/** A source that was put aside, or why it was not. */
export interface Archived {
  readonly path: string;
  /** Its new name; null when it stays. */
  readonly to: string | null;
  readonly reason: string | null;
}

/** What SQLite may keep beside a database; it is found there under the new name too. */
const BESIDE = ['-wal', '-shm', '-journal'] as const;

/**
 * Puts sources aside under a name that no program reads: `*.imported-<time>` after every row was found in the stores
 * once more. A damaged one is put aside as `*.unreadable-<time>` only when it was named.
 * @param named real paths.
 */
export function archiveSources(
  home: Home,
  reports: readonly SourceReport[],
  named: ReadonlySet<string>,
): readonly Archived[] {
  return reports.map((report) => {
    const { source, error } = report;
    const before = lookOf(home, source);
    const reason = reasonToStay(home, report, named.has(source.path));
    if (reason !== null) return { path: source.path, to: null, reason };
    const { link } = source;
    const suffix = suffixOf(home, error === null ? 'imported' : 'unreadable');
    if (link !== null) return putLinkAside(home, source, { from: link, to: `${link}${suffix}` });
    return putAside(home, source, { suffix, before: error === null ? before : null });
  });
}

/** The command that puts one source aside, damaged or not. */
export function putAsideCommand(file: string): string {
  const word = /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
  return `spec-kitty sync migrate --archive-sources --source ${word}`;
}

function reasonToStay(home: Home, report: SourceReport, isNamed: boolean): string | null {
  const { source, conflicts, error } = report;
  if (conflicts > 0) return `${conflicts} row(s) wait for a decision`;
  if (error !== null) return isNamed ? null : error;
  if (source.kind === 'ledger') return null;
  return missingRow(home, source);
}

/** Reads the source once more: set inclusion, whatever else the stores hold. */
function missingRow(home: Home, source: Source): string | null {
  let broken: string | null = null;
  try {
    return withCopies(home, filesOf(source), (copies) => {
      for (const copy of copies) {
        const rows = judgedRows(contentsOf(copy), (reason) => {
          broken = reason;
        });
        for (const row of rows) {
          const isThere = isKept(home, source, row) && isRecorded(home, row);
          if (!isThere) return `row ${row.rowId} (${row.part}) is not accounted for`;
        }
      }
      return broken;
    });
  } catch (error) {
    if (!isOfStore(error)) throw error;
    return messageOf(error);
  }
}

type Row = ReturnType<typeof judgedRows> extends Generator<infer R> ? R : never;

/** Whether a row, as it reads now, was accounted for in the store it belongs to. */
export function isKept(home: Home, source: Source, row: Row): boolean {
  const { projectId, part, rowId, sha256 } = row;
  if (!hasStore(home, projectId)) return false;
  const db = openStoreOf(home, projectId);
  const sourceId = knownSourceId(db, source.path);
  return sourceId !== null && isAccounted(db, { sourceId, part, rowId, sha256 });
}

function isRecorded(home: Home, row: Row): boolean {
  if (row.kind !== 'event') return true;
  return hasEvent(home, row.projectId, row.event.envelope.eventId);
}

function hasEvent(home: Home, projectId: ProjectId | null, eventId: string): boolean {
  const db = openStoreOf(home, projectId);
  return (projectId === null ? findUnassigned(db, eventId) : findEvent(db, eventId)) !== null;
}

function suffixOf({ system }: Home, word: 'imported' | 'unreadable'): string {
  const time = new Date(system.clock.now()).toISOString().replaceAll(/[-:.]/g, '');
  return `.${word}-${time}`;
}

/** @param options.before how a source looked before its rows were verified; null where none were. */
function putAside(
  home: Home,
  source: Source,
  options: { readonly suffix: string; readonly before: string | null },
): Archived {
  const { files, faults } = home.system;
  const { suffix, before } = options;
  const moved = filesOf(source).filter((file) => files.lstat(file) !== null);
  for (const file of moved) move(home, file, `${file}${suffix}`);
  faults.at('legacy.archive');
  const to = `${source.path}${suffix}`;
  if (
    before !== null &&
    moved.map((file) => lookAt(home, `${file}${suffix}`)).join(' ') !== before
  ) {
    for (const file of moved) move(home, `${file}${suffix}`, file);
    return { path: source.path, to: null, reason: 'it was written to just now' };
  }
  registerArchived(home.machine(), source.path, to);
  return { path: source.path, to, reason: null };
}

function lookAt({ system }: Home, file: string): string {
  return fingerprintOf(system.files, file);
}

/** What a link leads to is somebody else's: the link alone gets another name. */
function putLinkAside(
  home: Home,
  { path }: Source,
  { from, to }: { readonly from: string; readonly to: string },
): Archived {
  home.system.files.rename(from, to);
  registerArchived(home.machine(), path, to);
  return { path, to, reason: null };
}

/** The database first: SQLite removes a log that lies beside a database which is new. */
function move(home: Home, from: string, to: string): void {
  const { files } = home.system;
  files.rename(from, to);
  for (const part of BESIDE) {
    if (files.lstat(`${from}${part}`) !== null) files.rename(`${from}${part}`, `${to}${part}`);
  }
}
