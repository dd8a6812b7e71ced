import { eventsStream, retryParked } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireParked } from '../parked.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync parked retry`: parked events are queued again under the same ids. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const items = requireParked(context, workspace);
  retryParked(workspace.db, eventsStream, items);
  return fine({ retried: items.map((item) => item.id) }, [
    `✓ ${items.length} event(s) are queued again; \`spec-kitty sync now\` sends them`,
  ]);
}
