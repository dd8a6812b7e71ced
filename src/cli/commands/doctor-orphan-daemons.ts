import { EXIT, printable, quoted } from '../../base/index.ts';
import { readUpstreamOwner } from '../../daemon/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { tableLines } from '../render/status-text.ts';

/** `spec-kitty doctor orphan-daemons`: what a dead daemon of the earlier program left; it removes nothing. */
export function run({ home }: Context): Promise<Answer> {
  const { status, path, record, authScope, detail } = readUpstreamOwner(home);
  if (status !== 'orphan' || record === null) {
    const none = 'Orphan Daemons: no orphan daemon owner records detected.';
    const json = {
      orphan_count: 0,
      orphans: [],
      owner_record_path: path,
      retirement_command: null,
    };
    return Promise.resolve({ exit: EXIT.fine, json, lines: [none] });
  }
  const remove = `rm ${quoted(path)}`;
  const { pid, port, packageVersion, executablePath, startedAt } = record;
  const json = {
    orphan_count: 1,
    orphans: [
      {
        auth_scope: authScope,
        executable_path: executablePath,
        package_version: packageVersion,
        pid,
        port,
        queue_db_path: record.queueDbPath,
        server_url: record.serverUrl,
        source_checkout_path: record.sourcePath,
        started_at: startedAt,
      },
    ],
    owner_record_path: path,
    retirement_command: remove,
  };
  const [, ...table] = tableLines(
    `Orphan Daemons: 1 (${printable(detail ?? '')})`,
    ['PID', 'Port', 'Version', 'Executable', 'Started At'],
    [[pid, port, packageVersion, executablePath, startedAt]],
  );
  const lines = [...table, `Retirement hint: ${printable(remove, MAX_COMMAND)}`];
  return Promise.resolve({ exit: EXIT.failed, json, lines });
}

const MAX_COMMAND = 8_192;
