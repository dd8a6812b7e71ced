import type { Db, System } from '../base/index.ts';
import { checkoutId, type Home, type Project, type StoreOptions } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';

/** One project's journal, as one checkout writes it. */
export interface Journal {
  readonly db: Db;
  readonly projectId: ProjectId;
  /** The checkout facts are captured in; null where there is none (rows of old queues). */
  readonly checkoutId: number | null;
  readonly system: System;
}

/**
 * The journal of `project` in this home, created when it is new.
 * @throws UserError `store_unreadable`, `store_newer`, `busy`.
 */
export function openJournal(home: Home, project: Project, options: StoreOptions = {}): Journal {
  const db = home.store(project.id, options);
  return {
    db,
    projectId: project.id,
    checkoutId: checkoutId(db, project.checkoutPath, home.system.clock.now()),
    system: home.system,
  };
}
