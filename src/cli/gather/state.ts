import { NOT_LOOKED_AT, type LegacyView } from '../../legacy/index.ts';
import { gatherProject, type ProjectStatus } from '../../report/index.ts';
import type { Context } from '../io.ts';
import { STREAMS, type Workspace } from '../workspace.ts';

/** The state of the project a command runs in; old queues are looked into only where the caller has done so. */
export function gatherHere(
  context: Context,
  workspace: Workspace,
  legacy: LegacyView = NOT_LOOKED_AT,
): ProjectStatus {
  const { project, db, checkoutId } = workspace;
  return gatherProject(context.home, {
    projectId: project.id,
    db,
    legacy,
    streams: STREAMS,
    here: { project, checkoutId },
  });
}
