import { installationOf } from '../base/index.ts';
import type { Home, ResolvedSyncTarget } from '../home/index.ts';

/** What two programs of one home must agree on before one of them sends. Null is what nobody set. */
export interface ProgramIdentity {
  readonly packageVersion: string;
  readonly executablePath: string;
  readonly sourcePath: string | null;
  /** The resolved server of the machine, whatever a single project names. */
  readonly serverUrl: string | null;
  /** `principal/team`, `principal`, or null when nobody is logged in there. */
  readonly teamOrUser: string | null;
  /** The machine's own database: it stands where the earlier program named its queue. */
  readonly queueDbPath: string;
}

/** Who asks: what the foreground compares with a daemon's record. */
export interface ForegroundIdentity extends ProgramIdentity {
  readonly pid: number;
}

/** This process as the others of its home see it. `authority` is the machine's resolved server. */
export function identifyProgram(
  home: Pick<Home, 'system' | 'paths'>,
  authority: ResolvedSyncTarget,
): ForegroundIdentity {
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
