import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine, type CommandOptions, type Ended } from '../../test/support/command-line.ts';
import { AssertionFailure, IntegrityError, type Faults } from '../base/index.ts';

const HEARTBEAT = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'];

describe('a command line that is not understood', () => {
  const cases: readonly (readonly [readonly string[], string, string])[] = [
    [['foo'], 'there is no command `foo`', 'spec-kitty --help'],
    [['sync', 'nwo'], 'there is no command `sync nwo`', 'spec-kitty --help'],
    [['--bla'], 'there is no command `--bla`', 'spec-kitty --help'],
    [['sync', '--bla'], 'there is no command `sync`', 'spec-kitty --help'],
    [['sync', 'now', '--bla'], "unknown option '--bla'", 'spec-kitty sync now --help'],
    [['sync', 'now', '--bla', '--x'], "unknown option '--bla'", 'spec-kitty sync now --help'],
    [['sync', 'now', 'extra'], 'too many arguments', 'spec-kitty sync now --help'],
    [['sync', 'now', '--report', '--all'], 'lacks its value', 'spec-kitty sync now --help'],
    [['receiver', 'show'], "missing required argument 'event'", 'spec-kitty receiver show --help'],
  ];

  it.each(cases)(
    '%j ends with 2, a word on what is wrong and a command',
    async (argv, message, remedy) => {
      const machine = createMachine();
      const people = await machine.run(argv);
      expect(people).toMatchObject({ exit: 2, stdout: '' });
      expect(people.stderr).toContain(message);
      expect(people.stderr).toContain(`Run \`${remedy}\`.`);
      const machines = await machine.run([...argv, '--json']);
      expect(machines).toMatchObject({ exit: 2, stderr: '' });
      expect(machines.json).toMatchObject({ error: { code: 'usage', remedy }, exit_code: 2 });
    },
  );

  it('is shown with its control characters made harmless', async () => {
    const ended = await createMachine().run(['\u001b[31mred']);
    expect(ended.stderr).toContain('^[[31mred');
    expect(ended.stderr).not.toContain('\u001b');
  });
});

describe('help', () => {
  it.each([[[]], [['--help']], [['sync']], [['sync', '-h']], [['receiver', 'token']]])(
    '%j lists commands',
    async (argv) => {
      const machine = createMachine();
      const people = await machine.run(argv);
      expect(people).toMatchObject({ exit: 0, stderr: '' });
      expect(people.stdout).toMatch(/^Usage: spec-kitty .*<command>/);
      const { json } = await machine.run([...argv, '--json']);
      expect((json['commands'] as string[]).length).toBeGreaterThan(1);
    },
  );
});

describe('what goes wrong below a command', () => {
  it('is a bug with exit 70, one line for people and the stack in the log', async () => {
    const { ended, log } = await failing(new TypeError('boom\nhere'));
    expect(ended).toMatchObject({ exit: 70, stdout: '' });
    expect(ended.stderr).toBe(
      'Error: unexpected error: boom here (details in the log below the home directory)\n',
    );
    expect(log).toContain('"event":"command.failed"');
    expect(log).toContain('TypeError: boom');
  });

  it('is a broken rule of ours with exit 70', async () => {
    const { ended } = await failing(new AssertionFailure('a batch has an item'), ['--json']);
    expect(ended).toMatchObject({ exit: 70, stderr: '' });
    expect(ended.json).toMatchObject({
      error: { code: 'bug', remedy: null },
      exit_code: 70,
    });
  });

  it.each([
    [new IntegrityError('a delivery has no event'), 3, 'integrity'],
    [sqliteError('SQLITE_CORRUPT_VTAB'), 3, 'integrity'],
    [sqliteError('SQLITE_IOERR_WRITE'), 1, 'store_unreadable'],
    [sqliteError('SQLITE_FULL'), 1, 'store_unreadable'],
    [sqliteError('SQLITE_CONSTRAINT_CHECK'), 70, 'bug'],
    [Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' }), 1, 'file_error'],
    [Object.assign(new TypeError('wrong'), { code: 'ERR_INVALID_ARG_TYPE' }), 70, 'bug'],
  ])('%s ends with %i', async (error, exit, code) => {
    const { ended } = await failing(error, ['--json']);
    expect(ended).toMatchObject({ exit, stderr: '' });
    expect(ended.json).toMatchObject({ error: { code }, exit_code: exit });
  });

  it('says that nothing was recorded where the home cannot be written', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const env = { SPEC_KITTY_HOME: path.join(root, '.kittify', 'config.yaml', 'home') };
    const emit = await machine.run(HEARTBEAT, { cwd: root, env });
    expect(emit).toMatchObject({ exit: 1, stdout: '' });
    expect(emit.stderr).toContain('nothing was recorded: ENOTDIR');
    const server = await machine.run(['sync', 'server', 'https://a.invalid'], { env });
    expect(server).toMatchObject({ exit: 1, stdout: '' });
    expect(server.stderr).toContain('ENOTDIR');
  });
});

/** Runs an import in which the transaction fails with this. */
async function failing(
  error: Error,
  more: readonly string[] = [],
): Promise<{ readonly ended: Ended; readonly log: string }> {
  const machine = createMachine();
  const root = await machine.project('repo');
  const faults: Faults = {
    at: (point) => {
      if (point === 'import.file' || point === 'capture.commit') throw error;
    },
  };
  const options: CommandOptions = { cwd: root, faults };
  const ended = await machine.run(['sync', 'import', ...more], options);
  const log = path.join(machine.home, 'log', 'spec-kitty.log');
  return { ended, log: ended.exit === 70 ? readFileSync(log, 'utf8') : '' };
}

function sqliteError(code: string): Error {
  return Object.assign(new Error('the database says so'), { code });
}
