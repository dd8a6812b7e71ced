import type { Millis } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { requestStop } from './lease.ts';
import { GRACE_MS } from './loop.ts';
import { ownerNow } from './starting.ts';

const POLL_MS: Millis = 50;
/** It looks at the doorbell every 200 ms; the rest is for a busy machine. */
const NOTICE_MS: Millis = 3_000;

/** How a daemon that was asked to end did. */
export interface Stopped {
  /** The process that ran; null when none did. */
  readonly pid: number | null;
  readonly isGone: boolean;
}

/** Asks the daemon of this home to end and waits until it has, at most a little longer than its own grace. */
export async function stopDaemon(home: Home): Promise<Stopped> {
  const owner = ownerNow(home);
  if (owner === null) return { pid: null, isGone: true };
  const { clock } = home.system;
  const { pid, fence } = owner;
  requestStop(home.machine(), { fence }, clock.now());
  const deadline = clock.monotonic() + GRACE_MS + NOTICE_MS;
  for (;;) {
    if (ownerNow(home)?.fence !== fence) return { pid, isGone: true };
    if (clock.monotonic() >= deadline) return { pid, isGone: false };
    await clock.sleep(POLL_MS);
  }
}
