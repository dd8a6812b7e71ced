import { dropParked, eventsStream } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireParked } from '../parked.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync parked drop`: gives up on parked events at their targets; the journal keeps them. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const items = requireParked(context, workspace);
  dropParked(workspace.db, eventsStream, items);
  return fine({ dropped: items.map((item) => item.id) }, [
    `✓ ${items.length} event(s) are no longer meant for their targets; the journal keeps them`,
  ]);
}
