import { printable } from '../../base/index.ts';
import { markJournal, takeIn, type TakenIn } from '../../journal/index.ts';
import { importMissions, type ImportOptions, type ImportReport } from '../../missions/index.ts';
import type { Context } from '../io.ts';
import { optOutJson, optOutLines } from '../render/opt-out.ts';
import { createProgress } from '../render/progress.ts';
import type { Workspace } from '../workspace.ts';

const MAX_LISTED = 20;

export interface Imported {
  readonly report: ImportReport;
  /** False when a line was bad, contradicted the journal, or something could not be read. */
  readonly isComplete: boolean;
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** Imports with a progress bar, and puts what happened into words. */
export function runImport(
  context: Context,
  workspace: Workspace,
  options: ImportOptions,
): Imported {
  const taken = takeIn(context.home, workspace.journal);
  const progress = createProgress(context.io, context.system.clock, 'bytes of mission logs');
  const report = importMissions(workspace.journal, workspace.project, {
    ...options,
    onProgress: ({ doneBytes, totalBytes }) => {
      progress.show(doneBytes, totalBytes);
    },
  });
  progress.end();
  markJournal(context.home, workspace.journal);
  return {
    report,
    isComplete: isComplete(report) && taken.corrupt === 0,
    json: { ...toJson(report), spill: takenJson(taken) },
    lines: [...takenLines(taken), ...toLines(report)],
  };
}

/** For machines: what was found beside the store. */
function takenJson({ files, events, corrupt, optOut }: TakenIn): Imported['json'] {
  return { files, events, corrupt, opt_out: optOutJson(optOut) };
}

/** The same for people. */
export function takenLines(taken: TakenIn): readonly string[] {
  const lines: string[] = [];
  if (taken.files > 0)
    lines.push(`Took in ${taken.events} event(s) that were kept beside the store`);
  lines.push(...optOutLines(taken.optOut));
  if (taken.corrupt > 0)
    lines.push(`  ${taken.corrupt} torn file(s) beside the store were put aside`);
  return lines;
}

function isComplete(report: ImportReport): boolean {
  const { badLines, conflicts } = report.totals;
  return badLines === 0 && conflicts === 0 && report.skipped.length === 0;
}

function toJson(report: ImportReport): Imported['json'] {
  const { lines, captured, known, conflicts, discarded, older, badLines, incomplete } =
    report.totals;
  return {
    dry_run: report.dryRun,
    missions: report.missions,
    files_read: report.files.length,
    files_unchanged: report.unchangedFiles,
    lines,
    captured,
    known,
    conflicts,
    discarded,
    opt_out: optOutJson(report.optOut),
    older,
    bad_lines: badLines,
    incomplete,
    bad: report.files.flatMap((file) => file.bad),
    skipped: report.skipped,
    foreign_projects: report.files
      .filter((file) => file.foreignProject !== null)
      .map((file) => ({ path: file.path, project_uuid: file.foreignProject })),
  };
}

function toLines(report: ImportReport): readonly string[] {
  const { captured, known, conflicts, badLines, incomplete } = report.totals;
  const verb = report.dryRun ? 'Would record' : 'Recorded';
  const lines = [
    `${verb} ${captured} new event(s) from ${report.missions} mission(s); ${known} known already, ${report.unchangedFiles} file(s) unchanged`,
  ];
  lines.push(...optOutLines(report.optOut, report.dryRun ? 'rehearsed' : 'done'));
  const bad = report.files.flatMap((file) => file.bad);
  for (const each of bad.slice(0, MAX_LISTED)) {
    lines.push(`  bad line ${printable(each.path)}:${each.line}: ${printable(each.reason)}`);
  }
  if (badLines > MAX_LISTED) lines.push(`  … and ${badLines - MAX_LISTED} more bad lines`);
  if (conflicts > 0) {
    lines.push(
      `  ${conflicts} line(s) contradict events of the same id; the first ones stay, both are kept`,
    );
  }
  if (incomplete > 0)
    lines.push(`  ${incomplete} last line(s) are still being written; read next time`);
  for (const each of report.skipped)
    lines.push(`  not read: ${printable(each.path)} ${each.reason}`);
  for (const file of report.files) {
    if (file.foreignProject === null) continue;
    lines.push(
      `  note: lines of ${printable(file.path)} name project ${printable(file.foreignProject)}`,
    );
  }
  return lines;
}
