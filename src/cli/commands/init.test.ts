import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createMachine } from '../../../test/support/command-line.ts';

it('gives a repository its identity, once, and says that the file belongs in git', async () => {
  const machine = createMachine();
  const root = machine.repository('my_Repo');
  const first = await machine.run(['init'], { cwd: root });
  expect(first).toMatchObject({ exit: 0, stderr: '' });
  const file = path.join(root, '.kittify', 'config.yaml');
  expect(first.stdout).toContain(`  File  ${file}\n`);
  expect(first.stdout).toContain('Commit this file to git');
  expect(first.stdout).toContain('nothing is sent before you name a receiver');
  const text = readFileSync(file, 'utf8');
  const again = await machine.run(['init', '--json'], { cwd: root });
  expect(again.json).toMatchObject({ slug: 'my-repo', root, file, created: [] });
  expect(text).toContain(`uuid: ${String(again.json['project_uuid'])}`);
  expect(readFileSync(file, 'utf8')).toBe(text);
  expect((await machine.run(['init'], { cwd: root })).stdout).toContain('Nothing to do');
});

it('refuses to guess what a broken identity file means', async () => {
  const machine = createMachine();
  const root = machine.repository('repo', {
    '.kittify/config.yaml': 'project:\n  uuid: not-a-uuid\n',
  });
  const ended = await machine.run(['init', '--json'], { cwd: root });
  expect(ended.json).toMatchObject({ error: { code: 'identity_corrupt' }, exit_code: 1 });
  writeFileSync(path.join(root, '.kittify', 'config.yaml'), 'a: [\n');
  const other = await machine.run(['sync', 'now'], { cwd: root });
  expect(other).toMatchObject({ exit: 1, stdout: '' });
  expect(other.stderr).toContain('config.yaml');
});

it('names the command that begins, wherever there is no project', async () => {
  const machine = createMachine();
  const commands = ['sync now', 'sync import', 'sync targets', 'sync opt-in', 'sync opt-out'];
  for (const command of [...commands, 'sync parked list', 'sync targets accept x']) {
    const ended = await machine.run(command.split(' '));
    expect(ended, command).toMatchObject({ exit: 1, stdout: '' });
    expect(ended.stderr).toContain('Run `spec-kitty init`.');
  }
});
