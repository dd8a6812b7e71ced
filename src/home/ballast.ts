import { errnoOf, isSystemError, systemRandom } from '../base/index.ts';
import type { Place } from './paths.ts';

/** Enough for the log of one step of gc and of one step of giving pages back. */
const BALLAST_BYTES = 4_194_304;

/**
 * Sets 4 MiB of the disk aside, unless they are: a full disk lets nothing be deleted from a database either. Where
 * there is no room for them now, that is no failure.
 */
export function reserveBallast({ system, paths }: Place): void {
  const { files } = system;
  try {
    if (files.lstat(paths.ballast) !== null) return;
    files.makeDir(paths.root);
    // Random, so that a file system which compresses really keeps the room.
    files.create(paths.ballast, systemRandom(BALLAST_BYTES));
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

/** Gives the reserved room back to the disk, for a command that frees more than that. */
export function releaseBallast({ system, paths }: Place): void {
  try {
    system.files.remove(paths.ballast);
  } catch (error) {
    if (errnoOf(error) === '') throw error;
  }
}
