import { Command as Parser, CommanderError } from 'commander';
import { EXIT, UserError } from '../base/index.ts';
import type { OptionValues } from './io.ts';
import type { CommandSpec } from './spec.ts';

export interface Parsed {
  readonly args: readonly string[];
  readonly options: OptionValues;
  /** The help text when it was asked for, else null. */
  readonly help: string | null;
}

/**
 * Reads the words behind a command's own name.
 * @throws UserError `usage` with exit code 2.
 */
export function parseCommandLine(spec: CommandSpec, words: readonly string[]): Parsed {
  let shown = '';
  let complaint = '';
  const parser = createParser(spec);
  parser.exitOverride();
  parser.configureOutput({
    writeOut: (text) => {
      shown += text;
    },
    writeErr: (text) => {
      complaint += text;
    },
  });
  try {
    parser.parse([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { args: [], options: {}, help: shown };
    throw misused(spec, complaint.replace(/^error: /, '').trim());
  }
  const options: OptionValues = parser.opts();
  // The parser would take the next option for the value of one that lacks its own.
  const eaten = Object.values(options)
    .flat()
    .filter((value) => typeof value === 'string')
    .find((value) => value.startsWith('--'));
  if (eaten !== undefined) throw misused(spec, `an option before ${eaten} lacks its value`);
  return { args: parser.args, options, help: null };
}

function misused(spec: CommandSpec, complaint: string): UserError {
  return new UserError('usage', complaint, {
    remedy: `spec-kitty ${spec.path.join(' ')} --help`,
    exitCode: EXIT.refused,
  });
}

function createParser(spec: CommandSpec): Parser {
  const parser = new Parser(`spec-kitty ${spec.path.join(' ')}`)
    .description(spec.what)
    .allowExcessArguments(false)
    .option('--json', 'print exactly one JSON value');
  for (const { name, what } of spec.args ?? []) parser.argument(name, what);
  for (const { flags, what, repeatable } of spec.options ?? []) {
    if (repeatable === true) parser.option(flags, what, collect);
    else parser.option(flags, what);
  }
  if (spec.examples !== undefined) {
    parser.addHelpText(
      'after',
      ['', 'Examples:', ...spec.examples.map((each) => `  ${each}`)].join('\n'),
    );
  }
  return parser;
}

function collect(value: string, values: readonly string[] = []): readonly string[] {
  return [...values, value];
}
