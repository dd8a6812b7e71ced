import { printable } from '../../base/index.ts';
import { UPLOAD_STATUSES, type DossierOutcome, type UploadOutcome } from '../../bodies/index.ts';

/** More artifacts than this are counted by their outcomes instead of being named. */
const MAX_ROWS = 30;

type Named = UploadOutcome & { readonly mission: string };

/** What happened to the artifacts of the missions that changed. */
export function dossierLines(
  done: readonly DossierOutcome[],
  options: { readonly dryRun: boolean; readonly verbose: boolean },
): readonly string[] {
  const changed = done.filter((each) => !each.isUnchanged);
  const events = done.reduce((sum, each) => sum + each.events, 0);
  const verb = options.dryRun ? 'would be indexed' : `indexed, ${events} event(s)`;
  const lines = changed.length === 0 ? [] : [`Artifacts: ${changed.length} mission(s) ${verb}`];
  const named = options.verbose ? done : changed;
  const rows = named.flatMap(({ mission, outcomes }) =>
    outcomes.map((outcome) => ({ ...outcome, mission })),
  );
  lines.push(...(options.verbose || rows.length <= MAX_ROWS ? table(rows) : counts(rows)));
  for (const each of changed) lines.push(...missionLines(each));
  return lines;
}

/** The same for machines. */
export function dossiersToJson(
  done: readonly DossierOutcome[],
  dryRun: boolean,
): Readonly<Record<string, unknown>> {
  return {
    dry_run: dryRun,
    missions: done.length,
    unchanged: done.filter(({ isUnchanged }) => isUnchanged).length,
    events: done.reduce((sum, { events }) => sum + events, 0),
    changed: done
      .filter(({ isUnchanged }) => !isUnchanged)
      .map((each) => ({
        mission: each.mission,
        target_branch: each.namespace?.targetBranch ?? null,
        mission_type: each.namespace?.missionType ?? null,
        manifest_version: each.namespace?.manifestVersion ?? null,
        problem: each.problem,
        truncated: each.isTruncated,
        deleted: each.deleted,
        artifacts: each.outcomes.map((outcome) => ({
          artifact_path: outcome.path,
          status: outcome.status,
          reason: outcome.reason,
          retryable: outcome.retryable,
          content_hash: outcome.contentHash,
        })),
      })),
  };
}

function table(rows: readonly Named[]): readonly string[] {
  const cells = rows.map((row) => [
    row.status,
    printable(`${row.mission}/${row.path}`),
    row.reason,
  ]);
  const width = Math.max(0, ...cells.map(([, name]) => name?.length ?? 0));
  return cells.map(
    ([status = '', name = '', reason = '']) =>
      `  ${status.padEnd(14)}  ${name.padEnd(width)}  ${printable(reason)}`,
  );
}

/** By outcome, the most frequent first; what a reason says of one file is left out. */
function counts(rows: readonly Named[]): readonly string[] {
  const kinds = new Map<string, number>();
  for (const { status, reason } of rows) {
    const kind = `${status.padEnd(14)}  ${reason.split(':')[0] ?? reason}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const sorted = [...kinds].sort(([a], [b]) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  return [
    ...sorted.map(([kind, n]) => `  ${String(n).padStart(6)}  ${kind}`),
    '  `spec-kitty sync bodies --dry-run --verbose` names each artifact.',
  ];
}

function rankOf(kind: string): number {
  return UPLOAD_STATUSES.findIndex((status) => kind.startsWith(status));
}

function missionLines({
  mission,
  problem,
  deleted,
  isTruncated,
}: DossierOutcome): readonly string[] {
  const name = printable(mission);
  const lines = deleted.slice(0, MAX_ROWS).map((each) => `  gone  ${name}/${printable(each)}`);
  if (deleted.length > MAX_ROWS) lines.push(`  … and ${deleted.length - MAX_ROWS} more are gone`);
  if (isTruncated) lines.push(`  ${name} holds more than is looked at; the rest is not indexed`);
  if (problem !== null) lines.push(`  not indexed: ${name}: ${printable(problem.detail)}`);
  return lines;
}
