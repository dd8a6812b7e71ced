import type { Db, Millis } from '../base/index.ts';
import type { Fingerprint } from './copy.ts';
import type { Source } from './sources.ts';

/** What this machine remembers of a source. */
export interface Registered {
  readonly path: string;
  readonly kind: Source['kind'];
  readonly digest: string;
  readonly scope: string | null;
  /** How its files looked when every row was accounted for; null when they must be read again. */
  readonly fingerprint: Fingerprint | null;
  readonly rows: number;
  readonly bodies: number;
  readonly failures: number;
  readonly conflicts: number;
  readonly unreadable: number;
  /** Why it could not be read to its end; null when it could. */
  readonly error: string | null;
}

const LIST = `
  SELECT path, kind, digest, scope, fingerprint, rows, bodies, failures, conflicts, unreadable, error
  FROM sources WHERE archived_as IS NULL ORDER BY path`;
const REGISTER = `
  INSERT INTO sources (path, kind, digest, scope, fingerprint, rows, bodies, failures, conflicts, unreadable, error,
    read_at)
  VALUES (:path, :kind, :digest, :scope, :fingerprint, :rows, :bodies, :failures, :conflicts, :unreadable, :error,
    :now)
  ON CONFLICT (path) DO UPDATE SET kind = :kind, digest = :digest, scope = :scope, fingerprint = :fingerprint,
    rows = :rows, bodies = :bodies, failures = :failures, conflicts = :conflicts, unreadable = :unreadable,
    error = :error, read_at = :now, archived_as = NULL`;
const READ_AGAIN = "UPDATE sources SET fingerprint = NULL WHERE kind = 'ledger'";
const ARCHIVED =
  'UPDATE sources SET archived_as = :archivedAs, fingerprint = NULL WHERE path = :path';

/** Sources that were read and not put aside, by path. */
export function listRegistered(machine: Db): ReadonlyMap<string, Registered> {
  return new Map(machine.all<Registered>(LIST).map((each) => [each.path, each]));
}

/** Remembers how a source ended. */
export function register(machine: Db, source: Registered, now: Millis): void {
  machine.run(REGISTER, { ...source, now });
}

/** New events may have a history: ledgers are read once more. */
export function readLedgersAgain(machine: Db): void {
  machine.run(READ_AGAIN);
}

/** Remembers that a source was put aside. */
export function registerArchived(machine: Db, path: string, archivedAs: string): void {
  machine.run(ARCHIVED, { path, archivedAs });
}
