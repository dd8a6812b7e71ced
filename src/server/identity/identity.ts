import type { Clock, Ids, Random } from '../../base/index.ts';
import type { Store } from '../store/store.ts';

/** What the rules about people and logins work with. */
export interface Identity {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
}
