import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver rebuild`: the views are emptied and folded anew; a running receiver may go on. */
export async function run(context: Context): Promise<Answer> {
  const { rebuildViews } = await import('../../server/index.ts');
  const { projects, events } = await withStore(context, rebuildViews);
  return fine({ projects, events }, [
    `✓ Views of ${projects} ${projects === 1 ? 'project' : 'projects'} folded from ${events} ${events === 1 ? 'event' : 'events'}`,
  ]);
}
