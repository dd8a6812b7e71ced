import { printable } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { parkedToJson, selectParked } from '../parked.ts';
import { openWorkspace } from '../workspace.ts';

const MAX_LISTED = 200;

/** `spec-kitty sync parked list`: what a receiver refused for good, each with its reason. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const items = selectParked(context, workspace, []);
  const lines = items
    .slice(0, MAX_LISTED)
    .map((item) =>
      printable(
        `${item.id}  ${item.type}  ${item.mission ?? '-'}  ${item.canonicalUrl}  ${item.code}${item.detail === null ? '' : `: ${item.detail}`}`,
      ),
    );
  if (items.length > MAX_LISTED) lines.push(`… and ${items.length - MAX_LISTED} more`);
  if (items.length > 0) lines.push('', 'Try them again with `spec-kitty sync parked retry --all`.');
  return fine(
    { count: items.length, parked: items.map(parkedToJson) },
    items.length === 0 ? ['Nothing is parked.'] : lines,
  );
}
