import { printable } from '../../base/index.ts';
import type { DrainReport, StreamReport } from '../../delivery/index.ts';

/** What became of each snapshot in a drain. */
export function snapshotLines(snapshots: StreamReport): readonly string[] {
  const { selected, outcomes, failures, damaged } = snapshots;
  if (selected + damaged.length === 0) return [];
  const failed = outcomes.rejected + outcomes.transient + outcomes.terminal_failed;
  const lines = [
    `Tracker snapshots: published ${outcomes.success}  already there ${outcomes.duplicate}  failed ${failed}  (selected ${selected})`,
  ];
  for (const each of failures) {
    const why = [each.category, each.detail].filter((text) => text !== null).join(': ');
    lines.push(`  failed ${printable(`${each.id}  ${why}`)}`);
  }
  for (const id of damaged) {
    lines.push(`  damaged ${printable(id)}: its stored bytes changed; it was not sent`);
  }
  return lines;
}

/** The same as data. */
export function snapshotsToJson({ snapshots }: DrainReport): Readonly<Record<string, unknown>> {
  const { selected, outcomes, failures, damaged, requests } = snapshots;
  return {
    selected,
    requests,
    published: outcomes.success,
    already_exists: outcomes.duplicate,
    failed: outcomes.rejected + outcomes.transient + outcomes.terminal_failed,
    failures: failures.map((each) => ({
      snapshot: each.id,
      reason: each.category,
      retryable: each.outcome !== 'terminal_failed',
      http_status: each.httpStatus,
      error: each.detail,
    })),
    damaged,
  };
}
