import type { Files } from '../base/index.ts';

/** What tells one process from a later one with the same number. Null where the platform does not say. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot (`/proc/PID/stat`, field 22). */
  readonly started: string | null;
  /** The boot of the machine and, behind a slash, the space of its number: a container counts processes alone. */
  readonly boot: string | null;
}

const START_TIME_AFTER_NAME = 19;
/** Zombie and dead, as the kernel abbreviates them. */
const ENDED: ReadonlySet<string> = new Set(['Z', 'X']);
const BOOT = '/proc/sys/kernel/random/boot_id';
const SPACE = '/proc/self/ns/pid';

/** The identity of a process that runs now; `started` is null when there is none of this number. */
export function identifyProcess(files: Files, pid: number): ProcessIdentity {
  return {
    pid,
    started: startTime(files.readText(`/proc/${pid}/stat`)),
    boot: bootAndSpace(files),
  };
}

/**
 * True only when it is certain that the process is gone: the machine was started again, or no process of this
 * number runs, or the one that runs was started at another time. Platforms without /proc are never certain, and
 * nobody is certain of the processes of another container.
 */
export function isProvablyDead(files: Files, process: ProcessIdentity): boolean {
  const now = identifyProcess(files, process.pid);
  if (now.boot === null || process.boot === null) return false;
  const [boot, space] = process.boot.split('/');
  const [bootNow, spaceNow] = now.boot.split('/');
  if (boot !== bootNow) return true;
  return space === spaceNow && now.started !== process.started;
}

function bootAndSpace(files: Files): string | null {
  const boot = files.readText(BOOT)?.trim();
  if (boot === undefined) return null;
  const space = files.stat(SPACE);
  return space === null ? boot : `${boot}/${space.inode}`;
}

/**
 * The name of a process may hold spaces and brackets, so fields count from its last closing one. One that has ended and
 * that its parent has not waited for yet does nothing any more.
 */
function startTime(stat: string | null): string | null {
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (ENDED.has(fields[0] ?? '')) return null;
  return fields[START_TIME_AFTER_NAME] ?? null;
}
