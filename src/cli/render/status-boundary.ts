import path from 'node:path';
import { printable } from '../../base/index.ts';
import type { HomeStatus, OwnerMismatch } from '../../report/index.ts';
import { mismatchToJson, ownerToJson } from '../boundary/words.ts';
import { currentRoutes, legacyRows, sumWaiting } from './status-sums.ts';

const KEY_WIDTH = 24;

/**
 * The block that other programs parse (cli contract 3.2): headers with a colon, children two spaces in, keys padded
 * to 24, values never shortened.
 */
export function boundaryLines(status: HomeStatus): readonly string[] {
  const { foreground, owner, upstream, mismatches } = status.boundary;
  const { record } = owner;
  const legacy = legacyRows(status);
  const orphans = upstream.status === 'orphan' ? 1 : 0;
  const fields = mismatches.map(({ field }) => field).join(', ');
  return [
    'Identity Boundary',
    'Foreground:',
    child('Package version', foreground.packageVersion),
    child('Executable path', foreground.executablePath),
    child('Source path', foreground.sourcePath ?? '-'),
    child('Server URL', foreground.serverUrl ?? '<unset>'),
    child('Team/User', foreground.teamOrUser ?? '<unset>'),
    child('Queue DB path', foreground.queueDbPath),
    'Daemon owner record:',
    child('Status', owner.status),
    child('PID', record?.pid),
    child('Port', record?.port),
    child('Package version', record?.packageVersion),
    child('Executable path', record?.executablePath),
    child('Source path', record?.sourcePath),
    child('Server URL', record?.serverUrl),
    child('Team/User', record?.teamOrUser),
    child('Queue DB path', record?.queueDbPath),
    'Active queue:',
    child('Path', foreground.queueDbPath),
    child('Event count', sumWaiting(currentRoutes(status), 'events')),
    child('Body upload cnt', sumWaiting(currentRoutes(status), 'bodies')),
    'Legacy queue:',
    child('Path', path.join(status.root, 'queue.db')),
    child('Event count', legacy.events),
    child('Body upload cnt', legacy.bodies),
    child('Rows in scope', legacy.events + legacy.bodies),
    scalar('Mismatches', mismatches.length),
    scalar('Orphan records', orphans),
    scalar('Legacy queue rows', `${legacy.events} event(s), ${legacy.bodies} body upload(s)`),
    scalar('Mismatched fields', fields === '' ? 'none' : fields),
    scalar('Orphan daemon records', orphans),
    ...mismatchLines(mismatches),
  ];
}

/** The top-level members of the contract (cli contract 3.4). */
export function boundaryToJson(status: HomeStatus): Readonly<Record<string, unknown>> {
  const { foreground, owner, upstream, mismatches } = status.boundary;
  const { root } = status;
  const { started_at: startedAt, ...record } = ownerToJson(owner);
  const legacy = legacyRows(status);
  return {
    auth_required: status.needsLogin,
    auth_present: status.isLoggedIn,
    // Null where nobody looked: only a check reads the table of processes.
    live_orphan_daemon_count: status.strays?.length ?? null,
    foreground: {
      package_version: foreground.packageVersion,
      executable_path: foreground.executablePath,
      source_path: foreground.sourcePath,
      server_url: foreground.serverUrl,
      team_or_user: foreground.teamOrUser,
      queue_db_path: foreground.queueDbPath,
      pid: foreground.pid,
    },
    daemon_owner_record: {
      status: owner.status,
      detail: owner.detail,
      program: owner.program,
      ...record,
      started_at: startedAt,
    },
    active_queue: {
      path: foreground.queueDbPath,
      event_count: sumWaiting(currentRoutes(status), 'events'),
      body_upload_count: sumWaiting(currentRoutes(status), 'bodies'),
    },
    legacy_queue: {
      path: path.join(root, 'queue.db'),
      event_count: legacy.events,
      body_upload_count: legacy.bodies,
      rows_in_scope: legacy.events + legacy.bodies,
    },
    mismatches: mismatches.map(mismatchToJson),
    orphan_records:
      upstream.status === 'orphan' ? [ownerToJson({ program: 'python', ...upstream })] : [],
  };
}

function mismatchLines(mismatches: readonly OwnerMismatch[]): readonly string[] {
  if (mismatches.length === 0) return [];
  return [
    '',
    'Mismatch Detail',
    ...mismatches.flatMap(({ field, foregroundValue, daemonValue }) => [
      `  ${field}`,
      `    foreground  ${unset(foregroundValue)}`,
      `    daemon      ${unset(daemonValue)}`,
    ]),
  ];
}

function unset(value: string | null): string {
  return value === null ? '<unset>' : printable(value);
}

function child(key: string, value: string | number | null | undefined): string {
  return `  ${scalar(key, value ?? '<absent>')}`;
}

function scalar(key: string, value: string | number): string {
  const text = typeof value === 'number' ? String(value) : printable(value, 4_096);
  return `${key.padEnd(KEY_WIDTH)}${text}`;
}
