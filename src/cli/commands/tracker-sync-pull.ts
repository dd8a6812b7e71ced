import { EXIT, printable, UserError } from '../../base/index.ts';
import { pullIssues, type PullReport } from '../../trackers/index.ts';
import type { Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { openBound } from '../tracker/bound.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;

/** `spec-kitty tracker sync pull`: takes in what changed in the tracker since the last complete pull. */
export async function run(context: Context): Promise<Answer> {
  const limit = limitOf(context);
  const { workspace, tracking, lines } = await openBound(context);
  const { signal } = context.io;
  const report = await pullIssues(context.home, workspace.db, tracking, { limit, signal });
  const { provider } = tracking.binding;
  const isStopped = report.stop !== null;
  return {
    exit: isStopped ? (signal.aborted ? EXIT.interrupted : EXIT.failed) : EXIT.fine,
    json: toJson(provider, report),
    lines: [...lines, ...toLines(provider, report)],
  };
}

function toJson(provider: string, report: PullReport): Readonly<Record<string, unknown>> {
  const { created, updated, unchanged, isMore, stop } = report;
  return {
    provider,
    stats: {
      pulled_created: created,
      pulled_updated: updated,
      pushed_created: 0,
      pushed_updated: 0,
      skipped: unchanged,
    },
    conflicts: [],
    errors: stop === null ? [] : [`${stop.reason}: ${stop.detail}`],
    more: isMore,
  };
}

function toLines(provider: string, report: PullReport): readonly string[] {
  const { created, updated, unchanged, isMore, stop } = report;
  const lines = [
    `Pulled from ${provider}: ${created} created, ${updated} updated, ${unchanged} unchanged`,
  ];
  if (stop !== null) {
    lines.push(`  Stopped (${stop.reason}): ${printable(stop.detail)}; what came so far is kept.`);
    if (stop.reason === 'refused') lines.push('  Run `spec-kitty tracker bind --help`.');
  }
  if (isMore) lines.push('  More is there: run `spec-kitty tracker sync pull` again.');
  return lines;
}

function limitOf({ options }: Context): number {
  const text = textOption(options, 'limit') ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new UserError('usage', `--limit takes 1 to ${MAX_LIMIT}`, {
    remedy: 'spec-kitty tracker sync pull --help',
    exitCode: EXIT.refused,
  });
}
