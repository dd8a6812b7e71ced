import path from 'node:path';
import { messageOf, sqliteCode, UserError, type Db } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { countConflictsOf, countOpenConflicts } from './account.ts';
import { fingerprintOf, lastWrittenAt, withCopies, type Fingerprint } from './copy.ts';
import { importHistory } from './history.ts';
import { emptyTally, importRows, type Tally } from './importing.ts';
import { gatherCandidates, proveScope, type Candidates } from './provenance.ts';
import { listRegistered, readLedgersAgain, register, type Registered } from './known-sources.ts';
import { discoverSources, type Source } from './sources.ts';
import { createStores, existingStores, isOfStore, type Stores } from './stores.ts';

export interface MigrationOptions {
  /** Says what would happen and keeps nothing. */
  readonly dryRun?: boolean;
  /** Further sources: files, or other homes of the earlier program. */
  readonly named?: readonly string[];
  /** Called now and then with the number of rows looked at. */
  readonly onProgress?: (rows: number) => void;
}

/** What became of one source in this run. */
export interface SourceReport {
  readonly source: Source;
  readonly scope: string | null;
  readonly tally: Tally;
  /** Rows of it that wait for a decision. */
  readonly conflicts: number;
  /** It looks as it did when every row was accounted for, and was not opened. */
  readonly isUnchanged: boolean;
  /** Why not every row could be accounted for; null when all are. */
  readonly error: string | null;
}

export interface Migration {
  readonly dryRun: boolean;
  readonly sources: readonly SourceReport[];
  /** Files between the sources that are nothing of ours, by name. */
  readonly unknown: readonly string[];
  /** Deliveries of the earlier program that were not known here before. */
  readonly remembered: number;
  /** Conflicts of this home that nobody has decided. */
  readonly conflicts: number;
}

/** A file written this short a time ago may be written again without looking different. */
const SETTLED_AFTER_MS = 2_000;
const PROGRESS_EACH = 1_000;

/**
 * Takes what the earlier program left in its databases into this home's stores: one transaction for each source and
 * project. The sources are only read. Repeating it changes nothing more, whenever it was interrupted; what cannot be
 * read or written is reported, source by source, and holds up no other.
 * @throws UserError `not_found` for a named source that is not there, `config_corrupt`, what opening `machine.db` may.
 */
export async function migrateSources(
  home: Home,
  options: MigrationOptions = {},
): Promise<Migration> {
  const { sources, unknown } = allSources(home, options.named ?? []);
  const dryRun = options.dryRun ?? false;
  if (sources.length === 0) {
    return { dryRun, sources: [], unknown, remembered: 0, conflicts: openConflictsIn(home) };
  }
  const candidates = await gatherCandidates(home);
  const rehearsal = dryRun ? createStores(home, true) : null;
  let looked = 0;
  const onRow = (): void => {
    looked += 1;
    if (looked % PROGRESS_EACH === 0) options.onProgress?.(looked);
  };
  const run: Run = { home, candidates, rehearsal, onRow, remembered: 0 };
  try {
    const reports = sources.map((source) => migrateOne(run, source));
    const conflicts = dryRun ? sumConflicts(reports) : openConflictsIn(home);
    return { dryRun, sources: reports, unknown, remembered: run.remembered, conflicts };
  } finally {
    rehearsal?.rollback();
  }
}

/** What the home holds, and what was named once and may have grown. */
export function allSources(
  home: Home,
  named: readonly string[],
): ReturnType<typeof discoverSources> {
  const { files } = home.system;
  const remembered = [...registry(home).keys()].filter((file) => files.stat(file)?.kind === 'file');
  return discoverSources(home, [...named, ...remembered]);
}

/** What this machine remembers; nothing where its file is absent or cannot be read. */
export function registry(home: Home): ReadonlyMap<string, Registered> {
  if (home.system.files.stat(home.paths.machine) === null) return new Map();
  try {
    return listRegistered(home.machine());
  } catch (error) {
    if (!isOfStore(error)) throw error;
    return new Map();
  }
}

interface Run {
  readonly home: Home;
  readonly candidates: Candidates;
  /** The stores of a dry run, which last from source to source. */
  readonly rehearsal: Stores | null;
  readonly onRow: () => void;
  remembered: number;
}

function migrateOne(run: Run, source: Source): SourceReport {
  const { home, rehearsal } = run;
  const before = lookOf(home, source);
  const known = listRegistered(home.machine()).get(source.path);
  if (known !== undefined && known.fingerprint === before) {
    const report = unchanged(run, source, known);
    const { conflicts } = report;
    if (rehearsal === null && conflicts !== known.conflicts) {
      register(home.machine(), { ...known, conflicts }, home.system.clock.now());
    }
    return report;
  }
  const report = read(run, source);
  if (rehearsal !== null) return report;
  const isSettled = home.system.clock.now() - writtenAt(home, source) >= SETTLED_AFTER_MS;
  const isKept = isSettled && report.mayRest && lookOf(home, source) === before;
  const { tally, scope, conflicts, error } = report;
  register(
    home.machine(),
    {
      path: source.path,
      kind: source.kind,
      digest: source.digest,
      scope,
      conflicts,
      error,
      rows: tally.rows,
      bodies: tally.bodies,
      failures: tally.failures,
      unreadable: tally.unreadable,
      fingerprint: isKept ? before : null,
    },
    home.system.clock.now(),
  );
  return report;
}

