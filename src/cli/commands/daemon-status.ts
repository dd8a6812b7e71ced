import { EXIT, printable, quoted, type Millis } from '../../base/index.ts';
import {
  readState,
  readUpstreamOwner,
  readUpstreamState,
  type DaemonOwner,
  type DaemonState,
} from '../../daemon/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { age, row } from '../render/status-text.ts';

/** `spec-kitty daemon status`: whether anybody delivers in the background of this home; exit 1 when nobody does. */
export async function run({ home, system }: Context): Promise<Answer> {
  const { backgroundDaemon } = await home.config();
  const isThere = system.files.stat(home.paths.machine) !== null;
  const state: DaemonState = isThere
    ? readState(home.machine(), system)
    : { status: 'absent', owner: null };
  const upstream = readUpstreamOwner(home);
  const { owner, status } = state;
  const leftover = readUpstreamState(home);
  const now = system.clock.now();
  const json = {
    status,
    ...ownerToJson(owner),
    background_daemon: backgroundDaemon.value,
    python_daemon: {
      status: upstream.status,
      pid: upstream.record?.pid ?? null,
      record: upstream.path,
      state_file: leftover,
    },
  };
  const lines = [
    row('Daemon', WORDS[status]),
    ...ownerLines(owner, now),
    row('Python daemon', upstream.status),
    ...leftoverLines(leftover),
    row('Started by itself', backgroundDaemon.value === 'auto' ? 'yes' : 'no'),
  ];
  return { exit: status === 'present' ? EXIT.fine : EXIT.failed, json, lines };
}

function ownerToJson(owner: DaemonOwner | null): Readonly<Record<string, unknown>> {
  if (owner === null) return { pid: null };
  return {
    pid: owner.pid,
    fence: owner.fence,
    package_version: owner.packageVersion,
    executable_path: owner.executablePath,
    source_path: owner.sourcePath,
    server_url: owner.serverUrl,
    team_or_user: owner.teamOrUser,
    settings: owner.environment,
    started_at: new Date(owner.startedAt).toISOString(),
    heartbeat_at: new Date(owner.heartbeatAt).toISOString(),
  };
}

function ownerLines(owner: DaemonOwner | null, now: Millis): readonly string[] {
  if (owner === null) return [];
  return [
    row('PID', String(owner.pid)),
    row('Started', `${age(now - owner.startedAt)} ago`),
    row('Last heartbeat', `${age(now - owner.heartbeatAt)} ago`),
    row('Package version', owner.packageVersion),
    row('Server URL', owner.serverUrl ?? '<unset>'),
  ];
}

/** The earlier program's state file outlives a daemon that was killed; nothing of ours reads it. */
function leftoverLines(leftover: ReturnType<typeof readUpstreamState>): readonly string[] {
  if (leftover === null) return [];
  const who = `process ${leftover.pid ?? '?'}`;
  const how = leftover.isAlive
    ? 'which runs: run `spec-kitty doctor restart-daemon`'
    : `which is gone: run \`rm ${quoted(leftover.path)}\``;
  return [row('State file', printable(`${leftover.path} names ${who}, ${how}`, MAX_LINE))];
}

const MAX_LINE = 8_192;

const WORDS: Readonly<Record<DaemonState['status'], string>> = {
  present: 'Running',
  stale: 'Stopped without a word',
  absent: 'Stopped',
};
