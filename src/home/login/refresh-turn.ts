import type { Db, Millis, System } from '../../base/index.ts';
import type { Home } from '../home.ts';
import { identifyProcess, isProvablyDead } from '../process.ts';

/** The right to renew the login at an origin. What is written under it is compared with what was read all the same. */
export interface Turn {
  readonly origin: string;
  readonly fence: number;
}

interface TurnRow {
  readonly fence: number;
  readonly owner_pid: number | null;
  readonly owner_started: string | null;
  readonly owner_boot: string | null;
  readonly expires_at: number | null;
}

/** Longer than a renewal can take, so that a turn is only ever taken from a process that hangs. */
export const TURN_EXPIRY_MS = 20_000;
const WAIT_MS = 25_000;
const POLL_MS = 20;

const READ = 'SELECT * FROM refreshes WHERE origin = :origin';
const CREATE =
  'INSERT INTO refreshes (origin, fence) VALUES (:origin, 0) ON CONFLICT (origin) DO NOTHING';
const TAKE = `
  UPDATE refreshes SET fence = fence + 1, owner_pid = :pid, owner_started = :started, owner_boot = :boot,
    expires_at = :expires
  WHERE origin = :origin RETURNING fence`;
const RELEASE = `
  UPDATE refreshes SET owner_pid = NULL, owner_started = NULL, owner_boot = NULL, expires_at = NULL
  WHERE origin = :origin AND fence = :fence`;

/**
 * Waits until this is the one that may renew the login at `origin`, at most 25 s; `busy` when it was in vain.
 * `isNeeded` is asked before each look: false ends the waiting, because whoever waited usually finds the work done.
 */
export async function takeTurn(
  home: Pick<Home, 'machine' | 'system'>,
  origin: string,
  isNeeded: () => Promise<boolean>,
): Promise<Turn | 'unneeded' | 'busy'> {
  const { clock } = home.system;
  const deadline = clock.monotonic() + WAIT_MS;
  while (await isNeeded()) {
    const turn = tryTurn(home.machine(), home.system, origin);
    if (turn !== null) return turn;
    if (clock.monotonic() >= deadline) return 'busy';
    await clock.sleep(POLL_MS);
  }
  return 'unneeded';
}

/** Lets the next one in at once. */
export function releaseTurn(machine: Db, turn: Turn): void {
  machine.run(RELEASE, { ...turn });
}

function tryTurn(machine: Db, system: System, origin: string): Turn | null {
  const seen = machine.get<TurnRow>(READ, { origin });
  if (seen !== undefined && isHeld(seen, system)) return null;
  return machine.tx(() => {
    machine.run(CREATE, { origin });
    const row = machine.get<TurnRow>(READ, { origin });
    if (row !== undefined && isHeld(row, system)) return null;
    const { pid, started, boot } = identifyProcess(system.files, system.host.pid);
    const expires: Millis = system.clock.now() + TURN_EXPIRY_MS;
    const taken = machine.get<{ fence: number }>(TAKE, { origin, pid, started, boot, expires });
    return { origin, fence: taken?.fence ?? 0 };
  });
}

/** Not by one whose time is up, lies absurdly ahead, or that is provably dead. */
function isHeld(row: TurnRow, system: System): boolean {
  if (row.owner_pid === null || row.expires_at === null) return false;
  const left = row.expires_at - system.clock.now();
  if (left <= 0 || left > TURN_EXPIRY_MS) return false;
  const owner = { pid: row.owner_pid, started: row.owner_started, boot: row.owner_boot };
  return !isProvablyDead(system.files, owner);
}
