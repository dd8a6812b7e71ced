import { messageOf, type Db } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';
import { openConflicts, type Conflict } from './account.ts';
import { isKept } from './archive.ts';
import { withCopies } from './copy.ts';
import { allSources, filesOf, lookOf, registry } from './migrate.ts';
import { contentsOf } from './reading.ts';
import type { Registered } from './known-sources.ts';
import { judgedRows, type Part } from './rows.ts';
import type { Source } from './sources.ts';
import { hasStore, isOfStore } from './stores.ts';
import { countUnassigned } from './unassigned.ts';

/** How one source stands. */
export interface SourceStatus {
  readonly path: string;
  readonly kind: Source['kind'];
  readonly digest: string;
  /** `server|user|team` where that is proven. */
  readonly scope: string | null;
  readonly rows: number;
  /** Rows that are imported, identical, in conflict or quoted as unreadable. */
  readonly accounted: number;
  readonly bodies: number;
  readonly failures: number;
  readonly conflicts: number;
  readonly unreadable: number;
  /** Why it may not be cleaned up yet; null when nothing stands in the way. */
  readonly blocked: string | null;
  /** Why it cannot be read: what it holds is unknown, which is not zero. */
  readonly error: string | null;
}

/** Rows that nobody accounted for yet. What the earlier program gave up on waits for nothing. */
export interface WaitingRows {
  events: number;
  bodies: number;
}

/** What the earlier program left in this home. */
export interface LegacyView {
  readonly sources: readonly SourceStatus[];
  /** What is not accounted for yet, by project; null is none. */
  readonly waiting: ReadonlyMap<ProjectId | null, WaitingRows>;
  readonly unknown: readonly string[];
  /** Events that name no project and were given to none. */
  readonly unassigned: number;
  /** Conflicts among those. */
  readonly conflicts: readonly Conflict[];
}

/** For questions that have nothing to do with it. */
export const NOT_LOOKED_AT: LegacyView = {
  sources: [],
  waiting: new Map(),
  unknown: [],
  unassigned: 0,
  conflicts: [],
};

/** The same for one project. */
export interface LegacyRows {
  readonly databases: number;
  /** Events and bodies of this project that are not accounted for yet. */
  readonly rows: number;
  /** Databases that could not be read. */
  readonly unreadable: readonly string[];
  /** Events of this project with two contents, waiting for a decision. */
  readonly conflicts: readonly Conflict[];
  readonly view: LegacyView;
}

/**
 * How the sources of a home stand. One that looks as it did when all its rows were accounted for costs a stat; the
 * others are read from copies, and nothing is written.
 */
export function readLegacy(home: Home): LegacyView {
  const { sources, unknown } = allSources(home, []);
  const waiting = new Map<ProjectId | null, WaitingRows>();
  const registered = registry(home);
  return {
    sources: sources.map((source) => {
      const known = registered.get(source.path);
      return known !== undefined && known.fingerprint === lookOf(home, source)
        ? fromRegistry(source, known)
        : fromSource(home, source, { known, waiting });
    }),
    waiting,
    unknown,
    ...withoutProject(home),
  };
}

/** What of it concerns one project, whose store is `db`. */
export function legacyRowsOf(db: Db, projectId: ProjectId, view: LegacyView): LegacyRows {
  const { events, bodies } = view.waiting.get(projectId) ?? NOTHING;
  return {
    databases: view.sources.length,
    rows: events + bodies,
    unreadable: view.sources.filter(({ error }) => error !== null).map(({ path }) => path),
    conflicts: openConflicts(db),
    view,
  };
}

/** The rows of one project that nobody accounted for yet, by kind. */
export function waitingRowsOf(
  projectId: ProjectId,
  { view }: LegacyRows,
): Readonly<WaitingRows> & { readonly projectId: ProjectId } {
  return { projectId, ...(view.waiting.get(projectId) ?? NOTHING) };
}

const NOTHING: WaitingRows = { events: 0, bodies: 0 };

/** How many events of old queues name no project and were not given to one; 0 where their store cannot be read. */
export function countWithoutProject(home: Home): number {
  return withoutProject(home).unassigned;
}

/** Unknown is not zero, but an unreadable store says so at its own place. */
function withoutProject(home: Home): Pick<LegacyView, 'unassigned' | 'conflicts'> {
  const nothing = { unassigned: 0, conflicts: [] };
  try {
    if (!hasStore(home, null)) return nothing;
    const db = home.unassigned();
    return { unassigned: countUnassigned(db), conflicts: openConflicts(db) };
  } catch (error) {
    if (!isOfStore(error)) throw error;
    return nothing;
  }
}

function fromRegistry(source: Source, known: Registered): SourceStatus {
  const { rows, bodies, failures, conflicts, unreadable, scope, error } = known;
  const counted = { rows, accounted: rows, bodies, failures, conflicts, unreadable };
  return { ...named(source), ...counted, scope, error, blocked: blockedBy(error, conflicts, 0) };
}

function fromSource(
  home: Home,
  source: Source,
  into: {
    readonly known: Registered | undefined;
    readonly waiting: Map<ProjectId | null, WaitingRows>;
  },
): SourceStatus {
  const { known, waiting } = into;
  const found = { rows: 0, accounted: 0, bodies: 0, failures: 0 };
  let error: string | null = null;
  const stopped = (reason: string): void => {
    error = reason;
  };
  try {
    if (source.kind !== 'ledger') {
      withCopies(home, filesOf(source), (copies) => {
        for (const copy of copies) {
          for (const row of judgedRows(contentsOf(copy), stopped)) {
            found.rows += 1;
            if (row.part === 'body') found.bodies += 1;
            if (row.part === 'failure') found.failures += 1;
            if (isKept(home, source, row)) found.accounted += 1;
            else wait(waiting, row);
          }
        }
      });
    }
  } catch (thrown) {
    if (!isOfStore(thrown)) throw thrown;
    error = messageOf(thrown);
  }
  const conflicts = known?.conflicts ?? 0;
  const blocked = blockedBy(error, conflicts, found.rows - found.accounted);
  const seen = { conflicts, unreadable: known?.unreadable ?? 0, scope: known?.scope ?? null };
  return { ...named(source), ...found, ...seen, error, blocked };
}

function wait(
  waiting: Map<ProjectId | null, WaitingRows>,
  { projectId, part }: { readonly projectId: ProjectId | null; readonly part: Part },
): void {
  const rows = waiting.get(projectId) ?? { ...NOTHING };
  if (part === 'event') rows.events += 1;
  if (part === 'body') rows.bodies += 1;
  waiting.set(projectId, rows);
}

function named({ path, kind, digest }: Source): Pick<Source, 'path' | 'kind' | 'digest'> {
  return { path, kind, digest };
}

function blockedBy(error: string | null, conflicts: number, waiting: number): string | null {
  if (error !== null) return error;
  if (conflicts > 0) return `${conflicts} row(s) wait for a decision`;
  return waiting > 0 ? `${waiting} row(s) are not accounted for yet` : null;
}
