import { UserError, type Db } from '../base/index.ts';
import type { Home, Project } from '../home/index.ts';
import type { ExternalResource } from '../wire/index.ts';
import { readBinding, type Binding } from './binding.ts';
import { readCredentials, type Credentials } from './credentials.ts';
import { resolveResourceRouting } from './routing.ts';
import { findBinding } from './store.ts';
import { takeOver } from './takeover.ts';

/** A project's tracker with all that is known of it here. */
export interface Tracking {
  readonly binding: Binding;
  readonly credentials: Credentials;
  /** What it points at, null for neither field. */
  readonly resource: ExternalResource | null;
  /** Its number in the project's store. */
  readonly bindingId: number;
  /** The earlier program's database that was taken in just now, null otherwise. */
  readonly takenFrom: string | null;
}

/**
 * Opens the tracker a project is bound to. The first time, what the earlier program kept for it is taken in.
 * @throws UserError `tracker_unbound`, `config_corrupt`, `credentials_unreadable`, `store_unreadable`.
 */
export async function openTracking(home: Home, db: Db, project: Project): Promise<Tracking> {
  const binding = await readBinding(home.system, project);
  if (binding === null) {
    throw new UserError('tracker_unbound', 'this project is bound to no tracker', {
      remedy: 'spec-kitty tracker bind --help',
    });
  }
  const credentials = (await readCredentials(home, binding)) ?? {};
  const resource = resolveResourceRouting(binding.provider, credentials);
  const known = findBinding(db, binding);
  const opened =
    known === null
      ? takeOver(home, db, accountOf(binding), credentials)
      : { bindingId: known, takenFrom: null };
  return { binding, credentials, resource, ...opened };
}

function accountOf({ provider, workspace }: Binding): { provider: string; workspace: string } {
  return { provider, workspace };
}
