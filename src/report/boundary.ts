import { UserError } from '../base/index.ts';
import {
  identifyProgram,
  readState,
  readUpstreamOwner,
  type DaemonOwner,
  type ForegroundIdentity,
  type OwnerRecord,
  type ProgramIdentity,
  type UpstreamOwner,
} from '../daemon/index.ts';
import {
  currentSyncTarget,
  sessionFor,
  whyLoggedOut,
  type Home,
  type ResolvedSyncTarget,
} from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';

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

export interface Difference {
  readonly field: CanonicalField;
  readonly foregroundValue: string | null;
  readonly daemonValue: string | null;
}

/** A field on which the background disagrees, with the command that ends it. */
export interface OwnerMismatch extends Difference {
  readonly remedy: string;
}

/** Whoever works in the background of this home: our daemon where there is one, else what the earlier one left. */
export interface Owner {
  readonly program: 'ours' | 'python';
  /** Ours is `stale` when it died without a word; the other statuses but two are the earlier program's. */
  readonly status: UpstreamOwner['status'] | 'stale';
  readonly path: string;
  readonly record: OwnerRecord | null;
  readonly detail: string | null;
}

/** The identity boundary: this process, whoever owns the background, and where they disagree. */
export interface Boundary {
  readonly foreground: ForegroundIdentity;
  /** The one that is compared, and shown. */
  readonly owner: Owner;
  /** What the earlier program left, whoever is shown. */
  readonly upstream: UpstreamOwner;
  readonly mismatches: readonly OwnerMismatch[];
  /** Why the machine's own file could not be asked; null when it answered. */
  readonly machineError: { readonly message: string; readonly remedy: string | null } | null;
}

/** What this machine knows of the login at a server, without asking it. */
export function loginFacts(
  home: Home,
  server: string | null,
): Pick<BoundaryFacts, 'isLoggedIn' | 'loginEnded'> {
  const session = server === null ? null : sessionFor(home, server);
  const why = whyLoggedOut(session, home.system.clock.now());
  return { isLoggedIn: why === null, loginEnded: session === null ? null : why };
}

/** Rows of old queues that nobody accounted for yet. */
export interface RowsWaiting {
  readonly projectId: ProjectId;
  readonly events: number;
  readonly bodies: number;
}

/** All that the checks of severity `boundary` look at. */
export interface BoundaryFacts {
  readonly authority: ResolvedSyncTarget;
  /** Whether somebody is logged in at the resolved server. */
  readonly isLoggedIn: boolean;
  /** Why nobody is, where somebody was: it ended, or it expired; null otherwise. */
  readonly loginEnded: string | null;
  /** Whether one is needed. */
  readonly needsLogin: boolean;
  readonly boundary: Boundary;
  readonly legacyRows: readonly RowsWaiting[];
  /** Stores that a newer program changed, so that this one must leave them alone. */
  readonly newerStores: readonly string[];
}

/**
 * Reads the boundary without network and without writing. The server compared is the machine's: a project may name
 * another one, and no daemon is of one project.
 */
export async function gatherBoundary(home: Home): Promise<Boundary> {
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  const foreground = identifyProgram(home, authority);
  const upstream = readUpstreamOwner(home);
  const ours = readOurs(home);
  // A living daemon of the earlier program comes first: it has to go before anything else is of use.
  const isRival = upstream.status === 'present' && servesHome(upstream, home.paths.root);
  const owner: Owner =
    isRival || ours.owner === null ? { program: 'python', ...upstream } : ours.owner;
  const isCompared = isRival || (owner.program === 'ours' && owner.status === 'present');
  const differences =
    isCompared && owner.record !== null ? compareOwner(foreground, owner.record) : [];
  const isOverridden = owner.program === 'ours' && isOfThisShell(authority);
  const mismatches = differences.map((each) => ({
    ...each,
    remedy: remedyFor(each, isOverridden),
  }));
  return { foreground, owner, upstream, mismatches, machineError: ours.error };
}

/** The fields that disagree, in canonical order; two absent values agree. Paths are compared as normal text. */
export function compareOwner(
  foreground: ProgramIdentity,
  record: ProgramIdentity,
): readonly Difference[] {
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

const RESTART = 'spec-kitty doctor restart-daemon';
const STOP = 'spec-kitty daemon stop';

/**
 * The command that ends one disagreement. A daemon that is started anew agrees in everything but a server that only
 * this shell names: no daemon takes that over, so it has to rest meanwhile.
 */
function remedyFor({ field }: Difference, isOverridden: boolean): string {
  const isOfServer = field === 'daemon_server_url' || field === 'daemon_team_or_user';
  return isOfServer && isOverridden ? STOP : RESTART;
}

/** The server is named by the environment alone, or against the settings: whoever is started does not know of it. */
function isOfThisShell(authority: ResolvedSyncTarget): boolean {
  const { overrideMode, envServerUrl, configuredServerUrl } = authority;
  const isAlone = envServerUrl !== null && configuredServerUrl === null;
  return overrideMode === 'process_override' || isAlone;
}

interface Ours {
  readonly owner: Owner | null;
  readonly error: Boundary['machineError'];
}

/** A machine that nobody used yet has no file, and asking must not make one. */
function readOurs(home: Home): Ours {
  if (home.system.files.stat(home.paths.machine) === null) return { owner: null, error: null };
  try {
    const { status, owner } = readState(home.machine(), home.system);
    if (owner === null || status === 'absent') return { owner: null, error: null };
    const detail = status === 'stale' ? `process ${owner.pid} says nothing any more` : null;
    const record = recordOf(owner);
    return {
      owner: { program: 'ours', status, path: home.paths.machine, record, detail },
      error: null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { owner: null, error: { message: error.message, remedy: error.remedy } };
  }
}

function recordOf(owner: DaemonOwner): OwnerRecord {
  const { pid, packageVersion, executablePath, sourcePath, serverUrl, teamOrUser, queueDbPath } =
    owner;
  const startedAt = new Date(owner.startedAt).toISOString();
  return {
    pid,
    port: null,
    packageVersion,
    executablePath,
    sourcePath,
    serverUrl,
    teamOrUser,
    queueDbPath,
    startedAt,
  };
}

/** A record says which queue its daemon serves; one of another home is none of our business. */
function servesHome({ record }: UpstreamOwner, root: string): boolean {
  return normal(record?.queueDbPath ?? null)?.startsWith(`${normal(root)}/`) === true;
}

/** Doubled and trailing slashes say nothing; `..` may, where there are links. */
function normal(path: string | null): string | null {
  if (path === null) return null;
  const single = path.replaceAll(/\/{2,}/g, '/');
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single;
}
