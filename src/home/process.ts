import type { Files } from '../base/index.ts';

/** What tells one process from a later one with the same number. Null where the platform does not say. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot (`/proc/PID/stat`, field 22). */
  readonly started: string | null;
  /** Changes with every boot of the machine. */
  readonly boot: string | null;
}

const START_TIME_AFTER_NAME = 19;

/** The identity of a process that runs now; `started` is null when there is none of this number. */
export function identifyProcess(files: Files, pid: number): ProcessIdentity {
  return {
    pid,
    started: startTime(files.readText(`/proc/${pid}/stat`)),
    boot: files.readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null,
  };
}

/**
 * True only when it is certain that the process is gone: the machine was started again, or no process of this
 * number runs, or the one that runs was started at another time. Platforms without /proc are never certain.
 */
export function isProvablyDead(files: Files, process: ProcessIdentity): boolean {
  const now = identifyProcess(files, process.pid);
  if (now.boot === null || process.boot === null) return false;
  return now.boot !== process.boot || now.started !== process.started;
}

/** The name of a process may hold spaces and brackets, so fields count from its last closing one. */
function startTime(stat: string | null): string | null {
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[START_TIME_AFTER_NAME] ?? null;
}
