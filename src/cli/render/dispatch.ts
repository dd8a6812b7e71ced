import { EXIT, printable, type ExitCode } from '../../base/index.ts';
import {
  AGAIN,
  type DrainReport,
  type ItemFailure,
  type StreamReport,
} from '../../delivery/index.ts';
import {
  actionFor,
  categoryOf,
  countCategories,
  isSettled,
  type Books,
  type ErrorCategory,
  type RouteStatus,
} from '../../report/index.ts';
import type { PendingLines } from '../../missions/index.ts';
import type { SpillStatus } from '../../journal/index.ts';
import type { LegacyRows } from '../../legacy/index.ts';
import { uploadLines, uploadsToJson } from './bodies.ts';
import { legacyLines } from './legacy.ts';
import { isLoggedOut } from '../login/recovery.ts';
import { snapshotLines, snapshotsToJson } from '../tracker/snapshots.ts';
import type { Dossiers } from '../gather/dossiers.ts';
import type { Imported } from '../gather/import.ts';

/** Everything `sync now` found out, ready to be put into words. */
export interface Outcome {
  readonly mode: string;
  readonly generatedAt: string;
  readonly imported: Imported | null;
  /** What the artifacts of the missions amounted to; null when nobody looked. */
  readonly dossiers: Dossiers | null;
  /** What came in from databases of the earlier program; null without an import. */
  readonly migrated: Readonly<Record<string, unknown>> | null;
  /** Lines that still wait to be imported. */
  readonly pending: PendingLines | null;
  /** What lies beside the store. */
  readonly spill: SpillStatus;
  /** What waits in the Python command line's own databases. */
  readonly legacy: LegacyRows;
  readonly strict: boolean;
  /** Every body by name, however many. */
  readonly isVerbose: boolean;
  /** The operator asked it to stop. */
  readonly isInterrupted: boolean;
  readonly targets: readonly TargetOutcome[];
}

export interface TargetOutcome {
  readonly report: DrainReport;
  /** The route's books after the drain. */
  readonly status: RouteStatus | null;
}

const MAX_LISTED = 20;

/** 3 damaged or unbalanced, 4 logged out, 130 stopped, 1 anything refused, parked or waiting, 0 otherwise. */
export function exitCodeOf(outcome: Outcome): ExitCode {
  const { targets, strict } = outcome;
  if (targets.some((each) => isDamaged(each.report) || !isBalanced(each))) return EXIT.integrity;
  if (targets.some(({ report }) => isLoggedOut(report))) return EXIT.loggedOut;
  if (isAllDelivered(outcome)) return EXIT.fine;
  if (outcome.isInterrupted) return EXIT.interrupted;
  return strict ? EXIT.failed : EXIT.fine;
}

/** The report of the contract (cli contract 2), with what is ours beside it. */
export function toReport(outcome: Outcome): Readonly<Record<string, unknown>> {
  const reports = outcome.targets.map(({ report }) => report);
  const counts = {
    selected: total(reports, (report) => report.selected),
    delivered: total(reports, (report) => report.outcomes.success),
    duplicate: total(reports, (report) => report.outcomes.duplicate),
    pending: total(reports, (report) => report.outcomes.pending),
    rejected: total(reports, (report) => report.outcomes.rejected),
    transient: total(reports, (report) => report.outcomes.transient),
    terminal_failed: total(reports, (report) => report.outcomes.terminal_failed),
  };
  const synced = counts.delivered + counts.duplicate;
  const failed = counts.rejected + counts.transient + counts.terminal_failed;
  return {
    generated_at: outcome.generatedAt,
    dispatched: reports.flatMap(streamsOf).some(({ requests }) => requests > 0),
    ...counts,
    summary: {
      total_events: counts.selected,
      synced,
      duplicates: counts.duplicate,
      failed,
      ...counts,
      categories: Object.fromEntries(countCategories(reports.flatMap(categoriesIn))),
    },
    failures: reports.flatMap((report) =>
      report.failures.map((each) => failureToJson(report.target.publicId, each)),
    ),
    mode: outcome.mode,
    import: outcome.imported?.json ?? null,
    artifacts: outcome.dossiers?.json ?? null,
    migration: outcome.migrated,
    targets: outcome.targets.map(targetToJson),
    all_delivered: isAllDelivered(outcome),
    exit_code: exitCodeOf(outcome),
  };
}

