import { retryParked } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireParked } from '../parked.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

/** `spec-kitty sync parked retry`: parked events and bodies are queued again under the same ids. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const items = requireParked(context, workspace);
  const queued = STREAMS.flatMap((stream) => {
    const own = items.filter((item) => item.stream === stream.name);
    return retryParked(workspace.db, stream, own);
  });
  const others = items.filter((item) => !queued.includes(item));
  const lines = [`✓ ${queued.length} item(s) are queued again; \`spec-kitty sync now\` sends them`];
  if (others.length > 0) {
    lines.push(
      `  ${others.length} more are of a checkout without permission: run \`spec-kitty sync opt-in\` there`,
    );
  }
  return fine({ retried: queued.map(({ id }) => id), withheld: others.map(({ id }) => id) }, lines);
}
