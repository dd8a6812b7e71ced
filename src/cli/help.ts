import type { CommandSpec } from './spec.ts';

const GAP = 2;

/** The list of commands below a group, one line each. */
export function groupHelp(
  group: readonly string[],
  commands: readonly CommandSpec[],
): readonly string[] {
  const name = ['spec-kitty', ...group].join(' ');
  const names = commands.map(nameOf);
  const width = Math.max(...names.map((each) => each.length)) + GAP;
  return [
    `Usage: ${name} <command> [options]`,
    '',
    ...commands.map((spec, index) => `  ${(names[index] ?? '').padEnd(width)}${spec.what}`),
    '',
    `Every command has --help and --json. Version: spec-kitty --version`,
  ];
}

function nameOf(spec: CommandSpec): string {
  return [...spec.path, ...(spec.args ?? []).map((argument) => argument.name)].join(' ');
}
