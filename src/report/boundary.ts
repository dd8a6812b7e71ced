import { installationOf } from '../base/index.ts';
import { readUpstreamOwner, type OwnerRecord, type UpstreamOwner } from '../daemon/index.ts';
import type { Home, ResolvedSyncTarget } from '../home/index.ts';

/** Who asks: what the foreground compares with a daemon's record. Null is what nobody set. */
export interface ForegroundIdentity {
  readonly packageVersion: string;
  readonly executablePath: string;
  readonly sourcePath: string | null;
  /** The resolved server of this process. */
  readonly serverUrl: string | null;
  /** `principal/team`, `principal`, or null when nobody is logged in there. */
  readonly teamOrUser: string | null;
  /** The machine's own database: it stands where the earlier program named its queue. */
  readonly queueDbPath: string;
  readonly pid: number;
}

/** The six fields that two programs of one home must agree on, in the contract's order (cli contract 0.5). */
export const CANONICAL_FIELDS = [
  'daemon_package_version',
  'daemon_executable_path',
  'daemon_source_path',
  'daemon_server_url',
  'daemon_team_or_user',
  'daemon_queue_db_path',
] as const;
export type CanonicalField = (typeof CANONICAL_FIELDS)[number];

export interface OwnerMismatch {
  readonly field: CanonicalField;
  readonly foregroundValue: string | null;
  readonly daemonValue: string | null;
}

/** The identity boundary: this process, whoever owns the background, and where they disagree. */
export interface Boundary {
  readonly foreground: ForegroundIdentity;
  readonly owner: UpstreamOwner;
  readonly mismatches: readonly OwnerMismatch[];
}

/** Reads the boundary without network and without writing. */
export function gatherBoundary(home: Home, authority: ResolvedSyncTarget): Boundary {
  const foreground = foregroundOf(home, authority);
  const owner = readUpstreamOwner(home);
  const isOwned = owner.status === 'present' && owner.record !== null;
  return { foreground, owner, mismatches: isOwned ? compareOwner(foreground, owner.record) : [] };
}

/** The fields that disagree, in canonical order; two absent values agree. Paths are compared as normal text. */
export function compareOwner(
  foreground: ForegroundIdentity,
  record: Pick<
    OwnerRecord,
    'packageVersion' | 'executablePath' | 'sourcePath' | 'serverUrl' | 'teamOrUser' | 'queueDbPath'
  >,
): readonly OwnerMismatch[] {
  const pairs = [
    [foreground.packageVersion, record.packageVersion],
    [normal(foreground.executablePath), normal(record.executablePath)],
    [normal(foreground.sourcePath), normal(record.sourcePath)],
    [foreground.serverUrl, record.serverUrl],
    [foreground.teamOrUser, record.teamOrUser],
    [normal(foreground.queueDbPath), normal(record.queueDbPath)],
  ] as const;
  return CANONICAL_FIELDS.flatMap((field, index) => {
    const [foregroundValue = null, daemonValue = null] = pairs[index] ?? [];
    return foregroundValue === daemonValue ? [] : [{ field, foregroundValue, daemonValue }];
  });
}

function foregroundOf(home: Home, authority: ResolvedSyncTarget): ForegroundIdentity {
  const { program, files, host } = home.system;
  const { userId, teamSlug } = authority;
  const parts = [userId, teamSlug].filter((part) => part !== null && part !== '');
  return {
    packageVersion: program.version,
    executablePath: program.executable,
    sourcePath: installationOf(program, files),
    serverUrl: authority.resolvedServerUrl,
    teamOrUser: parts.length === 0 ? null : parts.join('/'),
    queueDbPath: home.paths.machine,
    pid: host.pid,
  };
}

/** Doubled and trailing slashes say nothing; `..` may, where there are links. */
function normal(path: string | null): string | null {
  if (path === null) return null;
  const single = path.replaceAll(/\/{2,}/g, '/');
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single;
}
