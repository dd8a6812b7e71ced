import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseCommandLine } from '../src/cli/parse.ts';
import { findCommand } from '../src/cli/table.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const text = readFileSync(path.join(ROOT, 'docs', 'requirements.md'), 'utf8');
const rows = text.split('\n').filter((line) => /^\| \w+:/.test(line));
const ALL = [
  ...numbers('delivery:FR', 19),
  ...numbers('delivery:NFR', 6),
  ...numbers('delivery:C', 8),
  ...numbers('body:FR', 14),
  ...numbers('body:NFR', 4),
  ...numbers('boundary:FR', 10),
  ...numbers('boundary:NFR', 5),
  ...numbers('tracker:FR', 12),
];

it('has every requirement once, with what shows it', () => {
  expect(rows.map((row) => cells(row)[0])).toEqual(ALL);
  const shown = rows.map((row) => cells(row)[2] ?? '');
  expect(shown.filter((cell) => !/`(?:spec-kitty |npm )/.test(cell))).toEqual([]);
});

const commands = [...text.matchAll(/`spec-kitty ([^`]+)`/g)].map((found) => found[1] ?? '');
it.each(commands)('`spec-kitty %s` can be typed', (line) => {
  const words = line.split(' ');
  const spec = findCommand(words);
  expect(spec).toBeDefined();
  if (spec !== undefined) parseCommandLine(spec, words.slice(spec.path.length));
});

it('speaks of scripts that there are', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const named = [...text.matchAll(/`npm (?:run )?(\w+)`/g)].map((found) => found[1] ?? '');
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

function numbers(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}-${String(n + 1).padStart(3, '0')}`);
}

function cells(row: string): readonly string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