function unchanged(run: Run, source: Source, known: Registered): SourceReport {
  const { rows, bodies, failures, unreadable, error } = known;
  const conflicts = known.conflicts === 0 ? 0 : conflictsOf(run.home, source);
  const identical = rows - conflicts - unreadable;
  const ends = { ...emptyTally(), identical, unreadable, conflict: conflicts };
  const scope = known.scope ?? proveScope(source, run.candidates);
  const tally = { ...ends, rows, bodies, failures };
  return { source, scope, tally, conflicts, isUnchanged: true, error };
}

/** A report, and whether the source need not be read again while it looks the same. */
type Reading = SourceReport & { readonly mayRest: boolean };

function read(run: Run, source: Source): Reading {
  const { home, rehearsal } = run;
  const scope = proveScope(source, run.candidates);
  const stores = rehearsal ?? createStores(home, false);
  const report = { source, scope, tally: emptyTally(), conflicts: 0, isUnchanged: false };
  try {
    const { tally, broken } = readInto(run, source, { scope, stores });
    const conflicts =
      rehearsal === null && tally.conflict > 0 ? conflictsOf(home, source) : tally.conflict;
    const [failure] = stores.failures;
    const error = failure ?? broken;
    return { ...report, tally, conflicts, error, mayRest: failure === undefined };
  } catch (error) {
    if (!isOfStore(error)) throw error;
    return { ...report, error: messageOf(error), mayRest: isDamage(error) };
  } finally {
    if (rehearsal === null) stores.rollback();
  }
}

function readInto(
  run: Run,
  source: Source,
  into: { readonly scope: string | null; readonly stores: Stores },
): { readonly tally: Tally; readonly broken: string | null } {
  const { home, onRow, rehearsal } = run;
  const { system } = home;
  return withCopies(home, filesOf(source), ([copy, targets]) => {
    if (copy === undefined) throw new Error('a source has a file');
    if (source.kind === 'ledger')
      return readLedger(run, { copy, targets: targets ?? copy, ...into });
    const done = importRows({ system, source, onRow, ...into }, copy);
    if (rehearsal === null && done.tally.imported > 0) readLedgersAgain(home.machine());
    system.faults.at('legacy.commit');
    into.stores.commit();
    system.faults.at('legacy.committed');
    return done;
  });
}

function readLedger(
  run: Run,
  from: { readonly copy: Db; readonly targets: Db; readonly stores: Stores },
): { readonly tally: Tally; readonly broken: string | null } {
  const { stores } = from;
  const ids = new Set([...run.home.projectIds(), ...stores.opened()]);
  const open = [...ids].map((id) => stores.at(id)).filter((store) => store !== null);
  const { rows, remembered } = importHistory(from.copy, from.targets, open);
  run.remembered += remembered;
  stores.commit();
  return { tally: { ...emptyTally(), rows, identical: rows }, broken: null };
}

/** The files of a source that have a life of their own: a ledger means nothing without its targets. */
export function filesOf({ kind, path: file }: Source): readonly string[] {
  return kind === 'ledger' ? [file, path.join(path.dirname(file), 'targets.db')] : [file];
}

/** How all files of a source look. */
export function lookOf({ system }: Home, source: Source): Fingerprint {
  return filesOf(source)
    .map((file) => fingerprintOf(system.files, file))
    .join(' ');
}

function writtenAt({ system }: Home, source: Source): number {
  return Math.max(...filesOf(source).map((file) => lastWrittenAt(system.files, file)));
}

/** What is wrong with the bytes themselves stays wrong until they change. */
function isDamage(error: unknown): boolean {
  if (error instanceof UserError) return error.code === 'store_unreadable';
  return /^SQLITE_(?:CORRUPT|NOTADB)/.test(sqliteCode(error));
}

function conflictsOf(home: Home, { path: file }: Source): number {
  return existingStores(home).reduce((sum, { db }) => sum + countConflictsOf(db, file), 0);
}

/** Only a home that has read sources can have any. */
function openConflictsIn(home: Home): number {
  if (registry(home).size === 0) return 0;
  return existingStores(home).reduce((sum, { db }) => sum + countOpenConflicts(db), 0);
}

function sumConflicts(reports: readonly SourceReport[]): number {
  return reports.reduce((sum, { conflicts }) => sum + conflicts, 0);
}
