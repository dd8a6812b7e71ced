import { EXIT, UserError } from '../../base/index.ts';
import { stopDaemon } from '../../daemon/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';

/** `spec-kitty daemon stop`: asks the daemon of this home to end, and waits until it has. */
export async function run({ home }: Context): Promise<Answer> {
  const { pid, isGone } = await stopDaemon(home);
  if (pid === null) return fine({ stopped: false, pid }, ['No daemon runs for this home.']);
  if (isGone) return fine({ stopped: true, pid }, [`The daemon (process ${pid}) has ended.`]);
  throw new UserError('daemon_failed', `process ${pid} was asked to end and has not`, {
    remedy: 'spec-kitty daemon logs',
    exitCode: EXIT.failed,
  });
}
