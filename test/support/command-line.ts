import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Env, ExitCode, Faults, System } from '../../src/base/index.ts';
import { run } from '../../src/cli/door.ts';
import type { Io, Writer } from '../../src/cli/io.ts';
import type { Http } from '../../src/home/index.ts';
import { tempDir } from './temp-home.ts';

/** How one command ended. */
export interface Ended {
  readonly exit: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** The value printed with `--json`; reading it fails when that is not exactly one. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Env;
  /** Standard input. */
  readonly input?: string | Uint8Array;
  /** What a person answers; without it there is no terminal. */
  readonly answer?: string;
  readonly signal?: AbortSignal;
  readonly faults?: Faults;
  readonly system?: Partial<System>;
  readonly http?: Http;
}

/** One user's machine: a home of its own and the command line, run in this process. */
export interface Machine {
  readonly dir: string;
  /** The product's home directory. */
  readonly home: string;
  /** Makes a directory with the given files, a git repository by its `.git` folder alone. */
  repository(name: string, files?: Readonly<Record<string, string>>): string;
  run(argv: readonly string[], options?: CommandOptions): Promise<Ended>;
}

/** A fresh machine; everything of it is gone with the test. `env` is all the environment its commands see. */
export function createMachine(env: Env = {}): Machine {
  const dir = tempDir();
  const home = path.join(dir, 'home');
  return {
    dir,
    home,
    repository: (name, files = {}) => {
      const root = path.join(dir, name);
      mkdirSync(path.join(root, '.git'), { recursive: true });
      writeFileSync(path.join(root, '.git', 'HEAD'), 'ref: refs/heads/main\n');
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
        writeFileSync(path.join(root, file), text);
      }
      return root;
    },
    run: (argv, options = {}) =>
      runCommand(argv, {
        ...options,
        cwd: options.cwd ?? dir,
        env: { HOME: dir, SPEC_KITTY_HOME: home, ...env, ...options.env },
      }),
  };
}

/** The sample missions beside the checkout, or null with a word about it when they are not there. */
export function sampleMissions(): string | null {
  const samples = path.resolve(import.meta.dirname, '../../../shared/samples/kitty-specs');
  return existsSync(samples) ? samples : null;
}

/** Copies the sample missions into a repository. */
export function copyMissions(from: string, root: string): void {
  cpSync(from, path.join(root, 'kitty-specs'), { recursive: true, mode: 0 });
}

async function runCommand(
  argv: readonly string[],
  options: CommandOptions & { readonly cwd: string; readonly env: Env },
): Promise<Ended> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const { answer, faults, system, http, input } = options;
  const io: Io = {
    env: options.env,
    cwd: options.cwd,
    stdin: { isTTY: answer !== undefined, chunks: once(input) },
    stdout: collect(stdout),
    stderr: collect(stderr),
    ask: () => Promise.resolve(answer ?? null),
    signal: options.signal ?? new AbortController().signal,
    ...(faults === undefined ? {} : { faults }),
    ...(system === undefined ? {} : { system }),
    ...(http === undefined ? {} : { http }),
  };
  const exit = await run(argv, io);
  const printed = stdout.join('');
  return {
    exit,
    stdout: printed,
    stderr: stderr.join(''),
    get json() {
      return JSON.parse(printed) as Readonly<Record<string, unknown>>;
    },
  };
}

function collect(into: string[]): Writer {
  return {
    isTTY: false,
    write: (text) => {
      into.push(text);
    },
  };
}

async function* once(input: string | Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (input === undefined) return;
  yield await Promise.resolve(Buffer.from(input));
}
