import { printable } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { isAboutWaiting, parkedToJson, selectParked } from '../parked.ts';
import { openWorkspace } from '../workspace.ts';

const MAX_LISTED = 200;
const RETRY = 'Try them again with `spec-kitty sync parked retry --all`.';
const GIVE_UP =
  'They are tried again by themselves. Give up on them with `spec-kitty sync parked drop --waiting --all`.';

/** `spec-kitty sync parked list`: what a receiver refused for good, each with its reason; or, with `--waiting`, what it put off. */
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
  const isWaiting = isAboutWaiting(context);
  if (items.length > 0) lines.push('', isWaiting ? GIVE_UP : RETRY);
  const nothing = isWaiting ? 'Nothing was put off and still waits.' : 'Nothing is parked.';
  return fine(
    { count: items.length, [isWaiting ? 'waiting' : 'parked']: items.map(parkedToJson) },
    items.length === 0 ? [nothing] : lines,
  );
}
