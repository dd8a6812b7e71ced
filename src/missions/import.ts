import { printable, type Millis } from '../base/index.ts';
import type { Project } from '../home/index.ts';
import {
  addTallies,
  capture,
  NOTHING_DISCARDED,
  tallyOptOut,
  type Fact,
  type Journal,
  type OptOutTally,
  type Receipt,
} from '../journal/index.ts';
import type { Issue } from '../wire/index.ts';
import {
  chooseMissions,
  discoverMissions,
  readLog,
  type MissionFile,
  type Skipped,
} from './discover.ts';
import { isImported, rememberImported } from './imported.ts';
import { CHUNK_BYTES, CHUNK_LINES, MAX_NAMED_BAD_LINES, MAX_REASON_BYTES } from './limits.ts';
import { readLines, type LogLine } from './log-lines.ts';
import { createRehearsal, type Rehearsal } from './rehearsal.ts';

export interface ImportOptions {
  /** Slugs of the missions to read; all of them when absent or empty. */
  readonly missions?: readonly string[];
  /** Lines that happened before this instant are left out. */
  readonly sinceMs?: Millis;
  /** Answers what would happen and keeps nothing. */
  readonly dryRun?: boolean;
  /** Called after each chunk of lines and after each log. */
  readonly onProgress?: (progress: ImportProgress) => void;
}

/** How far an import is, in bytes of the logs that changed. */
export interface ImportProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** What became of lines: each that is not blank counts once in `lines` and once in one of the others. */
export interface LineCounts {
  readonly lines: number;
  /** New in the journal; in a dry run, what would be. */
  readonly captured: number;
  readonly known: number;
  /** The id stands for another fact already; the first one is kept, both are reported. */
  readonly conflicts: number;
  /** Not kept, as the mode OPT_OUT says. */
  readonly discarded: number;
  /** Left out because it happened before `sinceMs`. */
  readonly older: number;
  readonly badLines: number;
  /** A last line that somebody is still writing; it is read the next time. */
  readonly incomplete: number;
}

export interface BadLine {
  /** Below the project root, with forward slashes. */
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** For people, safe to print. */
  readonly reason: string;
}

export interface FileReport extends LineCounts {
  /** Below the project root, with forward slashes. */
  readonly path: string;
  readonly mission: string;
  /** The first bad lines; `badLines` counts all of them. */
  readonly bad: readonly BadLine[];
  /** The first other project that a line of this log names; its lines are imported under this project. */
  readonly foreignProject: string | null;
}

export interface ImportReport {
  readonly dryRun: boolean;
  /** How many missions were looked into. */
  readonly missions: number;
  /** The logs that were read, in order. */
  readonly files: readonly FileReport[];
  /** Logs that were not read because they are as their last import left them. */
  readonly unchangedFiles: number;
  readonly totals: LineCounts;
  /** What the mode OPT_OUT had to do with them. */
  readonly optOut: OptOutTally;
  /** What was found and not read, with the reason. */
  readonly skipped: readonly Skipped[];
}

interface Run {
  readonly journal: Journal;
  readonly project: Project;
  readonly sinceMs: Millis;
  /** Present in a dry run. */
  readonly rehearsal: Rehearsal | null;
  readonly onRead: (bytes: number) => void;
  optOut: OptOutTally;
}

type Counts = { -readonly [Key in keyof LineCounts]: LineCounts[Key] };

interface Tally {
  readonly counts: Counts;
  readonly bad: BadLine[];
  foreignProject: string | null;
}

/**
 * Records what the missions of a project have written into their logs, each line as one event. Repeating it adds
 * only what is new; a log that looks by its stat as its last complete import left it is not opened. A log with
 * bad, left out or unfinished lines is read again the next time. One bad line, log or mission stops nothing else.
 * @throws UserError `mission_unknown` when a slug names no mission; and what `capture` throws: the chunks of lines
 *   before that are kept, and the import may be repeated.
 */
