import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine } from '../../test/support/command-line.ts';
import { productOf, readProject } from '../../test/tidy/project.ts';
import { parseCommandLine } from './parse.ts';
import { commandsBelow, COMMANDS, findCommand } from './table.ts';

const sources = productOf(readProject(path.resolve(import.meta.dirname, '../..')));

describe('every command', () => {
  it.each(COMMANDS.map((spec) => spec.path.join(' ')))(
    '%s has help and a command behind it',
    async (name) => {
      const spec = COMMANDS.find((each) => each.path.join(' ') === name);
      const machine = createMachine();
      const people = await machine.run([...name.split(' '), '--help']);
      expect(people).toMatchObject({ exit: 0, stderr: '' });
      expect(people.stdout).toContain(`Usage: spec-kitty ${name}`);
      expect(people.stdout).toContain(spec?.what);
      expect(people.stdout).toContain('--json');
      expect(people.stdout).not.toContain('[]');
      const machines = await machine.run([...name.split(' '), '--help', '--json']);
      expect(machines.json).toMatchObject({
        help: expect.stringContaining(`spec-kitty ${name}`) as string,
      });
      expect(await spec?.load()).toHaveProperty('run');
    },
  );

  it('says mission, never feature, in its options and explanations', () => {
    const words = COMMANDS.flatMap(({ path: names, what, args = [], options = [] }) => [
      ...[...names, what],
      ...args.flatMap((each) => [each.name, each.what]),
      ...options.flatMap((each) => [each.flags, each.what]),
    ]);
    expect(words.filter((word) => /feature/i.test(word))).toEqual([]);
    const keys = sources
      .filter((source) => source.room === 'cli')
      .flatMap((source) => [...source.code.matchAll(/\b\w*feature\w*(?=['"]?\s*:)/gi)]);
    expect(keys.map((key) => key[0])).toEqual([]);
  });
});

describe('every command line the product prints', () => {
  const printed = sources.flatMap((source) =>
    [...source.strings.matchAll(/spec-kitty (?=[a-z])/g)].map(({ index }) => {
      const text = source.text.slice(index).replaceAll(/\$\{[^{}]*\}/g, 'x');
      return {
        file: source.path,
        line: /^spec-kitty ((?:(?! && |<\/)[^`'"\\\n])*)/.exec(text)?.[1] ?? '',
      };
    }),
  );
  const outside = printed.filter(({ file }) => !file.startsWith('src/cli/table'));

  it('is found at all', () => {
    expect(outside.length).toBeGreaterThan(30);
    expect(outside.map(({ line }) => line)).toContain('sync opt-in');
  });

  it.each(outside.map(({ file, line }) => [line, file] as const))(
    '`spec-kitty %s` (%s) can be typed',
    (line) => {
      expect(understood(line.split(' ').filter((word) => word !== ''))).toBe(true);
    },
  );

  it('is a command of ours or one of a plain shell', () => {
    const others = sources.flatMap((source) =>
      [...source.text.matchAll(/remedy: ['`](?!spec-kitty )([^'`]*)/g)].map(
        (found) => found[1] ?? '',
      ),
    );
    const odd = others.filter(
      (text) => !/^(?:npm install|unset|export|read|chmod|chown|rm|\$\{login\}) /.test(text),
    );
    expect(odd).toEqual([]);
    expect(others.length).toBeGreaterThan(0);
  });
});

describe('every example in the help', () => {
  const examples = COMMANDS.flatMap((spec) =>
    (spec.examples ?? []).map((line) => ({ spec, line })),
  );
  it.each(examples)('$line can be typed', ({ spec, line }) => {
    const words = shellWords(line.replace(/ < \S+$/, ''));
    expect(words[0]).toBe('spec-kitty');
    expect(findCommand(words.slice(1))).toBe(spec);
    expect(understood(words.slice(1))).toBe(true);
  });
});

function understood(words: readonly string[]): boolean {
  const spec = findCommand(words);
  if (spec === undefined)
    return words.at(-1) === '--help' && commandsBelow(words.slice(0, -1)).length > 0;
  parseCommandLine(spec, words.slice(spec.path.length));
  return true;
}

/** Words of a shell, as far as examples use one. */
function shellWords(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((found) => found[1] ?? found[2] ?? '');
}
