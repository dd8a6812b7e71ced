import type { Db } from '../../base/index.ts';
import type { Site } from './site.ts';

/** Something that goes wrong on real machines, and the check that exists for it. */
export interface Fault {
  readonly name: string;
  readonly code: string;
  inflict(site: Site): void;
  /** Where the printed command needs what a test must not have: a newer program, a person who logs in. */
  readonly standIn?: StandIn;
}

/** What is done in the place of a printed command that nobody types here. */
export interface StandIn {
  /** How the command begins that is not typed as it stands. */
  readonly insteadOf: string;
  act(site: Site, remedy: string): void;
}

const PAYLOAD = `'{"build_id":"self-test"}'`;
/** Records an event that nobody has sent yet. */
export const EMIT = `spec-kitty emit BuildHeartbeat --payload ${PAYLOAD}`;

/** Changes a database of the site by hand. */
export function change(site: Site, file: string, sql: string): void {
  site.open(file, (db: Db) => {
    db.exec(sql);
  });
}