export function importMissions(
  journal: Journal,
  project: Project,
  options: ImportOptions = {},
): ImportReport {
  const { db, checkoutId, system } = journal;
  const found = chooseMissions(
    discoverMissions(system.files, project.root),
    options.missions ?? [],
  );
  const changed = found.files.filter((file) => !isImported(db, checkoutId, file));
  const totalBytes = changed.reduce((bytes, { stat }) => bytes + stat.size, 0);
  const files: FileReport[] = [];
  const skipped = [...found.skipped];
  let doneBytes = 0;
  const run: Run = {
    journal,
    project,
    sinceMs: options.sinceMs ?? Number.NEGATIVE_INFINITY,
    rehearsal: options.dryRun === true ? createRehearsal(journal) : null,
    optOut: NOTHING_DISCARDED,
    onRead: (bytes) => options.onProgress?.({ doneBytes: doneBytes + bytes, totalBytes }),
  };
  for (const file of changed) {
    system.faults.at('import.file');
    const report = importFile(run, file);
    if ('code' in report) skipped.push(report);
    else files.push(report);
    doneBytes += file.stat.size;
    run.onRead(0);
  }
  return {
    dryRun: run.rehearsal !== null,
    missions: found.missions.length,
    files,
    unchangedFiles: found.files.length - changed.length,
    totals: totalOf(files),
    optOut: run.optOut,
    skipped,
  };
}

function importFile(run: Run, file: MissionFile): FileReport | Skipped {
  const { journal, project } = run;
  const log = readLog(journal.system.files, project.root, file);
  if ('code' in log) return log;
  const tally: Tally = { counts: noLines(), bad: [], foreignProject: null };
  let facts: Fact[] = [];
  let bytes = 0;
  for (const line of readLines(log.bytes, project.id)) {
    const fact = takeLine(run, file, line, tally);
    if (fact === null) continue;
    facts.push(fact);
    bytes += line.bytes;
    if (facts.length < CHUNK_LINES && bytes < CHUNK_BYTES) continue;
    record(run, facts, tally);
    run.onRead(line.next);
    facts = [];
    bytes = 0;
  }
  const { lines, badLines, older, incomplete } = tally.counts;
  const isComplete = badLines === 0 && older === 0 && incomplete === 0;
  record(run, facts, tally, () => {
    if (!isComplete) return;
    const read = { path: file.path, stat: log.stat, lines };
    rememberImported(journal.db, journal.checkoutId, read, journal.system.clock.now());
  });
  const { counts, bad, foreignProject } = tally;
  return { path: file.path, mission: file.mission, ...counts, bad, foreignProject };
}

/** The fact of a line that is to be captured; otherwise null, and the tally says why. */
function takeLine(run: Run, file: MissionFile, line: LogLine, tally: Tally): Fact | null {
  const { counts } = tally;
  counts.lines += 1;
  if (line.incomplete) {
    counts.incomplete += 1;
    return null;
  }
  if (!line.mapped.ok) {
    counts.badLines += 1;
    const bad = { path: file.path, line: line.number, reason: reasonOf(line.mapped.error) };
    if (tally.bad.length < MAX_NAMED_BAD_LINES) tally.bad.push(bad);
    return null;
  }
  const { event, statedProjectId } = line.mapped.value;
  if (event.envelope.occurredAt < run.sinceMs) {
    counts.older += 1;
    return null;
  }
  tally.foreignProject ??= statedProjectId;
  const { path, mission } = file;
  return { event, origin: 'import', source: { path, line: line.number, statedProjectId, mission } };
}

function record(run: Run, facts: readonly Fact[], tally: Tally, also?: () => void): void {
  const answers = run.rehearsal?.(facts) ?? capture(run.journal, facts, also);
  for (const { status } of answers) tally.counts[COUNTED_AS[status]] += 1;
  run.optOut = addTallies(run.optOut, tallyOptOut(answers));
}

const COUNTED_AS = {
  captured: 'captured',
  known: 'known',
  conflict: 'conflicts',
  discarded: 'discarded',
} as const satisfies Record<Receipt['status'], keyof LineCounts>;

function reasonOf(issue: Issue): string {
  const where = issue.pointer === '' ? '' : `${issue.pointer}: `;
  return printable(`${where}${issue.message}`, MAX_REASON_BYTES);
}

function noLines(): Counts {
  return {
    lines: 0,
    captured: 0,
    known: 0,
    conflicts: 0,
    discarded: 0,
    older: 0,
    badLines: 0,
    incomplete: 0,
  };
}

function totalOf(files: readonly FileReport[]): LineCounts {
  const total = noLines();
  for (const file of files) {
    total.lines += file.lines;
    total.captured += file.captured;
    total.known += file.known;
    total.conflicts += file.conflicts;
    total.discarded += file.discarded;
    total.older += file.older;
    total.badLines += file.badLines;
    total.incomplete += file.incomplete;
  }
  return total;
}
