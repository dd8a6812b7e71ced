import { EXIT, UserError, type Db, type Millis, type System } from '../../base/index.ts';
import { identifyProcess, isProvablyDead } from '../../home/index.ts';

/** The right to commit results for a route: valid while the stored fence is this one. */
export interface Drain {
  readonly routeId: number;
  readonly fence: number;
}

interface DrainRow {
  readonly fence: number;
  readonly owner_pid: number | null;
  readonly owner_started: string | null;
  readonly owner_boot: string | null;
  readonly expires_at: number | null;
}

/** A drain that is not renewed for this long may be taken over. */
export const DRAIN_EXPIRY_MS = 10_000;
const CLAIM_WAIT_MS = 10_000;
const CLAIM_POLL_MS = 100;

const READ = 'SELECT * FROM drains WHERE route_id = :routeId';
const CREATE = `
  INSERT INTO drains (route_id, fence) VALUES (:routeId, 0) ON CONFLICT (route_id) DO NOTHING`;
const TAKE = `
  UPDATE drains SET fence = fence + 1, owner_pid = :pid, owner_started = :started, owner_boot = :boot,
    expires_at = :expires
  WHERE route_id = :routeId RETURNING fence`;
const RENEW =
  'UPDATE drains SET expires_at = :expires WHERE route_id = :routeId AND fence = :fence';
const RELEASE = `
  UPDATE drains SET owner_pid = NULL, owner_started = NULL, owner_boot = NULL, expires_at = NULL
  WHERE route_id = :routeId AND fence = :fence`;
const CLOSE_INTERRUPTED = `
  UPDATE batches SET ended_at = :now, result = 'interrupted'
  WHERE ended_at IS NULL AND fence < :fence
    AND gen_id IN (SELECT gen_id FROM generations WHERE route_id = :routeId)`;

/**
 * Becomes the one drainer of a route, waiting up to 10 s for another to finish. Batches that a dead drainer left
 * open are closed as interrupted; their items are still queued and will be sent again.
 * @throws UserError `busy`, naming the process that drains.
 */
export async function claimDrain(db: Db, system: System, routeId: number): Promise<Drain> {
  const { clock } = system;
  const deadline = clock.monotonic() + CLAIM_WAIT_MS;
  for (;;) {
    const claimed = tryClaim(db, system, routeId);
    if (typeof claimed !== 'number') return claimed;
    if (clock.monotonic() >= deadline) {
      throw new UserError('busy', `process ${claimed} is delivering to this target right now`, {
        remedy: 'spec-kitty sync status',
        exitCode: EXIT.failed,
      });
    }
    await clock.sleep(CLAIM_POLL_MS);
  }
}

/** Says that the drain is alive; false when another process has taken over. Part of the caller's transaction. */
export function renewDrain(db: Db, drain: Drain, now: Millis): boolean {
  return db.run(RENEW, { ...drain, expires: now + DRAIN_EXPIRY_MS }).changes === 1;
}

/** Lets the next drainer in at once. */
export function releaseDrain(db: Db, drain: Drain): void {
  db.run(RELEASE, { ...drain });
}

/** Who drains a route now, or null. */
export function drainOwner(db: Db, system: System, routeId: number): number | null {
  const row = db.get<DrainRow>(READ, { routeId });
  return row === undefined ? null : ownerOf(row, system);
}

/** The drain, or the number of the process that holds it. */
function tryClaim(db: Db, system: System, routeId: number): Drain | number {
  return db.tx(() => {
    db.run(CREATE, { routeId });
    const row = db.get<DrainRow>(READ, { routeId });
    const owner = row === undefined ? null : ownerOf(row, system);
    if (owner !== null) return owner;
    const now = system.clock.now();
    const { pid, started, boot } = identifyProcess(system.files, system.host.pid);
    const fence =
      db.get<{ fence: number }>(TAKE, {
        routeId,
        pid,
        started,
        boot,
        expires: now + DRAIN_EXPIRY_MS,
      })?.fence ?? 0;
    db.run(CLOSE_INTERRUPTED, { routeId, fence, now });
    return { routeId, fence };
  });
}

/** The process that holds a drain: not one whose time is up, lies absurdly ahead, or that is provably dead. */
function ownerOf(row: DrainRow, system: System): number | null {
  if (row.owner_pid === null || row.expires_at === null) return null;
  const left = row.expires_at - system.clock.now();
  if (left <= 0 || left > DRAIN_EXPIRY_MS) return null;
  const owner = { pid: row.owner_pid, started: row.owner_started, boot: row.owner_boot };
  return isProvablyDead(system.files, owner) ? null : row.owner_pid;
}
