import { UserError, printable } from '../../base/index.ts';
import { daemonLogFile } from '../../daemon/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';

const DEFAULT_LINES = 50;
const MAX_LINES = 10_000;
const MAX_LINE = 4_096;

/** `spec-kitty daemon logs`: the last lines of what the daemon wrote down. */
export function run({ home, system, options }: Context): Promise<Answer> {
  const file = daemonLogFile(home);
  const wanted = linesWanted(textOption(options, 'lines'));
  const text = system.files.readText(file) ?? '';
  const lines = text.split('\n').filter((line) => line !== '');
  const last = lines.slice(-wanted).map((line) => printable(line, MAX_LINE));
  const said = last.length === 0 ? [`Nothing is written in ${file} yet.`] : last;
  return Promise.resolve(fine({ file, lines: last }, said));
}

function linesWanted(text: string | null): number {
  const number = text === null ? DEFAULT_LINES : Number(text);
  if (Number.isSafeInteger(number) && number > 0 && number <= MAX_LINES) return number;
  throw new UserError('usage', `--lines takes a number from 1 to ${MAX_LINES}`, {
    remedy: 'spec-kitty daemon logs --lines 50',
    exitCode: 2,
  });
}
