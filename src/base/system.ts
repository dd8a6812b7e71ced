import os from 'node:os';
import path from 'node:path';
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
  readonly program: Program;
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
    program: thisProgram(null),
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

/** Which program runs: what tells one installation from another on the same machine. */
export interface Program {
  readonly version: string;
  /** Absolute path of the interpreter. */
  readonly executable: string;
  /** The script it was started with; null where the caller is no program of its own. */
  readonly script: string | null;
}

/** Set by the bundler; the sources themselves carry no number. */
declare const PROGRAM_VERSION: string | undefined;

/** The program of this process. @param script the path it was started with. */
export function thisProgram(script: string | null): Program {
  const version = typeof PROGRAM_VERSION === 'string' ? PROGRAM_VERSION : 'unreleased';
  return { version, executable: process.execPath, script };
}

/** The directory of the installation: two levels above the script (`<package>/dist/bin/…`), links resolved. */
export function installationOf(program: Program, files: Files): string | null {
  if (program.script === null) return null;
  return path.resolve(files.realpath(program.script), '..', '..', '..');
}
