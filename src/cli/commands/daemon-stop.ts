import { EXIT, UserError } from '../../base/index.ts';
import { readState, requestStop } from '../../daemon/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';

/** A daemon that delivers finishes or abandons its request within 5 s, and says so with the next look. */
const PATIENCE_MS = 8_000;
const POLL_MS = 50;

/** `spec-kitty daemon stop`: asks the daemon of this home to end, and waits until it has. */
export async function run({ home, system }: Context): Promise<Answer> {
  const { clock, files } = system;
  const isThere = files.stat(home.paths.machine) !== null;
  const state = isThere ? readState(home.machine(), system) : null;
  if (state?.status !== 'present' || state.owner === null) {
    return fine({ stopped: false, pid: null }, ['No daemon runs for this home.']);
  }
  const { pid, fence } = state.owner;
  requestStop(home.machine(), { fence }, clock.now());
  const deadline = clock.monotonic() + PATIENCE_MS;
  while (clock.monotonic() < deadline) {
    const now = readState(home.machine(), system);
    if (now.status !== 'present' || now.owner?.fence !== fence) {
      return fine({ stopped: true, pid }, [`The daemon (process ${pid}) has ended.`]);
    }
    await clock.sleep(POLL_MS);
  }
  throw new UserError('busy', `process ${pid} was asked to end and has not`, {
    remedy: 'spec-kitty sync status',
    exitCode: EXIT.failed,
  });
}
