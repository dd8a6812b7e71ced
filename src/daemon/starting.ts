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
  const { clock, program } = home.system;
  const running = ownerNow(home);
  if (running !== null) return { owner: running, isNew: false };
  if (program.script === null)
    throw failed('this process is no program that could be started again');
  home.system.files.makeDir(home.paths.root);
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
  const deadline = clock.monotonic() + PATIENCE_MS;
  while (clock.monotonic() < deadline && faults.length === 0) {
    await clock.sleep(POLL_MS);
    const owner = ownerNow(home);
    if (owner !== null) return { owner, isNew: owner.pid === child.pid };
  }
  throw failed(faults[0] ?? 'no daemon came up in 10 s');
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
