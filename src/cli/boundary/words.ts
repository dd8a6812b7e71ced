import { printable } from '../../base/index.ts';
import type { Owner, OwnerMismatch, PreflightResult } from '../../report/index.ts';

/** A refusal fits a terminal of this size whatever the values are (cli contract 0.5). */
const COLUMNS = 80;
const INDENT = 2;
const UNSET = '<unset>';
const WORDS = { here: 'here    ', daemon: 'daemon  ' };

/** Why nothing was sent: every field that disagrees with both values, and one command for each kind of trouble. */
export function refusalLines(command: string, result: PreflightResult): readonly string[] {
  const { mismatches, orphans, findings } = result;
  const rows = result.legacyEventRows + result.legacyBodyUploadRows;
  return [
    `Refusing \`spec-kitty ${command}\`.`,
    `Sync boundary refused: ${mismatches.length} mismatched field(s); ${orphans.length} orphan daemon record(s); ${rows} legacy rows in scope.`,
    ...mismatches.flatMap(mismatchLines),
    'Remediation:',
    ...findings.map(({ detail, remedy }) => {
      // What disagrees is listed already.
      const what = remedy !== null && mismatches.some((each) => each.remedy === remedy);
      const why = what ? 'the fields above' : printable(detail);
      return remedy === null
        ? `  • ${why}`
        : `  • ${why}: run \`${printable(remedy, MAX_REMEDY)}\``;
    }),
  ];
}

const MAX_REMEDY = 8_192;

/** The members of the contract (cli contract 0.5), and the findings they come from. */
export function preflightToJson(result: PreflightResult): Readonly<Record<string, unknown>> {
  return {
    ok: result.ok,
    mismatches: result.mismatches.map(mismatchToJson),
    orphan_records: result.orphans.map(ownerToJson),
    legacy_event_rows: result.legacyEventRows,
    legacy_body_upload_rows: result.legacyBodyUploadRows,
    legacy_rows_for_scope: result.legacyEventRows + result.legacyBodyUploadRows,
    auth_present: result.authPresent,
    auth_required: result.authRequired,
    findings: result.findings,
  };
}

/** One field that disagrees, as every report names it. */
export function mismatchToJson({
  field,
  foregroundValue,
  daemonValue,
  remedy,
}: OwnerMismatch): Readonly<Record<string, string>> {
  return {
    field,
    foreground_value: foregroundValue ?? UNSET,
    daemon_value: daemonValue ?? UNSET,
    remediation_hint: `Run \`${remedy}\`.`,
  };
}

/** The record of a daemon that is gone, under the names of the contract (cli contract 3.4). */
export function ownerToJson(owner: Owner): Readonly<Record<string, unknown>> {
  const record = owner.record ?? NO_RECORD;
  return {
    pid: record.pid,
    port: record.port,
    package_version: record.packageVersion,
    executable_path: record.executablePath,
    source_path: record.sourcePath,
    server_url: record.serverUrl,
    team_or_user: record.teamOrUser,
    queue_db_path: record.queueDbPath,
    started_at: record.startedAt,
  };
}

const NO_RECORD = {
  pid: null,
  port: null,
  packageVersion: null,
  executablePath: null,
  sourcePath: null,
  serverUrl: null,
  teamOrUser: null,
  queueDbPath: null,
  startedAt: null,
};

function mismatchLines({ field, foregroundValue, daemonValue }: OwnerMismatch): readonly string[] {
  const name = `  ${field}`.padEnd(NAME_WIDTH);
  return [
    `${name}${WORDS.here}${fitted(foregroundValue)}`,
    `${' '.repeat(NAME_WIDTH)}${WORDS.daemon}${fitted(daemonValue)}`,
  ];
}

const LONGEST_NAME = 'daemon_package_version';
const NAME_WIDTH = LONGEST_NAME.length + INDENT * 2;

/** Both ends of a value that would not fit its line: the whole of it stands in `--json` and in `sync status`. */
function fitted(value: string | null): string {
  if (value === null) return UNSET;
  const text = printable(value, MAX_REMEDY);
  const room = COLUMNS - NAME_WIDTH - WORDS.here.length;
  if (text.length <= room) return text;
  const head = Math.floor(room / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (room - head - 1))}`;
}
