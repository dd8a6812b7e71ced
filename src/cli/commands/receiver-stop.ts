import { EXIT } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { findRunning, placesOf } from '../local-receiver/running.ts';

/** A receiver lets requests under way finish for at most 5 s. */
const PATIENCE_MS = 8_000;
const POLL_MS = 50;

/** `spec-kitty receiver stop`: asks the receiver of this home to end, and waits until it answers no more. */
export async function run({ home }: Context): Promise<Answer> {
  const { clock, files } = home.system;
  const running = await findRunning(home);
  const { ready } = placesOf(home);
  if (running === null) {
    files.remove(ready);
    return fine({ stopped: false, pid: null }, ['No receiver of this home runs.']);
  }
  const { pid, url } = running;
  const deadline = clock.monotonic() + PATIENCE_MS;
  files.remove(ready);
  while (await answers(home, url)) {
    if (clock.monotonic() > deadline) {
      return {
        exit: EXIT.failed,
        json: { stopped: false, pid },
        lines: [`The receiver at ${url} (process ${pid}) has not ended yet.`],
      };
    }
    await clock.sleep(POLL_MS);
  }
  return fine({ stopped: true, pid }, [
    `The receiver at ${url} (process ${pid}) has ended; it keeps what it holds.`,
  ]);
}

async function answers(home: Context['home'], url: string): Promise<boolean> {
  const reply = await home.http.send({
    method: 'GET',
    url,
    headers: { connection: 'close' },
    body: null,
    deadlineMs: POLL_MS * 10,
    maxResponseBytes: 65_536,
  });
  return reply.kind !== 'failure';
}
