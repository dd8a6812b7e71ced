import { spawn } from 'node:child_process';
import { UserError, type Millis } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { readState, type DaemonOwner } from './lease.ts';
import { daemonSettings } from './settings.ts';

const PATIENCE_MS: Millis = 10_000;
const POLL_MS: Millis = 50;

/** The daemon that runs now, and whether it was this call that started it. */
export interface Started {
  readonly owner: DaemonOwner;
  readonly isNew: boolean;
}

/**
 * Starts a daemon for this home in the background, unless one runs, and waits until one has the lease. It gets the
 * home's root as its directory and no environment but its settings.
 * @throws UserError `daemon_failed` when none came up in 10 s.
 */
export async function startDaemon(home: Home): Promise<Started> {
  const running = ownerNow(home);
  if (running !== null) return { owner: running, isNew: false };
  const child = begin(home);
  const { clock } = home.system;
  const deadline = clock.monotonic() + PATIENCE_MS;
  while (clock.monotonic() < deadline && child.faults.length === 0) {
    await clock.sleep(POLL_MS);
    const owner = ownerNow(home);
    if (owner !== null) return { owner, isNew: owner.pid === child.pid };
  }
  throw failed(child.faults[0] ?? 'no daemon came up in 10 s');
}

/**
 * The same without waiting; null when one runs already.
 * @throws UserError `daemon_failed` where this process is no program that could be started.
 */
export function spawnDaemon(home: Home): { readonly pid: number | undefined } | null {
  return ownerNow(home) === null ? begin(home) : null;
}

interface Child {
  readonly pid: number | undefined;
  /** Why it could not be started, as far as the system has said. */
  readonly faults: readonly string[];
}

function begin(home: Home): Child {
  const { program, files } = home.system;
  if (program.script === null) {
    throw failed('this process is no program that could be started again');
  }
  files.makeDir(home.paths.root);
  const child = spawn(program.executable, [program.script, 'daemon', 'run'], {
    cwd: home.paths.root,
    env: { ...daemonSettings(home) },
    detached: true,
    stdio: 'ignore',
    windowsHide: true,
  });
  const faults: string[] = [];
  child.on('error', (error) => {
    faults.push(error.message);
  });
  child.unref();
  return { pid: child.pid, faults };
}

/** Who has the lease and lives; null when nobody does. */
export function ownerNow(home: Home): DaemonOwner | null {
  if (home.system.files.stat(home.paths.machine) === null) return null;
  const { status, owner } = readState(home.machine(), home.system);
  return status === 'present' ? owner : null;
}

function failed(reason: string): UserError {
  return new UserError('daemon_failed', reason, { remedy: 'spec-kitty daemon logs' });
}
