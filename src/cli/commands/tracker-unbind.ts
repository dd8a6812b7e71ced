import { forgetCredentials, readBinding, removeBinding } from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireRollout } from '../tracker/bound.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty tracker unbind`: the binding and its credentials go; what was pulled and published stays. */
export async function run(context: Context): Promise<Answer> {
  await requireRollout(context);
  const { home, system } = context;
  const { project } = await openWorkspace(context);
  const binding = await readBinding(system, project);
  await removeBinding(system, project);
  if (binding !== null) await forgetCredentials(home, binding);
  return fine({ removed: binding !== null }, [
    binding === null ? 'Tracker is not configured' : 'Tracker binding removed',
  ]);
}
