import { EXIT, printable, type ExitCode } from '../../base/index.ts';
import {
  putAsideCommand,
  type Archived,
  type Conflict,
  type Migration,
} from '../../legacy/index.ts';
import { conflictToJson, withoutProject } from './legacy.ts';

const MAX_LISTED = 20;
const KEEP_JOURNAL = 'spec-kitty sync migrate --resolve keep-journal --all';
const KEEP_SOURCE = 'spec-kitty sync migrate --resolve keep-source --all';

/** What a migration found, and what was decided with it. */
export interface Migrated {
  readonly migration: Migration;
  readonly conflicts: readonly Conflict[];
  /** Events that name no project and wait to be given to one. */
  readonly unassigned: number;
  /** Conflicts decided, and events given to a project, by this command. */
  readonly resolved: number;
  readonly assigned: number;
  readonly archived: readonly Archived[];
}

/** Nothing new came in, and nothing stands in the way. */
export function saysNothing(migrated: Migrated): boolean {
  const { imported, unreadable } = totals(migrated);
  return imported + unreadable === 0 && exitOf(migrated) === EXIT.fine;
}

/** 1 while a conflict waits for a decision or a source cannot be read to its end. */
export function exitOf(migrated: Migrated): ExitCode {
  return isBlocked(migrated) ? EXIT.failed : EXIT.fine;
}

/** The value for `--json` (cli contract 7). */
export function migrationToJson(migrated: Migrated): Readonly<Record<string, unknown>> {
  const { migration, conflicts, resolved, assigned, unassigned, archived } = migrated;
  const { imported, deduped, unreadable, errors } = totals(migrated);
  return {
    dry_run: migration.dryRun,
    imported,
    deduped,
    conflicts: migration.conflicts,
    source_errors: errors.length,
    unreadable,
    exit_code: exitOf(migrated),
    cleanup_blocked: isBlocked(migrated),
    remembered_deliveries: migration.remembered,
    resolved,
    assigned,
    unassigned,
    sources: migration.sources.map(({ source, scope, tally, conflicts: open, ...rest }) => ({
      path: source.path,
      kind: source.kind,
      source_digest: source.digest,
      is_legacy: source.digest === 'legacy',
      provenance: scope === null ? 'unknown' : 'known',
      scope,
      rows: tally.rows,
      imported: tally.imported,
      deduped: tally.identical,
      conflicts: open,
      unreadable: tally.unreadable,
      bodies: tally.bodies,
      failures: tally.failures,
      unchanged: rest.isUnchanged,
      error: rest.error,
      archived_as: archived.find(({ path }) => path === source.path)?.to ?? null,
    })),
    unknown_files: migration.unknown,
    conflict_list: conflicts.map(conflictToJson),
    note: noteOf(migrated),
  };
}

/** The same for people. */
export function migrationLines(migrated: Migrated): readonly string[] {
  const { migration, archived, resolved, assigned, unassigned } = migrated;
  const { imported, deduped, unreadable, errors } = totals(migrated);
  const lines = [
    `Queue migration${migration.dryRun ? ' (dry run)' : ''}: imported ${imported}  deduped ${deduped}  conflicts ${migration.conflicts}  source_errors ${errors.length}  (exit_code ${exitOf(migrated)})`,
  ];
  if (resolved > 0) lines.push(`  ${resolved} conflict(s) decided`);
  if (assigned > 0) lines.push(`  ${assigned} event(s) given to the project`);
  if (unassigned > 0) lines.push(withoutProject(unassigned));
  if (unreadable > 0) {
    lines.push(`  ${unreadable} row(s) are nothing of ours; they are kept word for word`);
  }
  if (migration.remembered > 0) {
    lines.push(`  ${migration.remembered} delivery(ies) of the earlier program are remembered`);
  }
  if (isBlocked(migrated)) lines.push(...blockedLines(migrated));
  for (const { source, error } of errors) {
    lines.push(`Source ${source.digest} failed: ${printable(error ?? '')}`);
    lines.push(
      `  Mend it, or put it aside: run \`${printable(putAsideCommand(source.path), 8192)}\`.`,
    );
  }
  for (const file of migration.unknown.slice(0, MAX_LISTED)) {
    lines.push(`Not ours, left alone: ${printable(file)}`);
  }
  for (const { path, to, reason } of archived) {
    lines.push(
      to === null
        ? `Stays: ${printable(path)}: ${printable(reason ?? '')}`
        : `Put aside: ${printable(to)}`,
    );
  }
  const note = noteOf(migrated);
  return note === null ? lines : [...lines, note];
}

function blockedLines({ migration, conflicts }: Migrated): readonly string[] {
  if (migration.conflicts === 0) return ['Cleanup blocked: a source cannot be read to its end'];
  const lines = [
    `Cleanup blocked: ${migration.conflicts} event(s) have another content in a source than in the journal; both are kept`,
  ];
  for (const { event_id, source_digest } of conflicts.slice(0, MAX_LISTED)) {
    lines.push(`  ${printable(event_id)}  in source ${source_digest}`);
  }
  if (conflicts.length > MAX_LISTED) lines.push(`  … and ${conflicts.length - MAX_LISTED} more`);
  if (!migration.dryRun) {
    lines.push(
      `  The journal's content alone: run \`${KEEP_JOURNAL}\`.`,
      `  The source's as an event of its own beside it: run \`${KEEP_SOURCE}\`.`,
    );
  }
  return lines;
}

/** What an old queue cannot tell: a row that was delivered is gone from it. */
function noteOf({ migration }: Migrated): string | null {
  const isQueue = migration.sources.some(({ source }) => source.kind === 'queue');
  return isQueue
    ? 'What old queues had delivered before cannot be recovered: a delivered row is gone from them.'
    : null;
}

interface Totals {
  readonly imported: number;
  readonly deduped: number;
  readonly unreadable: number;
  readonly errors: Migration['sources'];
}

function totals({ migration, archived }: Migrated): Totals {
  const { sources } = migration;
  const sum = (key: 'imported' | 'identical' | 'unreadable'): number =>
    sources.reduce((total, { tally }) => total + tally[key], 0);
  const aside = new Set(archived.filter(({ to }) => to !== null).map(({ path }) => path));
  const errors = sources.filter(({ source, error }) => error !== null && !aside.has(source.path));
  return {
    imported: sum('imported'),
    deduped: sum('identical'),
    unreadable: sum('unreadable'),
    errors,
  };
}

function isBlocked(migrated: Migrated): boolean {
  return migrated.migration.conflicts + totals(migrated).errors.length > 0;
}
