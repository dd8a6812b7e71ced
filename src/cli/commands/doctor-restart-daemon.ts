import { EXIT, type ExitCode } from '../../base/index.ts';
import { restartDaemon } from '../../daemon/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';

type Restarted = Awaited<ReturnType<typeof restartDaemon>>;

/** `spec-kitty doctor restart-daemon`: one daemon, of this program, whatever was there before. */
export async function run({ home }: Context): Promise<Answer> {
  const done = await restartDaemon(home);
  const exit = EXITS[done.status];
  const json = {
    error: done.error,
    exit_code: exit,
    new_pid: done.newPid,
    previous_pid: done.previousPid,
    status: done.status,
  };
  return { exit, json, lines: [sentence(done)] };
}

/** The codes of the contract (cli contract 13). */
const EXITS: Readonly<Record<Restarted['status'], ExitCode>> = {
  restarted: EXIT.fine,
  stale_owner_cleaned: EXIT.fine,
  no_owner: EXIT.failed,
  respawn_failed: EXIT.refused,
  stop_failed: EXIT.integrity,
};

function sentence({ status, previousPid, newPid, error }: Restarted): string {
  const pids = `(previous_pid=${previousPid ?? 'none'}, new_pid=${newPid ?? 'none'})`;
  switch (status) {
    case 'restarted':
      return `Sync daemon restarted ${pids}.`;
    case 'stale_owner_cleaned':
      return `The previous sync daemon was dead; cleaned and started ${pids}.`;
    case 'no_owner':
      return 'No sync daemon to restart: `spec-kitty sync now` delivers without one, `spec-kitty daemon start` starts one.';
    case 'respawn_failed':
      return `The previous sync daemon has ended, and no new one came up: ${error ?? ''}.`;
    default:
      return `The sync daemon could not be ended; its record is kept: ${error ?? ''}.`;
  }
}
