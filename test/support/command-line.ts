import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Env, ExitCode, Faults, System } from '../../src/base/index.ts';
import { run as runLine } from '../../src/cli/door.ts';
import type { Io, Writer } from '../../src/cli/io.ts';
import type { Http, KeyringFinder } from '../../src/home/index.ts';
import { tempDir } from './temp-home.ts';

/** How one command ended. */
export interface Ended {
  readonly exit: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** The value printed with `--json`, or `notOneJsonValue` with what was printed instead. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Env;
  /** Standard input. */
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** What a person answers to each question; without it there is no terminal. Questions are printed to `stderr`. */
  readonly answer?: string | ((question: string) => string);
  /** Standard output is a terminal; together with an answer, a person sits there. */
  readonly isSeen?: boolean;
  /** Standard error is a terminal. */
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
  readonly faults?: Faults;
  readonly system?: Partial<System>;
  readonly http?: Http;
  readonly keyring?: KeyringFinder;
  /** Hears what is printed to standard error at the moment it is. */
  readonly onStderr?: (text: string) => void;
}

/** One user's machine: a home of its own and the command line, run in this process. */
export interface Machine {
  readonly dir: string;
  /** The product's home directory. */
  readonly home: string;
  /** Makes a directory with the given files, a git repository by its `.git` folder alone. */
  repository(name: string, files?: Readonly<Record<string, string>>): string;
  /** A repository with an identity, and with these missions when some are given. */
  project(name: string, missions?: string): Promise<string>;
  run(argv: readonly string[], options?: CommandOptions): Promise<Ended>;
}

/**
 * A fresh machine; everything of it is gone with the test. `env` is all the environment its commands see. Artifacts are
 * left out, so that a test counts the facts it made; `ARTIFACTS` is the environment of one that is about them.
 */
export function createMachine(env: Env = {}): Machine {
  const dir = tempDir();
  const home = path.join(dir, 'home');
  const run: Machine['run'] = (argv, options = {}) =>
    runCommand(argv, {
      ...options,
      cwd: options.cwd ?? dir,
      env: {
        HOME: dir,
        SPEC_KITTY_HOME: home,
        ...NO_ARTIFACTS,
        ...NO_KEYRING,
        ...env,
        ...options.env,
      },
    });
  return {
    dir,
    home,
    repository: (name, files = {}) => makeRepository(path.join(dir, name), files),
    project: async (name, missions) => {
      const root = makeRepository(path.join(dir, name), {});
      if (missions !== undefined) copyMissions(missions, root);
      const { exit, stderr } = await run(['init'], { cwd: root });
      if (exit !== 0) throw new Error(stderr);
      return root;
    },
    run,
  };
}

function makeRepository(root: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(path.join(root, '.git'), { recursive: true });
  writeFileSync(path.join(root, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  return root;
}

const NO_ARTIFACTS: Env = { SPEC_KITTY_SYNC_ARTIFACTS: '0' };
/** A test never asks for the keyring of whoever runs it. */
const NO_KEYRING: Env = { SPEC_KITTY_KEYRING: '0' };
/** The environment in which artifacts are indexed and kept, as they are where nobody says anything. */
export const ARTIFACTS: Env = { SPEC_KITTY_SYNC_ARTIFACTS: undefined };

/** The missions of the example repository. */
export const EXAMPLE_MISSIONS = path.resolve(
  import.meta.dirname,
  '../../examples/tide-table/kitty-specs',
);
/** How many facts they hold. */
export const EXAMPLE_FACTS = 21;

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
  const {
    answer,
    faults,
    system,
    http,
    keyring,
    input,
    isTerminal = false,
    isSeen = false,
  } = options;
  const io: Io = {
    env: options.env,
    cwd: options.cwd,
    stdin: { isTTY: answer !== undefined, chunks: chunksOf(input) },
    stdout: collect(stdout, isSeen),
    stderr: collect(stderr, isTerminal, options.onStderr),
    ask: (question) => {
      if (answer !== undefined) stderr.push(question);
      return Promise.resolve(typeof answer === 'function' ? answer(question) : (answer ?? null));
    },
    signal: options.signal ?? new AbortController().signal,
    ...(faults === undefined ? {} : { faults }),
    ...(system === undefined ? {} : { system }),
    ...(http === undefined ? {} : { http }),
    ...(keyring === undefined ? {} : { keyring }),
  };
  const exit = await runLine(argv, io);
  const printed = stdout.join('');
  return { exit, stdout: printed, stderr: stderr.join(''), json: readJson(printed) };
}

function readJson(printed: string): Ended['json'] {
  try {
    return JSON.parse(printed) as Ended['json'];
  } catch (error) {
    if (error instanceof SyntaxError) return { notOneJsonValue: printed };
    throw error;
  }
}

function collect(into: string[], isTTY: boolean, hear: (text: string) => void = () => {}): Writer {
  return {
    isTTY,
    write: (text) => {
      into.push(text);
      hear(text);
    },
  };
}

async function* chunksOf(input: CommandOptions['input']): AsyncGenerator<Uint8Array> {
  if (input === undefined) return;
  if (typeof input === 'string' || input instanceof Uint8Array) yield Buffer.from(input);
  else yield* input;
}
