import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { expect, onTestFinished } from 'vitest';
import { createSystem, type Env } from '../../src/base/index.ts';
import { readState, type DaemonOwner } from '../../src/daemon/index.ts';
import { openHome } from '../../src/home/index.ts';
import { createMachine, type Machine } from './command-line.ts';
import { childScript } from './child-script.ts';

/** How a command in a process of its own ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine whose commands may run as processes, so that a daemon can come of them. */
export interface DaemonTrial {
  readonly machine: Machine;
  readonly script: string;
  /** Runs a command in a process of its own. */
  process(
    argv: readonly string[],
    options?: { readonly env?: Env; readonly cwd?: string },
  ): Promise<Ended>;
  /** Starts one and does not wait. */
  begin(argv: readonly string[]): ChildProcess;
  /** Whoever has the lease and lives. */
  owner(): DaemonOwner | null;
}

const PROGRAM = "import { runProcess } from './src/cli/main.ts';\nawait runProcess();\n";

/** Whatever daemon is left when the test has finished is ended with it. */
export function daemonTrial(env: Env = {}): DaemonTrial {
  const machine = createMachine(env);
  const script = childScript(PROGRAM);
  const begin: DaemonTrial['begin'] = (argv) => spawnIn(machine, script, argv, { env });
  const trial: DaemonTrial = {
    machine,
    script,
    begin,
    process: (argv, options = {}) =>
      endOf(spawnIn(machine, script, argv, { ...options, env: { ...env, ...options.env } })),
    owner: () => ownerOf(machine),
  };
  onTestFinished(() => {
    endDaemon(machine);
  });
  return trial;
}

/** Waits until `holds` is true. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > ms) expect.fail(`it did not come true within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - began;
}

/** True while a process of this number runs. */
export function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

function spawnIn(
  machine: Machine,
  script: string,
  argv: readonly string[],
  { env = {}, cwd = machine.dir }: { readonly env?: Env; readonly cwd?: string },
): ChildProcess {
  const child = spawn(process.execPath, [script, ...argv], {
    cwd,
    env: { HOME: machine.dir, SPEC_KITTY_HOME: machine.home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

function endOf(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();
      resolve({ code, stdout: text(out), stderr: text(err) });
    });
  });
}

function ownerOf(machine: Machine): DaemonOwner | null {
  const home = openHome(createSystem({ SPEC_KITTY_HOME: machine.home }, machine.dir));
  try {
    const { status, owner } = readState(home.machine(), home.system);
    return status === 'present' ? owner : null;
  } finally {
    home.close();
  }
}

/** The number stands in a lease of this very test, with the start time of that process: it is ours to end. */
function endDaemon(machine: Machine): void {
  if (!existsSync(machine.home)) return;
  const owner = ownerOf(machine);
  if (owner !== null && owner.pid !== process.pid && runs(owner.pid)) {
    process.kill(owner.pid, 'SIGKILL');
  }
}
