import { printable, UserError } from '../../base/index.ts';
import { attemptsOf } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { parkedToJson, selectParked } from '../parked.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync parked show`: one parked event or body, the rule that parked it, and every try so far. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const [id = ''] = context.args;
  const items = selectParked(context, workspace, [id]);
  if (items.length === 0) {
    throw new UserError('not_found', `nothing called ${printable(id, 100)} is parked`, {
      remedy: 'spec-kitty sync parked list',
    });
  }
  const shown = items.map((item) => ({
    item,
    attempts: attemptsOf(workspace.db, item.genId, item.seq),
  }));
  const lines = shown.flatMap(({ item, attempts }) => [
    `${item.id}  ${item.type}`,
    `  Target   ${item.canonicalUrl}`,
    `  Rule     ${item.code}`,
    `  Reason   ${printable(item.detail ?? 'the receiver gave none')}`,
    ...attempts.map((each) =>
      printable(
        `  ${new Date(each.at).toISOString()}  ${each.outcome}  HTTP ${each.httpStatus ?? '-'}  ${each.category ?? ''}  ${each.detail ?? ''}`.trimEnd(),
      ),
    ),
    `  Try it again with \`spec-kitty sync parked retry ${item.id}\`.`,
  ]);
  const json = shown.map(({ item, attempts }) => ({
    ...parkedToJson(item),
    history: attempts.map((each) => ({
      at: new Date(each.at).toISOString(),
      outcome: each.outcome,
      http_status: each.httpStatus,
      category: each.category,
      error: each.detail,
    })),
  }));
  return fine({ parked: json }, lines);
}
