import { printable } from '../../base/index.ts';
import {
  putAsideCommand,
  type Conflict,
  type LegacyRows,
  type LegacyView,
} from '../../legacy/index.ts';
import type { HomeStatus } from '../../report/index.ts';
import { legacyRows, sum } from './status-sums.ts';

const MAX_LISTED = 50;
const MIGRATE = 'spec-kitty sync migrate';

/** What of the earlier program's databases concerns one project, each line with what to do about it. */
export function legacyLines(legacy: LegacyRows): readonly string[] {
  const lines: string[] = [];
  if (legacy.rows > 0) {
    lines.push(
      `${legacy.rows} row(s) of this project wait in queue databases of the Python command line: run \`${MIGRATE}\`.`,
    );
  }
  if (legacy.conflicts.length > 0) {
    lines.push(
      `${legacy.conflicts.length} event(s) of old queues contradict the journal: run \`${MIGRATE}\` to see them.`,
    );
  }
  for (const file of legacy.unreadable) {
    lines.push(
      `Unknown: ${printable(file)} cannot be read to its end: mend it, or run \`${printable(putAsideCommand(file))}\`.`,
    );
  }
  return lines;
}

/** The databases of the earlier program in this home, one line each. */
export function sourceLines(legacy: LegacyView): readonly string[] {
  const { sources, unknown, unassigned } = legacy;
  if (sources.length + unknown.length + unassigned === 0) return [];
  const lines = ['', 'Databases of the Python command line'];
  for (const each of sources.slice(0, MAX_LISTED)) {
    const whose = each.scope === null ? 'unknown' : printable(each.scope);
    const blocked = each.blocked === null ? '' : `; blocked: ${printable(each.blocked)}`;
    lines.push(
      `  ${printable(each.path)}`,
      `    ${each.rows} row(s), ${each.accounted} accounted for, ${each.conflicts} conflict(s); of ${whose}${blocked}`,
    );
  }
  if (sources.length > MAX_LISTED) lines.push(`  … and ${sources.length - MAX_LISTED} more`);
  for (const file of unknown.slice(0, MAX_LISTED)) lines.push(`  not ours: ${printable(file)}`);
  if (unassigned > 0) {
    lines.push(withoutProject(unassigned));
  }
  return lines;
}

/** What may not leave before somebody says where it belongs. */
export function withoutProject(events: number): string {
  return `  ${events} event(s) name no project and are kept: \`spec-kitty sync migrate --help\` says how to give them to one`;
}

/** One conflict under the names of the contract. */
export function conflictToJson(conflict: Conflict): Readonly<Record<string, string>> {
  const { event_id, source_digest, existing_sha, incoming_sha } = conflict;
  return { event_id, source_digest, existing_sha, incoming_sha, detail: DIVERGENT };
}

const DIVERGENT = 'divergent content for an event id that the journal holds';

/** The members of the contract that speak of the earlier program (cli contract 3.4), and its databases one by one. */
export function legacyToJson(status: HomeStatus): Readonly<Record<string, unknown>> {
  const { sources, unknown, unassigned } = status.legacy;
  const rows = legacyRows(status);
  const conflicts = [
    ...status.projects.flatMap((project) => project.status.legacy.conflicts),
    ...status.legacy.conflicts,
  ];
  const errors = sources.filter(({ error }) => error !== null);
  const isKnown = status.unknown.length === 0 && errors.length === 0;
  return {
    legacy_rows: isKnown ? rows.events + rows.bodies : null,
    unreadable_legacy_databases: errors.map(({ path }) => path),
    legacy_sources: sources.map((each) => ({
      path: each.path,
      kind: each.kind,
      source_digest: each.digest,
      scope: each.scope,
      rows: each.rows,
      accounted: each.accounted,
      conflicts: each.conflicts,
      unreadable: each.unreadable,
      blocked: each.blocked,
    })),
    unknown_legacy_files: unknown,
    unassigned_events: unassigned,
    migration_conflicts: {
      count: status.unknown.length === 0 ? conflicts.length : null,
      cleanup_blocked: conflicts.length + errors.length > 0,
      conflicts: conflicts.map(conflictToJson),
    },
    body_upload_compatibility: {
      body_upload_queue_count: sum(sources.map(({ bodies }) => bodies)),
      body_upload_failure_log_count: sum(sources.map(({ failures }) => failures)),
    },
  };
}
