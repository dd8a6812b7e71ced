import type { Env, Faults, System } from '../base/index.ts';
import type { Home, Http, KeyringFinder } from '../home/index.ts';

/** Where text goes. */
export interface Writer {
  write(text: string): void;
  readonly isTTY: boolean;
}

/** What a command line is given by its process, or by a test. */
export interface Io {
  readonly env: Env;
  /** Absolute path of the working directory. */
  readonly cwd: string;
  readonly stdin: { readonly isTTY: boolean; readonly chunks: AsyncIterable<Uint8Array> };
  readonly stdout: Writer;
  readonly stderr: Writer;
  /** Asks a person one line, unseen while it is typed if it is `secret`; null where nobody can answer. */
  ask(question: string, options?: { readonly secret: boolean }): Promise<string | null>;
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal;
  readonly faults?: Faults;
  /** The process ends with the command: stores need no orderly closing, every commit is on the disk already. */
  readonly endsProcess?: boolean;
  /** Stand-ins for the machine's own clock, ids, files and network. */
  readonly system?: Partial<System>;
  readonly http?: Http;
  readonly keyring?: KeyringFinder;
}

/** Options as the parser read them: absent, a flag, a text or a list of texts. */
export type OptionValues = Readonly<Record<string, unknown>>;

/** What a command gets to work with. */
export interface Context {
  readonly io: Io;
  readonly system: System;
  readonly home: Home;
  /** Positional arguments. */
  readonly args: readonly string[];
  readonly options: OptionValues;
}

/** The text of an option, or null when it was not given. */
export function textOption(options: OptionValues, name: string): string | null {
  const value = options[name];
  return typeof value === 'string' ? value : null;
}

/** Whether a flag was given; a flag that is on by default is off when its `--no-` form was given. */
export function flagOption(options: OptionValues, name: string): boolean {
  return options[name] === true;
}

/** Every value of an option that may be repeated. */
export function listOption(options: OptionValues, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
