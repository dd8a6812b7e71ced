import type { Db, Millis } from '../base/index.ts';
import {
  checkoutId,
  findProject,
  rememberProject,
  reserveBallast,
  type Project,
} from '../home/index.ts';
import { openJournal, type Journal } from '../journal/index.ts';
import { bodiesStream } from '../bodies/index.ts';
import { eventsStream, type Stream } from '../delivery/index.ts';
import type { Context } from './io.ts';

/** The project a command runs in, with its store open. */
export interface Workspace {
  readonly project: Project;
  readonly journal: Journal;
  readonly db: Db;
  /** The number of the checkout the command runs in. */
  readonly checkoutId: number;
  readonly now: Millis;
}

/** The streams this program delivers, in the order they are drained. */
export const STREAMS: readonly Stream[] = [eventsStream, bodiesStream];

/**
 * Opens the project around the working directory.
 * @param options.ballast whether room is set aside, so that gc works on a full disk later.
 * @throws UserError `not_a_project`, `identity_missing`, `identity_corrupt`, and what opening a store may throw.
 */
export async function openWorkspace(
  context: Context,
  options: { readonly ballast: boolean } = { ballast: true },
): Promise<Workspace> {
  const { home, system } = context;
  const project = await findProject(system);
  const journal = openJournal(home, project, { rules: await home.captureRules() });
  rememberProject(home, project);
  if (options.ballast) reserveBallast(home);
  const { db } = journal;
  const now = system.clock.now();
  return { project, journal, db, checkoutId: checkoutId(db, project.checkoutPath, now), now };
}