/** The same for people. */
export function toLines(outcome: Outcome): readonly string[] {
  const lines = [...(outcome.imported?.lines ?? []), ...(outcome.dossiers?.lines ?? [])];
  for (const target of outcome.targets) lines.push(...targetLines(outcome, target));
  lines.push(...notRecordedLines(outcome));
  if (outcome.strict && isAllDelivered(outcome)) lines.push('All delivered.');
  return lines;
}

/** Nothing is unopened, queued, parked, refused or unread, for every chosen target. */
export function isAllDelivered(outcome: Outcome): boolean {
  const { pending, imported, dossiers } = outcome;
  const read = (imported?.isComplete ?? true) && (dossiers?.isComplete ?? true);
  const waiting = pending === null ? 0 : pending.lines + pending.badLines + pending.skipped.length;
  if (outcome.spill.files + outcome.spill.corrupt > 0) return false;
  const { rows, unreadable, conflicts } = outcome.legacy;
  if (rows + unreadable.length + conflicts.length > 0) return false;
  return read && waiting === 0 && outcome.targets.every(isComplete);
}

function streamsOf(report: DrainReport): readonly StreamReport[] {
  return [report, report.bodies, report.snapshots];
}

function isDamaged(report: DrainReport): boolean {
  return streamsOf(report).some(({ damaged }) => damaged.length > 0);
}

function isComplete({ report, status }: TargetOutcome): boolean {
  const isRefused = streamsOf(report).some(({ failures }) => failures.length > 0);
  if (report.blocked !== null || isRefused || isDamaged(report)) return false;
  if (report.replaying > 0) return false;
  if (status === null || status.route.grantedAt === null) return false;
  return status.streams.every(({ books, isTaken }) => !isTaken || isSettled(books));
}

function isBalanced({ status }: TargetOutcome): boolean {
  return status === null || status.streams.every(({ books }) => books.balanced);
}

function targetLines(outcome: Outcome, target: TargetOutcome): readonly string[] {
  const { report, status } = target;
  const { outcomes, selected } = report;
  const lines = outcome.targets.length > 1 ? [`Target ${report.target.canonicalUrl}`] : [];
  lines.push(
    `Event sync (${outcome.mode}): delivered ${outcomes.success}  duplicate ${outcomes.duplicate}  pending ${outcomes.pending}  rejected ${outcomes.rejected}  transient ${outcomes.transient}  terminal-failed ${outcomes.terminal_failed}  (selected ${selected})`,
  );
  for (const each of report.failures.slice(0, MAX_LISTED)) {
    const why = [each.category, each.detail].filter((text) => text !== null).join(': ');
    lines.push(`  ${each.outcome} ${each.id}${why === '' ? '' : `  ${printable(why)}`}`);
  }
  if (report.failures.length > MAX_LISTED) {
    lines.push(`  … and ${report.failures.length - MAX_LISTED} more`);
  }
  for (const [category, n] of countCategories(categoriesIn(report))) {
    lines.push(`  ${category}: ${n}  -- ${actionFor(category)}`);
  }
  for (const id of report.damaged)
    lines.push(`  damaged ${id}: its stored bytes changed; it was not sent`);
  if (report.strays > 0) {
    lines.push(`  ${report.strays} result(s) spoke of no event that was sent, and were ignored`);
  }
  if (report.replaying > 0) lines.push(`  ${report.replaying} of a replay not delivered again yet`);
  lines.push(...uploadLines(report.bodies, outcome.isVerbose));
  lines.push(...snapshotLines(report.snapshots));
  if (outcome.isInterrupted) lines.push('Event sync stopped before its end.');
  else if (report.blocked !== null) lines.push(...blockedLines(report.blocked));
  if (status !== null) lines.push(...waitingLines(status));
  return lines;
}

