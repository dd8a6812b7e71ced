import path from 'node:path';
import type { System } from '../base/index.ts';
import type { ProjectId } from '../wire/index.ts';

/** Where everything of this machine lives. Directories are created 0700 and files 0600 when first needed. */
export interface Paths {
  readonly root: string;
  readonly config: string;
  readonly session: string;
  /** Credentials for trackers. */
  readonly trackerCredentials: string;
  readonly machine: string;
  /** Events of old queues that name no project. */
  readonly unassigned: string;
  /** The directory of the project stores. */
  readonly projects: string;
  readonly logDir: string;
  readonly log: string;
  /** A marker that the earlier Python program left: read as a diagnostic, never written. */
  readonly activeQueueScope: string;
  /** The earlier program's login, likewise. */
  readonly credentials: string;
  /** The directory of a later login of that program, likewise. */
  readonly upstreamAuth: string;
  /** Reserved room, let go of so that payloads can be dropped on a full disk. */
  readonly ballast: string;
  /** Where archives are written when nobody says another place. */
  readonly archives: string;
  /** The receiver of this home alone: its database, its port, and whether it runs. */
  readonly receiver: string;
  /** One project's database. */
  projectStore(id: ProjectId): string;
  /** Captures that wait for the project's database. */
  spillDir(id: ProjectId): string;
}

/** What code that reads or writes below the home needs. A `Home` is one. */
export interface Place {
  readonly system: System;
  readonly paths: Paths;
}

/**
 * The places below `<home>`: `SPEC_KITTY_HOME` as it stands (relative to the working directory), otherwise the
 * directory that the earlier Python program used on this platform.
 */
export function homePaths(system: System): Paths {
  const on = system.host.platform === 'win32' ? path.win32 : path.posix;
  const root = homeRoot(system, on);
  const projects = on.join(root, 'projects');
  const logDir = on.join(root, 'log');
  return {
    root,
    config: on.join(root, 'config.toml'),
    session: on.join(root, 'session.json'),
    trackerCredentials: on.join(root, 'tracker-credentials.json'),
    machine: on.join(root, 'machine.db'),
    unassigned: on.join(root, 'unassigned.db'),
    projects,
    logDir,
    log: on.join(logDir, 'spec-kitty.log'),
    activeQueueScope: on.join(root, 'active_queue_scope'),
    credentials: on.join(root, 'credentials'),
    upstreamAuth: on.join(root, 'auth'),
    ballast: on.join(root, 'ballast'),
    archives: on.join(root, 'archives'),
    receiver: on.join(root, 'receiver'),
    projectStore: (id) => on.join(projects, `${id}.db`),
    spillDir: (id) => on.join(projects, `${id}.spill`),
  };
}

function homeRoot(system: System, on: path.PlatformPath): string {
  const { env, cwd, host } = system;
  const stated = env['SPEC_KITTY_HOME'];
  if (stated !== undefined && stated !== '') return on.resolve(cwd, stated);
  if (host.platform !== 'win32') return on.join(host.homeDir, '.spec-kitty');
  return on.join(env['LOCALAPPDATA'] ?? on.join(host.homeDir, 'AppData', 'Local'), 'spec-kitty');
}
