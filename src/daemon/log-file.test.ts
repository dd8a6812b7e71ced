import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { homePaths } from '../home/index.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { createDaemonLog, daemonLogFile } from './log-file.ts';

const MIB = 1_048_576;

function place(): Parameters<typeof createDaemonLog>[0] {
  const dir = tempDir();
  const system = testSystem(dir, { env: { SPEC_KITTY_HOME: path.join(dir, 'home') } });
  return { system, paths: homePaths(system) };
}

it('keeps five files of at most a mebibyte, the newest lines in the first', () => {
  const here = place();
  const log = createDaemonLog(here);
  const detail = 'x'.repeat(100_000);
  for (let number = 0; number < 80; number += 1) log.info('daemon.test', { number, detail });
  const names = readdirSync(here.paths.logDir).sort();
  expect(names).toEqual(['daemon.log', ...[1, 2, 3, 4].map((n) => `daemon.log.${n}`)]);
  const numbers = names
    .map((name) => path.join(here.paths.logDir, name))
    .toReversed()
    .flatMap((file) => {
      expect(statSync(file).size).toBeLessThanOrEqual(MIB);
      return readFileSync(file, 'utf8').trimEnd().split('\n');
    })
    .map((line) => (JSON.parse(line) as { readonly number: number }).number);
  expect(numbers.at(-1)).toBe(79);
  expect(numbers).toEqual(numbers.map((_, index) => 80 - numbers.length + index));
  expect(numbers.length).toBeGreaterThan(40);
});

it('goes on where the directory of logs cannot be written', () => {
  const here = place();
  const log = createDaemonLog(here);
  log.info('daemon.test', { number: 1 });
  const file = daemonLogFile(here);
  const { files } = here.system;
  const denied = {
    ...files,
    append: () => {
      throw Object.assign(new Error('EACCES: permission denied'), {
        code: 'EACCES',
        errno: -13,
        syscall: 'open',
      });
    },
  };
  const deaf = createDaemonLog({ ...here, system: { ...here.system, files: denied } });
  expect(() => {
    deaf.error('daemon.test', { number: 2 });
  }).not.toThrow();
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(1);
});

it('goes on where a file stands in the place of the directory', () => {
  const here = place();
  here.system.files.makeDir(here.paths.root);
  writeFileSync(here.paths.logDir, '');
  chmodSync(here.paths.logDir, 0o400);
  expect(() => {
    createDaemonLog(here).info('daemon.test', {});
  }).not.toThrow();
});
