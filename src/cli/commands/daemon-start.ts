import { startDaemon } from '../../daemon/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';

/** `spec-kitty daemon start`: delivers in the background from now on, one for each home. */
export async function run({ home }: Context): Promise<Answer> {
  const { owner, isNew } = await startDaemon(home);
  const { pid } = owner;
  return fine({ started: isNew, pid }, [
    isNew ? `Started (process ${pid}).` : `Runs already (process ${pid}).`,
  ]);
}
