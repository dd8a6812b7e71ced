import { printable, UserError } from '../../base/index.ts';
import { rawIssue } from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openBound } from '../tracker/bound.ts';

/** `spec-kitty tracker issue`: one pulled issue with everything that the tracker said of it. */
export async function run(context: Context): Promise<Answer> {
  const [name = ''] = context.args;
  const { workspace, tracking, lines } = await openBound(context);
  const raw = rawIssue(workspace.db, tracking.bindingId, name);
  if (raw === null) {
    throw new UserError('not_found', `no issue ${printable(name, 100)} was pulled`, {
      remedy: 'spec-kitty tracker sync pull',
    });
  }
  const value: unknown = JSON.parse(raw);
  return fine({ issue: value }, [...lines, ...JSON.stringify(value, null, 2).split('\n')]);
}
