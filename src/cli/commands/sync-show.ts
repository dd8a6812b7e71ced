import { EXIT, printable, UserError } from '../../base/index.ts';
import { readHistory } from '../../delivery/index.ts';
import { readSpillStatus } from '../../journal/index.ts';
import type { Answer } from '../answer.ts';
import { historyLines, historyToJson, isIntact } from '../history/event-view.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync show`: one event with its bytes, and every delivery, batch and try at every target. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const [id = ''] = context.args;
  const event = readHistory(workspace.db, id);
  if (event === null) {
    const beside = readSpillStatus(context.home, workspace.project.id).events;
    const hint = beside === 0 ? '' : `; ${beside} event(s) wait beside the store`;
    throw new UserError('not_found', `no event ${printable(id, 100)} is recorded${hint}`, {
      remedy: beside === 0 ? 'spec-kitty sync log' : 'spec-kitty sync import',
    });
  }
  const isDamaged =
    isIntact(event) === false || (event.payload === null && event.released === null);
  return {
    exit: isDamaged ? EXIT.integrity : EXIT.fine,
    json: historyToJson(event),
    lines: historyLines(event),
  };
}
