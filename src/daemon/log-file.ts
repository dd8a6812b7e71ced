import path from 'node:path';
import { createLog, isSystemError, type Log } from '../base/index.ts';
import type { Place } from '../home/index.ts';

const MAX_BYTES = 1_048_576;
const KEPT = 5;

/** The daemon's own log file; the ones before it are numbered behind its name, the oldest 5. */
export function daemonLogFile({ paths }: Pick<Place, 'paths'>): string {
  return path.join(paths.logDir, 'daemon.log');
}

/** A log of five files of 1 MiB. What cannot be written is dropped: the daemon goes on. */
export function createDaemonLog(place: Place): Log {
  const { files, clock } = place.system;
  const file = daemonLogFile(place);
  return createLog(clock, (line) => {
    try {
      files.makeDir(place.paths.logDir);
      if ((files.stat(file)?.size ?? 0) + line.length > MAX_BYTES) rotate(place, file);
      files.append(file, line, undefined, false);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  });
}

function rotate({ system: { files } }: Place, file: string): void {
  for (let number = KEPT - 2; number >= 1; number -= 1) {
    if (files.stat(`${file}.${number}`) !== null) {
      files.rename(`${file}.${number}`, `${file}.${number + 1}`);
    }
  }
  if (files.stat(file) !== null) files.rename(file, `${file}.1`);
}
