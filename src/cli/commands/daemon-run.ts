import { EXIT } from '../../base/index.ts';
import {
  claimLease,
  createDaemonLog,
  daemonSettings,
  identifyProgram,
  runLoop,
} from '../../daemon/index.ts';
import { currentSyncTarget } from '../../home/index.ts';
import { fine, type Answer } from '../answer.ts';
import { backgroundWork } from '../background/work.ts';
import type { Context } from '../io.ts';

/** `spec-kitty daemon run`: the daemon itself, in the foreground; what a service manager starts. */
export async function run(context: Context): Promise<Answer> {
  const { home, io, system } = context;
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  const claimed = claimLease(home, identifyProgram(home, authority), daemonSettings(home));
  if ('pid' in claimed) {
    return fine({ ran: false, pid: claimed.pid }, [
      `A daemon runs already for this home (process ${claimed.pid}).`,
    ]);
  }
  const log = createDaemonLog(home);
  log.info('daemon.started', { pid: system.host.pid, fence: claimed.fence });
  const work = backgroundWork(context, log);
  const ending = await runLoop({ home, lease: claimed, work, log, signal: io.signal });
  log.info('daemon.ended', { pid: system.host.pid, reason: ending });
  // A service manager starts it again then, and only then.
  const exit = ending === 'replaced' ? EXIT.failed : EXIT.fine;
  return { exit, json: { ran: true, reason: ending }, lines: [sayEnding(ending)] };
}

function sayEnding(ending: Awaited<ReturnType<typeof runLoop>>): string {
  return {
    asked: 'Ended: it was asked to.',
    signal: 'Ended by a signal.',
    replaced: 'Ended: its program was replaced on the disk.',
    lost: 'Ended: another daemon took over.',
  }[ending];
}
