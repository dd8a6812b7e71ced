import {
  AssertionFailure,
  createSystem,
  EXIT,
  IntegrityError,
  isDamaged,
  isSystemError,
  messageOf,
  noFaults,
  printable,
  sqliteCode,
  UserError,
  type ExitCode,
} from '../base/index.ts';
import { openHome, type Home } from '../home/index.ts';
import type { Answer } from './answer.ts';
import { groupHelp } from './help.ts';
import type { Io } from './io.ts';
import { warnOfOld } from './render/notice.ts';
import { parseCommandLine } from './parse.ts';
import type { CommandSpec } from './spec.ts';
import { commandsBelow, findCommand } from './table.ts';

/**
 * Runs one command line and says how it ended. Every error ends here: one line and a command to type, or with
 * `--json` one value; never a stack trace.
 * @param argv the words behind the program's name.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const json = argv.includes('--json');
  try {
    const spec = findCommand(argv);
    const answer = spec === undefined ? answerGroup(argv) : await answerCommand(spec, argv, io);
    return say(answer, json, io);
  } catch (error) {
    return say(answerError(error), json, io, io.stderr);
  }
}

async function answerCommand(spec: CommandSpec, argv: readonly string[], io: Io): Promise<Answer> {
  const parsed = parseCommandLine(spec, argv.slice(spec.path.length));
  if (parsed.help !== null) {
    return { exit: EXIT.fine, json: { help: parsed.help }, lines: [parsed.help.trimEnd()] };
  }
  const command = await spec.load();
  const system = { ...createSystem(io.env, io.cwd, io.faults ?? noFaults), ...io.system };
  const home = openHome(system, io.http, io.keyring);
  const context = { io, system, home, args: parsed.args, options: parsed.options };
  try {
    const answer = await command.run(context);
    warnOfOld(context);
    if (spec.startsDaemon === true) {
      const { startByItself } = await import('./background/autostart.ts');
      await startByItself(context, answer.exit);
    }
    return answer;
  } catch (error) {
    logFailure(home, spec, error);
    if (error instanceof UserError) warnOfOld(context);
    throw error;
  } finally {
    if (io.endsProcess !== true) home.close();
  }
}

/** What may stand beside the name of a group. */
const HELP_WORDS: ReadonlySet<string> = new Set(['--help', '-h', '--json']);

/** A word that names no command: the list of what could be meant. */
function answerGroup(argv: readonly string[]): Answer {
  const words = argv.filter((word) => !word.startsWith('-'));
  const known = commandsBelow(words);
  const isPlain = argv.every((word) => words.includes(word) || HELP_WORDS.has(word));
  if (known.length > 0 && isPlain) {
    const lines = groupHelp(words, known);
    return { exit: EXIT.fine, json: { commands: known.map((spec) => spec.path.join(' ')) }, lines };
  }
  const unknown = words.length === 0 ? argv.join(' ') : words.join(' ');
  throw new UserError('usage', `there is no command \`${printable(unknown, 200)}\``, {
    remedy: 'spec-kitty --help',
    exitCode: EXIT.refused,
  });
}

function answerError(error: unknown): Answer {
  if (error instanceof UserError) {
    const { code, message, remedy, details, exitCode } = error;
    return failure(exitCode, { code, message, remedy, details });
  }
  const message = messageOf(error);
  if (error instanceof IntegrityError || isDamaged(error)) {
    const mend = 'spec-kitty sync verify --repair';
    return failure(EXIT.integrity, { code: 'integrity', message, remedy: mend, details: {} });
  }
  if (OUT_OF_ORDER.test(sqliteCode(error))) {
    const look = 'spec-kitty sync status';
    return failure(EXIT.failed, { code: 'store_unreadable', message, remedy: look, details: {} });
  }
  // The operating system's word (EROFS, ENOSPC, EACCES …) is no bug of ours.
  if (isSystemError(error)) {
    return failure(EXIT.failed, { code: 'file_error', message, remedy: null, details: {} });
  }
  const rule = error instanceof AssertionFailure ? 'a rule of ours was broken' : 'unexpected error';
  return failure(EXIT.bug, {
    code: 'bug',
    message: `${rule}: ${message} (details in the log below the home directory)`,
    remedy: null,
    details: {},
  });
}

/** What a disk does to a database that cannot be written or read just now. */
const OUT_OF_ORDER = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN|PERM|BUSY|LOCKED)/;

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

function failure(exit: ExitCode, error: Failure): Answer {
  const lines = [`Error: ${printable(error.message)}`];
  if (error.remedy !== null) lines.push(`  Run \`${printable(error.remedy)}\`.`);
  return { exit, json: { error, exit_code: exit }, lines };
}

/** The stack goes to the log; a person gets one line. */
function logFailure(home: Home, spec: CommandSpec, error: unknown): void {
  if (error instanceof UserError) return;
  home.log.error('command.failed', {
    command: spec.path.join(' '),
    message: messageOf(error),
    stack: error instanceof Error ? (error.stack ?? null) : null,
  });
}

function say(answer: Answer, json: boolean, io: Io, people = io.stdout): ExitCode {
  if (json) io.stdout.write(`${JSON.stringify(answer.json)}\n`);
  else for (const line of answer.lines) people.write(`${line}\n`);
  return answer.exit;
}
