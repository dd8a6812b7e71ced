import process from 'node:process';
import { expect, it } from 'vitest';
import { createMachine, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { daemonTrial } from '../support/daemon-trial.ts';
import { recordingServer } from '../support/recording-server.ts';
import { realReceiver } from '../support/real-receiver.ts';

it('says until when a login holds, and how old the oldest event is that waits', async () => {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const receiver = await recordingServer(() => ({ status: 404 }));
  await machine.run(['sync', 'server', receiver.url], at);
  const login = ['auth', 'login', '--server', receiver.url, '--token-stdin'];
  expect((await machine.run(login, { ...at, input: 'of-a-machine' })).exit).toBe(0);
  await machine.run(['sync', 'import'], at);
  const { stdout } = await machine.run(['sync', 'doctor'], at);
  expect(stdout).toMatch(/^Access token +Valid \(no expiry stored\)$/m);
  expect(stdout).toMatch(/^Refresh token +Missing$/m);
  expect(stdout).toMatch(/^Oldest event +\d+ s ago$/m);
});

it('says that all is well only when it is', async () => {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const receiver = await realReceiver();
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
  const waiting = await machine.run(['sync', 'doctor'], at);
  expect(waiting.exit).toBe(1);
  expect(waiting.stdout).toMatch(/^Oldest event +none waits$/m);
  expect(waiting.stdout).toMatch(/^Auth +No credentials$/m);
  expect(waiting.stdout).toContain('  BAD      new_lines\n');
  expect(waiting.stdout).toContain(
    'Issues found:\n  ! 21 new line(s) wait: run `spec-kitty sync import`',
  );
  await machine.run(['sync', 'now'], at);
  const well = await machine.run(['sync', 'doctor'], at);
  expect(well).toMatchObject({ exit: 0 });
  expect(well.stdout).toContain('No issues detected. Sync is healthy.');
  await receiver.stop();
  const silent = await machine.run(['sync', 'doctor', '--json'], at);
  expect(silent).toMatchObject({ exit: 1, json: { ok: false, ping: { word: 'Unreachable' } } });
});

/** All of them take minutes on a machine with other work. */
const FAULTS =
  process.env['CRASH'] === 'full'
    ? []
    : ['store_unreadable', 'books_unbalanced', 'orphan_owner', 'daemon_silent'];

it('has seen the faults it rules out', { timeout: 300_000 }, async () => {
  const trial = daemonTrial();
  const only = FAULTS.flatMap((code) => ['--fault', code]);
  const ended = await trial.process(['doctor', '--self-test', ...only]);
  expect(ended.stdout).toMatch(/^faults=(\d+) detected=\1 remedied=\1 false_green=0\n$/);
  expect(ended.code).toBe(0);
});
