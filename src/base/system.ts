import os from 'node:os';
import { systemClock, type Clock } from './clock.ts';
import { noFaults, type Faults } from './faults.ts';
import { systemFiles, type Files } from './files.ts';
import { createIds, type Ids } from './ids.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Everything outside the product that a command may touch, the network aside. Tests build their own. */
export interface System {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly files: Files;
  readonly faults: Faults;
  readonly env: Env;
  /** Absolute path of the working directory. */
  readonly cwd: string;
  readonly host: Host;
}

export interface Host {
  readonly name: string;
  readonly user: string;
  /** The user's home directory. */
  readonly homeDir: string;
  readonly platform: NodeJS.Platform;
  readonly pid: number;
}

/** The real machine, seen with the environment and directory that the door read. */
export function createSystem(env: Env, cwd: string, faults: Faults = noFaults): System {
  const clock = systemClock();
  return {
    clock,
    ids: createIds(clock),
    files: systemFiles,
    faults,
    env,
    cwd,
    host: createHost(env),
  };
}

function createHost(env: Env): Host {
  return {
    name: os.hostname(),
    user: firstOf(env, ['LOGNAME', 'USER', 'LNAME', 'USERNAME']) ?? accountName(),
    homeDir: firstOf(env, ['HOME', 'USERPROFILE']) ?? homeOfAccount(),
    platform: process.platform,
    pid: process.pid,
  };
}

/** An empty variable says nothing, as everywhere in Python's getpass. */
function firstOf(env: Env, names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
}

function homeOfAccount(): string {
  // It is empty where the process has an empty HOME, and would then lead into the working directory.
  const home = os.homedir();
  return home === '' ? os.userInfo().homedir : home;
}

function accountName(): string {
  try {
    return os.userInfo().username;
  } catch (error) {
    // A container may run a uid without an account; the name only seeds the node id.
    if (error instanceof Error) return `uid-${process.geteuid?.() ?? 0}`;
    throw error;
  }
}
