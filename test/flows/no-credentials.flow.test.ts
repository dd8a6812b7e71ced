import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/cli/door.ts';
import type { Http } from '../../src/home/index.ts';
import { createMachine, EXAMPLE_FACTS, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { booksAt, storeFile } from '../support/store-view.ts';
import { testSystem } from '../support/temp-home.ts';

/** A network that does not exist: touching it fails the test. */
const noNetwork: Http = {
  send: (request) => Promise.reject(new Error(`a socket was opened to ${request.url}`)),
  close: () => {},
};

it('delivers to a stub in CI: no terminal, an empty environment, no network', async () => {
  const machine = createMachine();
  const root = machine.repository('repo');
  const { host } = testSystem(machine.dir, { homeDir: machine.dir });
  const command = async (...argv: readonly string[]): Promise<string> => {
    const printed: string[] = [];
    const write = (text: string): void => {
      printed.push(text);
    };
    const exit = await run(argv, {
      env: {},
      cwd: root,
      stdin: { isTTY: false, chunks: (async function* () {})() },
      stdout: { isTTY: false, write },
      stderr: { isTTY: false, write },
      ask: () => Promise.resolve(null),
      signal: new AbortController().signal,
      system: { host },
      http: noNetwork,
    });
    expect({ argv, exit, printed: printed.join('') }).toMatchObject({ exit: 0 });
    return printed.join('');
  };
  await command('init');
  await command('emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-1"}');
  await command('sync', 'import');
  await command('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'stub:events.ndjson');
  expect(await command('sync', 'now')).toContain('All delivered.');
  await command('emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-1"}');
  await command('sync', 'now');
  await command('sync', 'now');
  await command('sync', 'status', '--check');
  const lines = readFileSync(path.join(root, 'events.ndjson'), 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines.every((line) => line.includes('"BuildHeartbeat"'))).toBe(true);
});

it('records without a network whatever the target is', async () => {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const offline = { cwd: root, http: noNetwork };
  const commands = [
    ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'https://receiver.invalid'],
    ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'],
    ['sync', 'import'],
    ['sync', 'status'],
    ['sync', 'mode'],
    ['sync', 'server'],
    ['sync', 'targets'],
    ['sync', 'opt-out'],
    ['sync', 'opt-in'],
    ['sync', 'mode', 'LOCAL_RETENTION'],
    ['sync', 'now'],
  ];
  for (const argv of commands) {
    expect(await machine.run(argv, offline), argv.join(' ')).toMatchObject({ exit: 0, stderr: '' });
  }
});

it('finishes a line that the stub file was left with, and knows what is in it', async () => {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const file = path.join(root, 'events.ndjson');
  writeFileSync(file, '{"event_id":"01M1E6PKC46CQ643DZVMXXQK');
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'stub:events.ndjson'], at);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(EXAMPLE_FACTS + 1);

  const second = createMachine();
  const clone = await second.project('repo', EXAMPLE_MISSIONS);
  writeFileSync(
    path.join(clone, '.kittify', 'config.yaml'),
    readFileSync(path.join(root, '.kittify', 'config.yaml'), 'utf8'),
  );
  await second.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', `stub:${file}`], {
    cwd: clone,
  });
  const again = await second.run(['sync', 'now', '--json'], { cwd: clone });
  expect(again.json).toMatchObject({ delivered: 0, duplicate: EXAMPLE_FACTS, exit_code: 0 });
});

it('keeps facts while the stub file cannot be written', async () => {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  const url = `stub:${path.join(root, '.kittify')}`;
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url], at);
  const now = await machine.run(['sync', 'now'], at);
  expect(now.exit).toBe(1);
  expect(now.stdout).toContain('Event sync unavailable: file_error');
  expect(await booksAt(machine, root, url)).toMatchObject({ queued: EXAMPLE_FACTS });
});

it('sends the value of a header variable and keeps it nowhere', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const created = await machine.run([
    ...['receiver', 'token', 'create', '--all', '--db', receiver.file, '--json'],
  ]);
  const token = String(created.json['token']);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const env = { RECEIVER_HEADER: `Bearer ${token}` };
  const named = [
    ...['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url],
    ...['--header-env', 'Authorization=RECEIVER_HEADER'],
  ];
  expect(await machine.run(named, { cwd: root })).toMatchObject({ exit: 0, stderr: '' });

  const missing = await machine.run(['sync', 'now'], { cwd: root });
  expect(missing.stdout).toContain('Event sync gated: missing_auth');
  expect(missing.stdout).toContain('RECEIVER_HEADER, which is not set');
  expect(missing.exit).toBe(1);
  const now = await machine.run(['sync', 'now', '--json'], { cwd: root, env });
  expect(now.json).toMatchObject({ delivered: EXAMPLE_FACTS, all_delivered: true, exit_code: 0 });

  const printed = [missing, now].map(({ stdout, stderr }) => stdout + stderr).join('');
  expect(printed).not.toContain(token);
  const kept = readdirSync(machine.home, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(machine.home, name))
    .filter((file) => statSync(file).isFile());
  expect(kept.filter((file) => readFileSync(file).includes(token))).toEqual([]);
  expect(kept.filter((file) => file.endsWith('.log'))).toHaveLength(1);
  const store = storeFile(machine, root);
  expect(readFileSync(store).includes('RECEIVER_HEADER')).toBe(true);
});

it('refuses what could be a secret on the command line, without repeating it', async () => {
  const machine = createMachine();
  const root = await machine.project('repo');
  const named = [
    ...['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'https://receiver.invalid'],
    ...['--header-env', 'Authorization=Bearer s3cret-value'],
  ];
  const refused = await machine.run(named, { cwd: root });
  expect(refused.exit).toBe(2);
  expect(refused.stderr).toContain('the name of a variable and not its value');
  expect(refused.stderr).not.toContain('s3cret');
});

it('keeps a token for its origin alone, readable by its owner alone', async () => {
  const machine = createMachine();
  const argv = ['auth', 'login', '--token-stdin', '--server', 'http://127.0.0.1:9'];
  const ended = await machine.run(argv, { input: 'a-machine-token\n' });
  expect(ended).toMatchObject({ exit: 0, stderr: '' });
  expect(ended.stdout).toContain('The server could not be asked; the token is unchecked.');
  expect(ended.stdout).not.toContain('a-machine-token');
  const file = path.join(machine.home, 'session.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  appendFileSync(file, ' ');
  const other = await machine.run(['sync', 'server', '--json']);
  expect(other.json).toMatchObject({ user_id: null, team_slug: null });
});
