import type { Db, Millis, System } from '../base/index.ts';
import { identifyProcess, isProvablyDead, type Home } from '../home/index.ts';
import type { ProgramIdentity } from './identity.ts';

/** The right to deliver in the background of a home: valid while the stored fence is this one. */
export interface Lease {
  readonly fence: number;
}

/** A lease that is not renewed for this long may be taken over. */
export const LEASE_EXPIRY_MS = 15_000;
/** How often its owner says that it lives. */
export const HEARTBEAT_MS = 5_000;

/** What the row says of our own daemon. A stale owner died without a word, or stands still. */
export interface DaemonState {
  readonly status: 'absent' | 'present' | 'stale';
  /** Who owns the lease, or owned it last without giving it back. */
  readonly owner: DaemonOwner | null;
}

export interface DaemonOwner extends ProgramIdentity {
  readonly fence: number;
  readonly pid: number;
  /** Start time and boot of the process, where the platform says. */
  readonly started: string | null;
  readonly boot: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly startedAt: Millis;
  readonly heartbeatAt: Millis;
  readonly expiresAt: Millis;
  readonly stopRequestedAt: Millis | null;
}

interface Row {
  readonly fence: number;
  readonly pid: number | null;
  readonly started: string | null;
  readonly boot: string | null;
  readonly package_version: string | null;
  readonly executable_path: string | null;
  readonly source_path: string | null;
  readonly server_url: string | null;
  readonly team_or_user: string | null;
  readonly queue_db_path: string | null;
  readonly environment: string | null;
  readonly started_at: Millis | null;
  readonly heartbeat_at: Millis | null;
  readonly expires_at: Millis | null;
  readonly stop_requested_at: Millis | null;
}

const READ = 'SELECT * FROM daemon';
const CREATE = 'INSERT INTO daemon (one, fence) VALUES (1, 0) ON CONFLICT (one) DO NOTHING';
const TAKE = `
  UPDATE daemon SET fence = fence + 1, pid = :pid, started = :started, boot = :boot,
    package_version = :packageVersion, executable_path = :executablePath, source_path = :sourcePath,
    server_url = :serverUrl, team_or_user = :teamOrUser, queue_db_path = :queueDbPath,
    environment = :environment, started_at = :now, heartbeat_at = :now, expires_at = :expires,
    stop_requested_at = NULL
  RETURNING fence`;
const RENEW = `
  UPDATE daemon SET heartbeat_at = :now, expires_at = :expires, server_url = :serverUrl,
    team_or_user = :teamOrUser
  WHERE fence = :fence AND pid IS NOT NULL RETURNING stop_requested_at`;
const RELEASE = `
  UPDATE daemon SET pid = NULL, started = NULL, boot = NULL, heartbeat_at = NULL, expires_at = NULL,
    stop_requested_at = NULL
  WHERE fence = :fence`;
const ASK = `
  UPDATE daemon SET stop_requested_at = :now WHERE fence = :fence AND stop_requested_at IS NULL`;

/** Becomes the one daemon of this home, or says who is. A dead owner is followed without a word. */
export function claimLease(
  home: Home,
  identity: ProgramIdentity,
  environment: Readonly<Record<string, string>>,
): Lease | DaemonOwner {
  const { system } = home;
  const db = home.machine();
  return db.tx(() => {
    db.run(CREATE);
    const { status, owner } = readState(db, system);
    if (status === 'present' && owner !== null) return owner;
    const now = system.clock.now();
    const { pid, started, boot } = identifyProcess(system.files, system.host.pid);
    const { packageVersion, executablePath, sourcePath, serverUrl, teamOrUser, queueDbPath } =
      identity;
    const taken = db.get<{ fence: number }>(TAKE, {
      packageVersion,
      executablePath,
      sourcePath,
      serverUrl,
      teamOrUser,
      queueDbPath,
      pid,
      started,
      boot,
      now,
      expires: now + LEASE_EXPIRY_MS,
      environment: JSON.stringify(environment),
    });
    return { fence: taken?.fence ?? 0 };
  });
}

/**
 * Says that the daemon lives, and whom it speaks for by now. `lost` when another one took over; `asked` when somebody
 * wants it to end.
 */
export function renewLease(
  db: Db,
  { fence }: Lease,
  said: Pick<ProgramIdentity, 'serverUrl' | 'teamOrUser'> & { readonly now: Millis },
): 'held' | 'asked' | 'lost' {
  const { now, serverUrl, teamOrUser } = said;
  const row = db.get<Pick<Row, 'stop_requested_at'>>(RENEW, {
    fence,
    now,
    serverUrl,
    teamOrUser,
    expires: now + LEASE_EXPIRY_MS,
  });
  if (row === undefined) return 'lost';
  return row.stop_requested_at === null ? 'held' : 'asked';
}

/** Gives the lease back; nothing happens when it is another's by now. */
export function releaseLease(db: Db, { fence }: Lease): void {
  db.run(RELEASE, { fence });
}

/** Asks the owner to end. It is the only way in which one process of ours tells another to. */
export function requestStop(db: Db, { fence }: Lease, now: Millis): void {
  db.run(ASK, { fence, now });
}

/** Who delivers in the background of this home; read alone. */
export function readState(db: Db, system: System): DaemonState {
  const owner = toOwner(db.get<Row>(READ));
  if (owner === null) return { status: 'absent', owner };
  const left = owner.expiresAt - system.clock.now();
  const isLate = left <= 0 || left > LEASE_EXPIRY_MS;
  const isStale = isLate || isProvablyDead(system.files, owner);
  return { status: isStale ? 'stale' : 'present', owner };
}

function toOwner(row: Row | undefined): DaemonOwner | null {
  if (row === undefined || row.pid === null) return null;
  return {
    fence: row.fence,
    pid: row.pid,
    started: row.started,
    boot: row.boot,
    packageVersion: row.package_version ?? '',
    executablePath: row.executable_path ?? '',
    sourcePath: row.source_path,
    serverUrl: row.server_url,
    teamOrUser: row.team_or_user,
    queueDbPath: row.queue_db_path ?? '',
    environment: JSON.parse(row.environment ?? '{}') as Readonly<Record<string, string>>,
    startedAt: row.started_at ?? 0,
    heartbeatAt: row.heartbeat_at ?? 0,
    expiresAt: row.expires_at ?? 0,
    stopRequestedAt: row.stop_requested_at,
  };
}
