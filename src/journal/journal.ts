import type { Db, System } from '../base/index.ts';
import {
  checkoutId,
  type CaptureRules,
  type Home,
  type Project,
  type StoreOptions,
} from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';

/** One project's journal, as one checkout writes it. */
export interface Journal {
  readonly db: Db;
  readonly projectId: ProjectId;
  /** The checkout facts are captured in; null where there is none (rows of old queues). */
  readonly checkoutId: number | null;
  readonly system: System;
  /** What the machine says of retention; a project that chose a mode needs it for the policy alone. */
  readonly rules?: CaptureRules;
}

export interface JournalOptions extends StoreOptions {
  readonly rules?: CaptureRules;
}

/**
 * The journal of `project` in this home, created when it is new.
 * @throws UserError `store_unreadable`, `store_newer`, `busy`.
 */
export function openJournal(home: Home, project: Project, options: JournalOptions = {}): Journal {
  const db = home.store(project.id, options);
  return {
    db,
    projectId: project.id,
    checkoutId: checkoutId(db, project.checkoutPath, home.system.clock.now()),
    system: home.system,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
  };
}
