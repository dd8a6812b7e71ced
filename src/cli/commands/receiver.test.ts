import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Ended,
  type Machine,
} from '../../../test/support/command-line.ts';

describe('receiver serve', () => {
  it('answers until it is asked to stop, and takes what is sent to it', async () => {
    const machine = createMachine();
    const { url, stop } = await serve(machine);
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url], { cwd: root });
    expect((await machine.run(['sync', 'now'], { cwd: root })).exit).toBe(0);
    const ended = await stop();
    expect(ended.exit).toBe(0);
    expect(ended.stdout).toContain(
      `Receiver listens on ${url}\n  Store ${machine.dir}/receiver.db\n`,
    );
    expect(ended.stdout).toMatch(/Stopped\.\n$/);
    expect(ended.stderr).toContain('"level":"info"');
    expect(existsSync(path.join(machine.dir, 'ready.json'))).toBe(false);
  });

  it('prints one value with --json, when it ends', async () => {
    const machine = createMachine();
    const { url, stop } = await serve(machine, '--json', '--strict', '--host', 'localhost');
    const ended = await stop();
    expect(ended.json).toMatchObject({ url, stopped: true });
    expect(ended.json['server_instance_id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['is gone', (file: string) => rmSync(file)],
    ['speaks of another', (file: string) => writeFileSync(file, '{}')],
  ])(
    'ends with --until-removed when its ready file %s, and leaves that of another',
    async (_, change) => {
      const machine = createMachine();
      const { ended } = await serve(machine, '--until-removed');
      const file = path.join(machine.dir, 'ready.json');
      change(file);
      const kept = existsSync(file);
      expect((await ended).exit).toBe(0);
      expect(existsSync(file)).toBe(kept);
    },
  );

  it.each([
    [['--port', 'many'], 2, 'usage'],
    [['--port', '65536'], 2, 'usage'],
    [['--rate', '0'], 2, 'usage'],
    [['--host', '0.0.0.0', '--port', '0'], 2, 'receiver_unprotected'],
  ])('refuses %j', async (argv, exit, code) => {
    const machine = createMachine();
    const ended = await machine.run(['receiver', 'serve', ...argv, '--json']);
    expect(ended.exit).toBe(exit);
    expect(ended.json).toMatchObject({ error: { code } });
  });

  it('names a command that works when its port is taken', async () => {
    const machine = createMachine();
    const { url, stop } = await serve(machine);
    const { port } = new URL(url);
    const second = await machine.run(['receiver', 'serve', '--db', 'other.db', '--port', port]);
    expect(second).toMatchObject({ exit: 1, stdout: '' });
    expect(second.stderr).toContain('something listens there');
    expect(second.stderr).toContain('Run `spec-kitty receiver serve --port 0');
    await stop();
  });

  it('is opened to other machines by a token, as it says', async () => {
    const machine = createMachine();
    const argv = [
      'receiver',
      'serve',
      '--host',
      '0.0.0.0',
      '--port',
      '0',
      '--db',
      'my receiver.db',
    ];
    const refused = await machine.run([...argv, '--json']);
    const { remedy } = refused.json['error'] as { remedy: string };
    expect(remedy).toMatch(/^spec-kitty receiver token create --all --db '/);
    const words =
      remedy
        .split(/ (?=--db)/)[0]
        ?.split(' ')
        .slice(1) ?? [];
    const created = await machine.run([...words, '--db', 'my receiver.db']);
    expect(created.exit).toBe(0);
    const stopped = await machine.run(argv, { signal: AbortSignal.abort() });
    expect(stopped.exit).toBe(0);
  });
});

describe('receiver ls and show', () => {
  it('list what arrived, page by page, with the command for the next page', async () => {
    const { machine } = await filled();
    const first = await machine.run(['receiver', 'ls', '--db', 'receiver.db', '--limit', '8']);
    expect(first).toMatchObject({ exit: 0, stderr: '' });
    expect(first.stdout.split('\n')).toHaveLength(8 + 2);
    const more = /More: spec-kitty (receiver ls .*)\n$/.exec(first.stdout)?.[1] ?? '';
    expect(more).toBe('receiver ls --after 8 --limit 8 --db receiver.db');
    const second = await machine.run([...more.split(' '), '--json']);
    const events = second.json['events'] as readonly { cursor: number }[];
    expect(events.map((each) => each.cursor)).toEqual([9, 10, 11, 12, 13, 14, 15, 16]);
    const all = await machine.run(['receiver', 'ls', '--json']);
    expect(all.json).toMatchObject({ next_cursor: null });
    expect(all.json['events']).toHaveLength(EXAMPLE_FACTS);
    const none = '11111111-2222-4333-8444-555555555555';
    expect((await machine.run(['receiver', 'ls', '--project', none])).stdout).toBe(
      'Nothing here.\n',
    );
  });

  it('show one event with its bytes', async () => {
    const { machine, projectId } = await filled();
    const { json } = await machine.run(['receiver', 'ls', '--limit', '1', '--json']);
    const [event] = json['events'] as readonly { event_id: string; sha256: string }[];
    const id = event?.event_id ?? '';
    const shown = await machine.run(['receiver', 'show', id]);
    expect(shown).toMatchObject({ exit: 0, stderr: '' });
    expect(shown.stdout).toContain(`SHA-256   ${event?.sha256}`);
    expect(shown.stdout).toContain(`"event_id":"${id}"`);
    const one = await machine.run(['receiver', 'show', id, '--project', projectId, '--json']);
    expect(one.json).toMatchObject({ events: [{ event_id: id, project_uuid: projectId }] });
    const other = ['--project', '11111111-2222-4333-8444-555555555555', '--db', './receiver.db'];
    const absent = await machine.run(['receiver', 'show', id, ...other, '--json']);
    expect(absent.json).toMatchObject({
      error: { code: 'not_found', remedy: 'spec-kitty receiver ls --db ./receiver.db' },
      exit_code: 1,
    });
  });

  it.each([[['ls', '--after', 'x']], [['ls', '--limit', '-1']], [['ls', '--project', 'none']]])(
    'refuse %j as wrong usage',
    async (argv) => {
      const { machine } = await filled();
      const { json } = await machine.run(['receiver', ...argv, '--json']);
      expect(json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
    },
  );

  it.each([['ls'], ['show', 'x'], ['token', 'list'], ['token', 'revoke', 'x']])(
    'never mistake a wrong name for an empty receiver: %s',
    async (...argv) => {
      const machine = createMachine();
      const ended = await machine.run(['receiver', ...argv, '--db', 'mistyped.db']);
      expect(ended).toMatchObject({ exit: 1, stdout: '' });
      expect(ended.stderr).toContain('mistyped.db');
      expect(existsSync(path.join(machine.dir, 'mistyped.db'))).toBe(false);
    },
  );
});

describe('receiver token', () => {
  it('is shown once, listed by its prefix, and revoked', async () => {
    const machine = createMachine();
    const empty = await machine.run(['receiver', 'token', 'create', '--all', '--name', 'laptop']);
    expect(empty).toMatchObject({ exit: 0, stderr: '' });
    const [secret = ''] = empty.stdout.split('\n');
    expect(secret).toMatch(/^skt_[0-9a-f]{64}$/);
    expect(empty.stdout).toContain('It is shown this once.');
    const listed = await machine.run(['receiver', 'token', 'list']);
    expect(listed.stdout).toMatch(
      /^\w{26} {2}skt_[0-9a-f]{8}… {2}laptop {2}ingest {2}all projects {2}valid {2}never used\n$/,
    );
    expect(listed.stdout).not.toContain(secret);
    expect(readFileSync(path.join(machine.dir, 'receiver.db')).includes(secret)).toBe(false);
    const { json } = await machine.run(['receiver', 'token', 'list', '--json']);
    const [token] = json['tokens'] as readonly { id: string }[];
    const revoked = await machine.run(['receiver', 'token', 'revoke', token?.id ?? '']);
    expect(revoked.stdout).toContain('✓ Token laptop');
    const after = await machine.run(['receiver', 'token', 'list', '--json']);
    expect(after.json).toMatchObject({
      tokens: [
        {
          name: 'laptop',
          projects: 'all',
          last_used_at: null,
          revoked_at: expect.any(String) as string,
        },
      ],
    });
    expect((await machine.run(['receiver', 'token', 'list'])).stdout).toContain('revoked');
  });

  it('is for named projects', async () => {
    const machine = createMachine();
    const ids = ['11111111-2222-4333-8444-555555555555', '11111111-2222-4333-8444-666666666666'];
    const argv = ['receiver', 'token', 'create', '--scope', 'read', '--json'];
    const { json } = await machine.run([...argv, ...ids.flatMap((id) => ['--project', id])]);
    expect(json).toMatchObject({ projects: ids, scope: 'read', name: 'token' });
    expect((await machine.run(['receiver', 'token', 'list'])).stdout).toContain('2 project(s)');
  });

  it.each([
    [[]],
    [['--all', '--project', 'x']],
    [['--all', '--scope', 'admin']],
    [['--project', 'x']],
  ])('needs to be told for what: %j', async (argv) => {
    const machine = createMachine();
    const { json } = await machine.run(['receiver', 'token', 'create', '--json', ...argv]);
    expect(json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
  });

  it('says that a receiver without tokens serves this machine, and which token it does not know', async () => {
    const { machine } = await filled();
    const none = await machine.run(['receiver', 'token', 'list']);
    expect(none.stdout).toBe('No token: the receiver serves this machine only.\n');
    const argv = ['receiver', 'token', 'revoke', 'x', '--json', '--db', 'receiver.db'];
    expect((await machine.run(argv)).json).toMatchObject({
      error: { code: 'not_found', remedy: 'spec-kitty receiver token list --db receiver.db' },
    });
  });
});

interface Serving {
  readonly url: string;
  readonly ended: Promise<Ended>;
  readonly stop: () => Promise<Ended>;
}

/** Runs `receiver serve` in this process until `stop`. */
async function serve(machine: Machine, ...more: readonly string[]): Promise<Serving> {
  const stopping = new AbortController();
  const argv = ['receiver', 'serve', '--port', '0', '--ready-file', 'ready.json', ...more];
  const running = machine.run(argv, { signal: stopping.signal });
  const ready = path.join(machine.dir, 'ready.json');
  await expect.poll(() => existsSync(ready), { timeout: 10_000 }).toBe(true);
  const { url } = JSON.parse(readFileSync(ready, 'utf8')) as { url: string };
  return {
    url,
    ended: running,
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** A machine whose receiver.db holds the example's facts. */
async function filled(): Promise<{ readonly machine: Machine; readonly projectId: string }> {
  const machine = createMachine();
  const { url, stop } = await serve(machine);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url], { cwd: root });
  await machine.run(['sync', 'now'], { cwd: root });
  await stop();
  const { json } = await machine.run(['init', '--json'], { cwd: root });
  return { machine, projectId: String(json['project_uuid']) };
}

it('folds the views anew from what is stored', async () => {
  const machine = createMachine();
  const { url, stop } = await serve(machine);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url], { cwd: root });
  expect((await machine.run(['sync', 'now'], { cwd: root })).exit).toBe(0);
  await stop();
  const listed = await machine.run(['receiver', 'ls', '--limit', '1000', '--json']);
  const events = (listed.json['events'] as readonly unknown[]).length;
  const rebuilt = await machine.run(['receiver', 'rebuild', '--json']);
  expect(rebuilt.json).toEqual({ projects: 1, events });
  expect((await machine.run(['receiver', 'rebuild'])).stdout).toBe(
    `✓ Views of 1 project folded from ${events} events\n`,
  );
});
