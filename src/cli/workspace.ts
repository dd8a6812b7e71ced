import { EXIT, UserError, type Db, type Millis } from '../base/index.ts';
import {
  checkoutId,
  findProject,
  rememberProject,
  reserveBallast,
  type Home,
  type Project,
  type StoreOptions,
} from '../home/index.ts';
import { bodiesStream } from '../bodies/index.ts';
import {
  checkLineage,
  describeBroken,
  markJournal,
  openJournal,
  type Journal,
} from '../journal/index.ts';
import { eventsStream, type Stream } from '../delivery/index.ts';
import { snapshotsStream } from '../trackers/index.ts';
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
export const STREAMS: readonly Stream[] = [eventsStream, bodiesStream, snapshotsStream];

/**
 * Opens the project around the working directory.
 * @param options.ballast whether room is set aside, so that gc works on a full disk later.
 * @param options.waitMs how long the store is waited for; as long as any command waits when absent.
 * @throws UserError `journal_broken` when the store was lost or set back, `not_a_project`, `identity_missing`, `identity_corrupt`, and what opening a store may throw.
 */
export async function openWorkspace(
  context: Context,
  options: { readonly ballast: boolean; readonly waitMs?: Millis } = { ballast: true },
): Promise<Workspace> {
  const { home, system } = context;
  const project = await findProject(system);
  const waiting = options.waitMs === undefined ? {} : { waitMs: options.waitMs };
  requireWhole(home, project, waiting);
  const rules = await home.captureRules();
  const journal = openJournal(home, project, { rules, ...waiting });
  rememberProject(home, project);
  markJournal(home, journal);
  if (options.ballast) reserveBallast(home);
  const { db } = journal;
  const now = system.clock.now();
  return { project, journal, db, checkoutId: checkoutId(db, project.checkoutPath, now), now };
}

/** A journal that reaches less far than it did must not be worked with as if nothing had ever been there. */
function requireWhole(home: Home, project: Project, waiting: StoreOptions): void {
  const broken = checkLineage(home, project.id, () => home.store(project.id, waiting));
  if (broken === null) return;
  throw new UserError('journal_broken', describeBroken(broken), {
    remedy: 'spec-kitty sync verify --repair',
    exitCode: EXIT.integrity,
  });
}