/** What is not in the journal yet, and so at no target either. */
function notRecordedLines({ imported, pending, spill, legacy }: Outcome): readonly string[] {
  const lines: string[] = [];
  if (imported === null && pending !== null) {
    if (pending.lines > 0)
      lines.push(`${pending.lines} new line(s) wait: run \`spec-kitty sync import\`.`);
    if (pending.badLines + pending.skipped.length > 0) {
      lines.push('Not everything in kitty-specs can be read: run `spec-kitty sync import`.');
    }
  }
  if (spill.files > 0) {
    lines.push(`${spill.events} event(s) wait beside the store: run \`spec-kitty sync import\`.`);
  }
  if (spill.corrupt > 0) lines.push(`${spill.corrupt} torn file(s) lie beside the store.`);
  lines.push(...legacyLines(legacy));
  return lines;
}

function blockedLines(blocked: NonNullable<DrainReport['blocked']>): readonly string[] {
  const { reason, remedy } = blocked;
  const detail = printable(blocked.detail);
  const lines =
    reason === 'network_unavailable'
      ? [`Event sync unavailable: ${detail}`]
      : reason === 'halted'
        ? [`Event sync halted: ${detail}`]
        : [`Event sync gated: ${reason}`, `  ${detail}`];
  if (remedy !== null)
    lines.push(`  ${remedy.includes(AGAIN) ? 'Try again with' : 'Run'} \`${remedy}\`.`);
  return lines;
}

function waitingLines(status: RouteStatus): readonly string[] {
  const lines: string[] = [];
  if (status.route.grantedAt === null) {
    lines.push(
      '  The permission was withdrawn meanwhile: run `spec-kitty sync opt-in` to give it again.',
    );
  }
  for (const { facts, books, isTaken } of status.streams) {
    const waiting = books.unopened + books.queued;
    if (waiting > 0 && isTaken)
      lines.push(`  ${waiting} waiting (${facts.stream}); nothing is lost`);
    if (waiting > 0 && !isTaken)
      lines.push(
        `  ${waiting} ${facts.stream} kept here: this receiver has not said that it takes them`,
      );
    for (const each of facts.queue?.waiting ?? []) {
      lines.push(`  ${each.n} of them wait for their event, which is ${each.event}`);
    }
    for (const { state, reason, n } of facts.aside) {
      const listed = state === 'parked' ? ': `spec-kitty sync parked list` says more' : '';
      lines.push(`  ${n} ${state} (${reason})${listed}`);
    }
    if (!books.balanced)
      lines.push('  The books of this target do not balance: see `spec-kitty sync status`.');
  }
  return lines;
}

function targetToJson({ report, status }: TargetOutcome): Readonly<Record<string, unknown>> {
  const booksOf = (stream: string): Books | null =>
    status?.streams.find(({ facts }) => facts.stream === stream)?.books ?? null;
  const queueOf = (stream: string): Readonly<Record<string, unknown>> => {
    const books = booksOf(stream);
    const waiting = books === null ? null : books.unopened + books.queued;
    return { waiting, parked: books?.parked ?? null };
  };
  return {
    target_id: report.target.publicId,
    canonical_url: report.target.canonicalUrl,
    selected: report.selected,
    requests: report.requests,
    ...report.outcomes,
    damaged: report.damaged,
    stray_results: report.strays,
    replaying: report.replaying,
    blocked_reason: report.blocked?.reason ?? null,
    blocked_detail: report.blocked?.detail ?? null,
    remedy: report.blocked?.remedy ?? null,
    ...queueOf('events'),
    bodies: { ...uploadsToJson(report), ...queueOf('bodies') },
    snapshots: { ...snapshotsToJson(report), ...queueOf('snapshots') },
  };
}

function categoriesIn(report: DrainReport): readonly ErrorCategory[] {
  return report.failures.map(categoryIn);
}

function categoryIn({ httpStatus, category: code, detail: text }: ItemFailure): ErrorCategory {
  return categoryOf({ httpStatus, code, text });
}

/** One event that was not accepted; `code` is the receiver's own or ours, `category` what it comes down to. */
function failureToJson(targetId: string, failure: ItemFailure): Readonly<Record<string, unknown>> {
  const category = categoryIn(failure);
  return {
    event_id: failure.id,
    outcome: failure.outcome,
    http_status: failure.httpStatus,
    error: failure.detail,
    code: failure.category,
    category,
    suggested_action: actionFor(category),
    target_id: targetId,
  };
}

function total(reports: readonly DrainReport[], count: (report: DrainReport) => number): number {
  return reports.reduce((sum, report) => sum + count(report), 0);
}
