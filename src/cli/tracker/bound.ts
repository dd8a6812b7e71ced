import { UserError } from '../../base/index.ts';
import { openTracking, type Tracking } from '../../trackers/index.ts';
import type { Context } from '../io.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';

/** The project a command runs in, and what it is bound to. */
export interface Bound {
  readonly workspace: Workspace;
  readonly tracking: Tracking;
  /** What there is to say of the earlier program's data, taken in just now. */
  readonly lines: readonly string[];
}

/** The whole group stands behind the rollout flag (cli contract 15.1). @throws UserError `tracker_disabled`. */
export async function requireRollout({ home }: Context): Promise<void> {
  const { saasEnabled } = await home.config();
  if (saasEnabled.value) return;
  throw new UserError(
    'tracker_disabled',
    'Hosted SaaS sync is not enabled on this machine. Set `SPEC_KITTY_ENABLE_SAAS_SYNC=1` to opt in.',
    { remedy: null },
  );
}

/** Opens the tracker that the project is bound to. @throws UserError `tracker_disabled`, `tracker_unbound`. */
export async function openBound(context: Context): Promise<Bound> {
  await requireRollout(context);
  const workspace = await openWorkspace(context);
  const tracking = await openTracking(context.home, workspace.db, workspace.project);
  const { takenFrom } = tracking;
  const lines = takenFrom === null ? [] : [`Took in what lies in ${takenFrom}`];
  return { workspace, tracking, lines };
}
