import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine, type Ended, type Machine } from '../../../test/support/command-line.ts';
import { recordingServer, type Reply } from '../../../test/support/recording-server.ts';

const TOKEN = 'a-machine-token';

describe('a token from standard input', () => {
  it('is kept for exactly one origin, readable by its owner alone', async () => {
    const machine = createMachine();
    const server = await recordingServer(() => health({ identity: { team: 'crew', user: 'ann' } }));
    const ended = await logIn(machine, ['--server', `${server.url}/base/`]);
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
    expect(ended.stdout).toContain(`✓ Token kept for ${server.url} in ${machine.home}`);
    expect(ended.stdout).toContain('The server knows it as team crew.');
    expect(ended.stdout).not.toContain(TOKEN);
    expect(server.requests[0]).toMatchObject({
      path: '/base/api/v1/sync/health/',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const file = path.join(machine.home, 'session.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { sessions } = JSON.parse(readFileSync(file, 'utf8')) as { sessions: object };
    expect(Object.keys(sessions)).toEqual([server.url]);
  });

  it('is kept unchecked when the server is silent, and not at all when it refuses', async () => {
    const machine = createMachine();
    const answers: Reply[] = [null, { status: 404 }, { status: 200, body: '<html>' }];
    for (const answer of answers) {
      const server = await recordingServer(() => answer);
      const { json } = await logIn(machine, ['--server', server.url, '--team', 't', '--json']);
      expect(json).toMatchObject({ origin: server.url, team: 't', user: null, checked: false });
    }
    for (const status of [401, 403]) {
      const server = await recordingServer(() => ({ status }));
      const { json } = await logIn(machine, ['--server', server.url, '--json']);
      expect(json).toMatchObject({ error: { code: 'token_refused' }, exit_code: 1 });
      expect(readFileSync(path.join(machine.home, 'session.json'), 'utf8')).not.toContain(
        server.url,
      );
    }
  });

  it('goes to the server of the project, else of the machine', async () => {
    const machine = createMachine();
    const [ours, theirs] = [
      await recordingServer(() => health({})),
      await recordingServer(() => health({})),
    ];
    const root = await machine.project('repo');
    await machine.run(['sync', 'server', theirs.url]);
    await machine.run(['sync', 'server', ours.url], { cwd: root });
    expect((await logIn(machine, ['--json'])).json).toMatchObject({ origin: theirs.url });
    const inside = await machine.run(['auth', 'login', '--token-stdin', '--json'], {
      ...{ cwd: root, input: TOKEN },
    });
    expect(inside.json).toMatchObject({ origin: ours.url });
    expect([ours.requests.length, theirs.requests.length]).toEqual([1, 1]);
  });
});

describe('is refused, and nothing is kept,', () => {
  it.each([
    [[], 'target_unresolved', 5, TOKEN],
    [['--server', 'http://kitty.example'], 'insecure_url', 1, TOKEN],
    [['--server', 'kitty'], 'invalid_url', 1, TOKEN],
    [['--server', 'http://127.0.0.1:9'], 'usage', 1, ''],
    [['--server', 'http://127.0.0.1:9'], 'usage', 1, 'two words'],
    [['--server', 'http://127.0.0.1:9'], 'usage', 2, 'x'.repeat(20_000)],
  ])('with %j: %s', async (argv, code, exit, token) => {
    const machine = createMachine();
    const ended = await logIn(machine, [...argv, '--json'], token);
    expect(ended.exit).toBe(exit);
    expect(ended.json).toMatchObject({ error: { code } });
    expect(existsSync(path.join(machine.home, 'session.json'))).toBe(false);
  });

  it('without --token-stdin', async () => {
    const ended = await createMachine().run(['auth', 'login', '--server', 'https://kitty.example']);
    expect(ended).toMatchObject({ exit: 2, stdout: '' });
    expect(ended.stderr).toContain('add --token-stdin');
  });

  it('when others can read the file of sessions, with the command that mends it', async () => {
    const machine = createMachine();
    const server = await recordingServer(() => health({}));
    await logIn(machine, ['--server', server.url]);
    const file = path.join(machine.home, 'session.json');
    chmodSync(file, 0o644);
    const ended = await logIn(machine, ['--server', server.url]);
    expect(ended).toMatchObject({ exit: 1, stdout: '' });
    expect(ended.stderr).toContain(`Run \`chmod 600 '${file}'\`.`);
  });
});

function logIn(machine: Machine, more: readonly string[], token = TOKEN): Promise<Ended> {
  return machine.run(['auth', 'login', '--token-stdin', ...more], { input: `${token}\n` });
}

function health(members: Readonly<Record<string, unknown>>): Reply {
  const limits = { max_events_per_batch: 1_000 };
  return { status: 200, body: JSON.stringify({ status: 'ok', limits, ...members }) };
}
