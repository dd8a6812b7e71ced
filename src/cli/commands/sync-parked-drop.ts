import { dropParked } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireParked } from '../parked.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

/** `spec-kitty sync parked drop`: gives up on parked events and bodies at their targets; they are kept here. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const items = requireParked(context, workspace);
  dropParked(workspace.db, STREAMS, items);
  return fine({ dropped: items.map((item) => item.id) }, [
    `✓ ${items.length} item(s) are no longer meant for their targets; the journal keeps them`,
  ]);
}
