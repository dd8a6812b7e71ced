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
    user: env['LOGNAME'] ?? env['USER'] ?? env['LNAME'] ?? env['USERNAME'] ?? accountName(),
    homeDir: env['HOME'] ?? env['USERPROFILE'] ?? os.homedir(),
    platform: process.platform,
    pid: process.pid,
  };
}

function accountName(): string {
  try {
    return os.userInfo().username;
  } catch (error) {
    // A container may run a uid without an account; the name only seeds the node id.
    if (error instanceof Error) return `uid-${process.getuid?.() ?? 0}`;
    throw error;
  }
}
