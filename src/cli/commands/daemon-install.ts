import path from 'node:path';
import { serviceFor } from '../../daemon/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/** `spec-kitty daemon install`: shows the service of this home, and writes it unless only that was asked. */
export function run({ home, system, options }: Context): Promise<Answer> {
  const { file, text, next } = serviceFor(home);
  const isShown = flagOption(options, 'dryRun');
  if (!isShown) {
    system.files.makeDir(path.dirname(file), DIRECTORY_MODE);
    system.files.write(file, text, FILE_MODE);
  }
  const lines = [
    `${isShown ? 'Would write' : 'Wrote'} ${file}:`,
    '',
    ...text.trimEnd().split('\n'),
    '',
    ...next.map((command) => `Run \`${command}\`.`),
  ];
  return Promise.resolve(fine({ file, text, written: !isShown, next }, lines));
}
