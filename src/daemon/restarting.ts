import { UserError } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { readState, releaseLease } from './lease.ts';
import { startDaemon } from './starting.ts';
import { stopDaemon } from './stopping.ts';
import { readUpstreamOwner } from './upstream-owner.ts';
import { retireUpstream } from './upstream-process.ts';

/** How a restart ended, in the words of the contract (cli contract 13). */
export interface Restarted {
  readonly status:
    | 'restarted'
    | 'stale_owner_cleaned'
    | 'no_owner'
    | 'respawn_failed'
    | 'stop_failed';
  readonly previousPid: number | null;
  readonly newPid: number | null;
  readonly error: string | null;
}

/** What stood in the way before a new daemon, and what became of it. */
interface Cleared {
  readonly previousPid: number | null;
  /** False when nothing was there at all. */
  readonly wasThere: boolean;
  readonly wasAlive: boolean;
  readonly error: string | null;
}

/**
 * Ends whichever daemon this home has, ours or the earlier program's, removes what dead ones left, and starts one of
 * ours. A process is only signalled when it is that daemon beyond doubt; ours is asked and never signalled.
 */
export async function restartDaemon(home: Home): Promise<Restarted> {
  const cleared = [await clearUpstream(home), await clearOurs(home)];
  const previousPid = cleared.find((each) => each.previousPid !== null)?.previousPid ?? null;
  const error = cleared.find((each) => each.error !== null)?.error ?? null;
  if (error !== null) return { status: 'stop_failed', previousPid, newPid: null, error };
  if (!cleared.some(({ wasThere }) => wasThere)) {
    return { status: 'no_owner', previousPid, newPid: null, error };
  }
  try {
    const { owner } = await startDaemon(home);
    const status = cleared.some(({ wasAlive }) => wasAlive) ? 'restarted' : 'stale_owner_cleaned';
    return { status, previousPid, newPid: owner.pid, error };
  } catch (failure) {
    if (!(failure instanceof UserError)) throw failure;
    return { status: 'respawn_failed', previousPid, newPid: null, error: failure.message };
  }
}

/** A living daemon of the earlier program is asked to end, the record of a dead one removed. */
async function clearUpstream(home: Home): Promise<Cleared> {
  const owner = readUpstreamOwner(home);
  const previousPid = owner.record?.pid ?? null;
  if (owner.status === 'absent')
    return { previousPid, wasThere: false, wasAlive: false, error: null };
  const wasAlive = owner.status === 'present';
  const there = { previousPid, wasThere: true, wasAlive };
  if (owner.status === 'unreadable') {
    return { ...there, error: `${owner.path} cannot be judged: ${owner.detail ?? ''}` };
  }
  const error = wasAlive ? await retireUpstream(home, owner) : null;
  // A daemon that ends in order removes its record itself.
  if (error === null) home.system.files.remove(owner.path);
  return { ...there, error };
}

async function clearOurs(home: Home): Promise<Cleared> {
  if (home.system.files.stat(home.paths.machine) === null) {
    return { previousPid: null, wasThere: false, wasAlive: false, error: null };
  }
  const { status, owner } = readState(home.machine(), home.system);
  if (owner === null) return { previousPid: null, wasThere: false, wasAlive: false, error: null };
  const there = { previousPid: owner.pid, wasThere: true };
  if (status === 'stale') {
    releaseLease(home.machine(), owner);
    return { ...there, wasAlive: false, error: null };
  }
  const { isGone } = await stopDaemon(home);
  const error = isGone ? null : `process ${owner.pid} was asked to end and has not`;
  return { ...there, wasAlive: true, error };
}
