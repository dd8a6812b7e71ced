import type { Answer } from './answer.ts';
import type { Context } from './io.ts';

/** One positional argument: `<name>` required, `[name]` optional. */
export interface ArgumentSpec {
  readonly name: string;
  readonly what: string;
}

/** One option in the parser's notation: `--name <value>`, `--flag`, `--no-flag`. */
export interface OptionSpec {
  readonly flags: string;
  readonly what: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
}

/** What a command file offers. */
export interface Command {
  run(context: Context): Promise<Answer>;
}

/** A line of the table of commands. The command's own code is loaded when it is called. */
export interface CommandSpec {
  /** `['sync', 'now']` */
  readonly path: readonly string[];
  readonly what: string;
  readonly args?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Whole command lines that work as they stand, shown below the help. */
  readonly examples?: readonly string[];
  /** Brings up the daemon when it went well, where a person sits and the settings say so. */
  readonly startsDaemon?: boolean;
  readonly load: () => Promise<Command>;
}
