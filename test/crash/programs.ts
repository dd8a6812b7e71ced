import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { build, type Plugin } from 'esbuild';
import { afterAll, onTestFinished } from 'vitest';
import { say } from './sizes.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Where the system keeps files in memory; killing a process does not ask for a disk. */
const MEMORY = '/dev/shm';

/** A directory of this test file, gone when all of its tests have ended. `inMemory` where that is possible. */
export function scratchDir(inMemory: boolean): string {
  const below = inMemory && existsSync(MEMORY) ? MEMORY : os.tmpdir();
  const dir = realpathSync(mkdtempSync(path.join(below, 'spec-kitty-crash-')));
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** A defect that is planted while bundling, to see whether a check notices it. */
export interface Defect {
  /** Below `src`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Scripts that Node runs in a process of its own. */
export interface Programs {
  /** The verbs of `worker.ts`. */
  readonly worker: string;
  /** The command line; the words of a command follow. */
  readonly cli: string;
}

/** Bundles the product as it stands, or with defects, into a directory. */
export async function bundlePrograms(
  dir: string,
  defects: readonly Defect[] = [],
): Promise<Programs> {
  const modules = path.join(dir, 'node_modules');
  if (!existsSync(modules)) symlinkSync(path.join(ROOT, 'node_modules'), modules);
  const planted = plant(defects);
  const name = defects.length === 0 ? 'sound' : `defect-${defects[0]?.file.replaceAll(/\W/g, '-')}`;
  const [worker, cli] = await Promise.all([
    bundle(path.join(dir, `${name}-worker.mjs`), WORKER, planted),
    bundle(path.join(dir, `${name}-cli.mjs`), CLI, planted),
  ]);
  planted.requirePlanted();
  return { worker, cli };
}

const WORKER = `
  import { work } from './test/crash/worker.ts';
  await work(process.argv.slice(2));`;
const CLI = `
  import { runProcess } from './src/cli/main.ts';
  await runProcess();`;

async function bundle(outfile: string, lines: string, planted: Planted): Promise<string> {
  await build({
    stdin: { contents: lines, resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    loader: { '.sql': 'text' },
    external: ['better-sqlite3', 'better-sqlite3-node22', '@napi-rs/keyring'],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    plugins: [planted.plugin],
    logLevel: 'warning',
  });
  return outfile;
}

interface Planted {
  readonly plugin: Plugin;
  /** A defect whose place is gone would make its check pass for nothing. */
  requirePlanted(): void;
}

function plant(defects: readonly Defect[]): Planted {
  const done = new Set<Defect>();
  return {
    plugin: {
      name: 'planted-defects',
      setup: (hooks) => {
        for (const file of new Set(defects.map((each) => each.file))) {
          const full = path.join(ROOT, 'src', file);
          const filter = new RegExp(`^${full.replaceAll(/[.\\/]/g, '\\$&')}$`);
          hooks.onLoad({ filter }, () => {
            let contents = readFileSync(full, 'utf8');
            for (const defect of defects.filter((each) => each.file === file)) {
              if (contents.split(defect.from).length === 2) done.add(defect);
              contents = contents.replace(defect.from, () => defect.to);
            }
            return { contents, loader: 'ts' };
          });
        }
      },
    },
    requirePlanted: () => {
      const missed = defects.filter((each) => !done.has(each));
      if (missed.length > 0) throw new Error(`no such place: ${JSON.stringify(missed)}`);
    },
  };
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from its start to its end. */
  readonly ms: number;
}

/** A process under way. It and all it started are killed with the test, when they are still there. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves once it has printed this text; rejects when it ends without. */
  printed(text: string): Promise<void>;
  /** What it printed so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What runs Node, such as a tracer. */
  readonly before?: readonly string[];
  /** The script is not for Node but for `before` itself. */
  readonly plain?: boolean;
}

/** Starts a script. It sees the environment of the tests and `env`. */
export function start(
  script: string,
  words: readonly (string | number)[],
  options: StartOptions = {},
): Running {
  const [command = '', ...args] = [
    ...(options.before ?? []),
    ...(options.plain === true ? [] : [process.execPath]),
    script,
    ...words.map(String),
  ];
  const began = performance.now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    // A group of its own, so that a tracer and what it traces can be killed together.
    detached: true,
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const ended = endOf(child, began, { stdout, stderr });
  const printed = watchOutput(child, stdout);
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) killGroup(child);
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    ended,
    printed: async (text) => {
      if (await printed(text)) return;
      throw new Error(`it ended without printing ${text}: ${[...stdout, ...stderr].join('')}`);
    },
    output: () => stdout.join(''),
    signal: (name) => {
      child.kill(name);
    },
  };
}

/** Runs a script to its end. */
export function runScript(
  script: string,
  words: readonly (string | number)[],
  options: StartOptions = {},
): Promise<Ended> {
  return start(script, words, options).ended;
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch (error) {
    // It ended meanwhile.
    if (!(error instanceof Error)) throw error;
  }
}

function endOf(
  child: ChildProcess,
  began: number,
  output: { readonly stdout: string[]; readonly stderr: string[] },
): Promise<Ended> {
  const { stdout, stderr } = output;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ms = performance.now() - began;
      resolve({ code, signal, stdout: stdout.join(''), stderr: stderr.join(''), ms });
    });
  });
}

/** Tells whether a text was printed, as soon as it was, or when the process ended without. */
function watchOutput(
  child: ChildProcess,
  stdout: readonly string[],
): (text: string) => Promise<boolean> {
  const watchers = new Set<() => void>();
  const look = (): void => {
    for (const watcher of watchers) watcher();
  };
  let isOver = false;
  child.stdout?.on('data', look);
  child.on('close', () => {
    isOver = true;
    look();
  });
  return (text) =>
    new Promise((resolve) => {
      const watcher = (): void => {
        const isThere = stdout.join('').includes(text);
        if (!isThere && !isOver) return;
        watchers.delete(watcher);
        resolve(isThere);
      };
      watchers.add(watcher);
      watcher();
    });
}

/** Runs a command as the root of users, processes and mounts of its own: nobody else sees what it mounts. */
export const IN_A_NAMESPACE = ['unshare', '-Urpmf', '--kill-child'] as const;

/** Whether that is possible here; says aloud where it is not, and what is not checked for it. */
export function namespacesWork(what: string): boolean {
  const script = 'mount -t proc p /proc && mount -t tmpfs -o size=400k t /mnt';
  const [command, ...words] = [...IN_A_NAMESPACE, 'sh', '-c', script] as const;
  const probe = spawnSync(command, words, { encoding: 'utf8' });
  if (probe.status === 0) return true;
  say(`NOT RUN: ${what}, because nothing can be mounted (${probe.error?.message ?? probe.stderr})`);
  return false;
}

/** Does all of this, so many at a time, in order of the list. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = [...items.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await work(next[1], next[0]);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}
