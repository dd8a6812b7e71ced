import { dropParked, dropStuck, type ParkedItem } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { isAboutWaiting, requireParked } from '../parked.ts';
import { isConfirmed } from '../retention.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

/**
 * `spec-kitty sync parked drop`: gives up on parked events and bodies at their targets; they are kept here. With
 * `--waiting` it gives up on what was answered and would be tried for ever, which somebody has to confirm.
 */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const items = requireParked(context, workspace);
  const isWaiting = isAboutWaiting(context);
  const question = `Give up on ${items.length} item(s) that still wait?`;
  const isMeant = isWaiting
    ? items.length > 0 && (await isConfirmed(context, question))
    : !flagOption(context.options, 'dryRun');
  if (!isMeant) return foreseen(items, isWaiting);
  return dropped((isWaiting ? dropStuck : dropParked)(workspace.db, STREAMS, items));
}

function foreseen(items: readonly ParkedItem[], isWaiting: boolean): Answer {
  const said = isWaiting
    ? `Would give up on ${items.length} item(s) that were answered and still wait; add --yes to do it.`
    : `Would give up on ${items.length} parked item(s).`;
  return fine({ dropped: [], would_drop: items.map(({ id }) => id) }, [
    isWaiting && items.length === 0 ? 'Nothing that was answered still waits after a day.' : said,
  ]);
}

function dropped(items: readonly ParkedItem[]): Answer {
  return fine({ dropped: items.map((item) => item.id) }, [
    `✓ ${items.length} item(s) are no longer meant for their targets; the journal keeps them`,
  ]);
}
