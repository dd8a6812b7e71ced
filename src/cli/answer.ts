import { EXIT, type ExitCode } from '../base/index.ts';

/** What a command found out: one value for machines, the same in lines for people, and the exit code. */
export interface Answer {
  readonly exit: ExitCode;
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** An answer with exit code 0. */
export function fine(json: Answer['json'], lines: readonly string[]): Answer {
  return { exit: EXIT.fine, json, lines };
}
