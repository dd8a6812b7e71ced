import { messageOf } from '../../../base/index.ts';
import { StoreUnavailable } from '../driver.ts';

/**
 * The classes of SQLSTATE that are no fault of the statement: connections, read-only or lost transactions, a login
 * that is refused, a database that is gone, serialization failures and deadlocks, resources, locks, cancelled by an
 * operator or a limit, the system, damage.
 */
const NOT_OURS = /^(?:08|25|28|3D|40|53|55|57|58|F0|XX)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The database's own code of an error; empty for any other. */
export function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' && SQLSTATE.test(code) ? code : '';
}

/** What went wrong on the way to the database, or in it through nobody's mistake, as the storage not being there. */
export function toFailure(error: unknown): unknown {
  if (error instanceof StoreUnavailable || !(error instanceof Error)) return error;
  const state = sqlState(error);
  const isBug = state === '' ? isMistake(error) : !NOT_OURS.test(state);
  return isBug ? error : new StoreUnavailable(messageOf(error), { cause: error });
}

/** Everything else without a code is the connection: refused, reset, timed out, ended. */
function isMistake(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}
