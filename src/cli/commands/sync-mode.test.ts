import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine, EXAMPLE_MISSIONS } from '../../../test/support/command-line.ts';
import { answerAll, recordingServer } from '../../../test/support/recording-server.ts';
import { openStoreOf } from '../../../test/support/store-view.ts';

describe('sync mode', () => {
  it('shows the mode, where it comes from and what it means', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const outside = await machine.run(['sync', 'mode']);
    expect(outside).toMatchObject({ exit: 0, stderr: '' });
    expect(outside.stdout).toContain('Event sync mode: TEAMSPACE (nobody chose one)');
    const inside = await machine.run(['sync', 'mode'], { cwd: root });
    expect(inside.stdout).toContain('delivered to the Teamspace server');
    expect(inside.stdout).toContain('No receiver is named yet: `spec-kitty sync server --help`.');

    await machine.run(['sync', 'mode', 'LOCAL_RETENTION']);
    const offered = await machine.run(['sync', 'mode', '--json'], { cwd: root });
    expect(offered.json).toMatchObject({ mode: 'LOCAL_RETENTION', source: 'home' });
    await machine.run(['sync', 'mode', 'teamspace'], { cwd: root });
    const own = await machine.run(['sync', 'mode'], { cwd: root });
    expect(own.stdout).toContain('Event sync mode: TEAMSPACE (chosen for this project)');
  });

  it('sets the default of the machine outside of a project, and grants nothing', async () => {
    const machine = createMachine();
    const set = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'https://r.invalid/x'];
    const ended = await machine.run(set);
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
    expect(ended.stdout).toContain('It grants nothing');
    const config = readFileSync(path.join(machine.home, 'config.toml'), 'utf8');
    expect(config).toContain('mode = "external_receiver"');
    expect(config).toContain('external_endpoint = "https://r.invalid/x"');
    await machine.run(['sync', 'mode', 'TEAMSPACE']);
    expect(readFileSync(path.join(machine.home, 'config.toml'), 'utf8')).not.toContain('r.invalid');
  });

  it.each([
    [
      ['sideways'],
      'usage',
      1,
      "unknown sync mode 'sideways'; expected one of EXTERNAL_RECEIVER, LOCAL_RETENTION, OPT_OUT, TEAMSPACE",
    ],
    [['EXTERNAL_RECEIVER'], 'endpoint_missing', 1, 'needs --endpoint'],
    [['TEAMSPACE', '--endpoint', 'https://r.invalid'], 'usage', 2, 'goes with EXTERNAL_RECEIVER'],
    [['EXTERNAL_RECEIVER', '--endpoint', 'http://r.invalid'], 'insecure_url', 1, 'unprotected'],
    [['EXTERNAL_RECEIVER', '--endpoint', 'ftp://r.invalid'], 'invalid_url', 1, 'http'],
    [
      ['EXTERNAL_RECEIVER', '--endpoint', 'https://u:p@r.invalid'],
      'invalid_url',
      1,
      'user information',
    ],
    [['EXTERNAL_RECEIVER', '--endpoint', 'https://r.invalid?x=1'], 'invalid_url', 1, 'query'],
    [['EXTERNAL_RECEIVER', '--endpoint', 'stub:'], 'invalid_url', 1, 'file name'],
  ])('refuses %j inside and outside of a project', async (argv, code, exit, words) => {
    const machine = createMachine();
    const root = await machine.project('repo');
    for (const cwd of [root, machine.dir]) {
      const people = await machine.run(['sync', 'mode', ...argv], { cwd });
      expect(people).toMatchObject({ exit, stdout: '' });
      expect(people.stderr).toContain(words);
      const { json } = await machine.run(['sync', 'mode', ...argv, '--json'], { cwd });
      expect(json).toMatchObject({ error: { code }, exit_code: exit });
    }
    const mode = await machine.run(['sync', 'mode', '--json'], { cwd: root });
    expect(mode.json).toMatchObject({ mode: 'TEAMSPACE', source: 'default' });
  });

  it('sends plain http beyond this machine only when told to, and says so ever after', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const set = [
      'sync',
      'mode',
      'EXTERNAL_RECEIVER',
      '--endpoint',
      'http://r.invalid',
      '--allow-http',
    ];
    expect((await machine.run(set, { cwd: root })).exit).toBe(0);
    const targets = await machine.run(['sync', 'targets'], { cwd: root });
    expect(targets.stdout).toMatch(
      /^\* http:\/\/r\.invalid {2}external {2}granted {2}plain http {2}tgt_/,
    );
    const status = await machine.run(['sync', 'status'], { cwd: root });
    expect(status.stdout).toContain('(active, plain http)');
  });

  it('keeps the headers of a receiver until they are replaced or forgotten', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const name = async (url: string, ...more: readonly string[]): Promise<unknown> => {
      const set = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url, '--json', ...more];
      return (await machine.run(set, { cwd: root })).json['headers'];
    };
    const a = 'https://a.invalid';
    const key = [{ name: 'X-Key', variable: 'A_KEY' }];
    expect(await name(a, '--header-env', 'X-Key=A_KEY')).toEqual(key);
    expect(await name('https://b.invalid')).toEqual([]);
    expect(await name(a)).toEqual(key);
    const shown = await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', a], {
      cwd: root,
    });
    expect(shown.stdout).toContain('Sends the header X-Key from the variable A_KEY.');
    const both = ['--header-env', 'X-Key=B_KEY', '--header-env', 'X-Other=C'];
    expect(await name(a, ...both)).toHaveLength(2);
    expect(await name(a, '--no-headers')).toEqual([]);
    expect(await name(a)).toEqual([]);
  });

  it('sends nothing when the stored word is no mode of ours', async () => {
    const machine = createMachine();
    const server = await recordingServer((request) => answerAll(request));
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url], at);
    openStoreOf(machine, root).exec("UPDATE active SET mode = 'HOSTED_ANYWAY'");
    const shown = await machine.run(['sync', 'mode'], at);
    expect(shown).toMatchObject({ exit: 1, stderr: '' });
    expect(shown.stdout).toContain('nothing is sent');
    const named = await machine.run(['sync', 'now', '--target', server.url], at);
    expect(named.stderr).toContain('the mode (unknown) sends nothing, whichever target is named');
    const now = await machine.run(['sync', 'now'], at);
    expect(now).toMatchObject({ exit: 1, stdout: '' });
    expect(now.stderr).toContain('nothing is sent');
    expect((await machine.run(['sync', 'status'], at)).stdout).toContain(
      'unknown; nothing is sent',
    );
    expect(server.requests).toEqual([]);
  });
});

describe('sync server', () => {
  it('shows and sets the default of the machine outside of a project', async () => {
    const machine = createMachine();
    const unset = await machine.run(['sync', 'server']);
    expect(unset.stdout).toBe(
      `Server URL: <unset>\nConfig File: ${path.join(machine.home, 'config.toml')}\n`,
    );
    const set = await machine.run(['sync', 'server', ' HTTPS://Kitty.Example/ ']);
    expect(set).toMatchObject({ exit: 0, stderr: '' });
    expect(set.stdout).toContain('✓ Sync server set to https://kitty.example\n');
    expect((await machine.run(['sync', 'server'])).stdout).toContain(
      'Server URL: https://kitty.example\n',
    );
  });

  it('keeps what else is in the configuration, and its comments', async () => {
    const machine = createMachine();
    await machine.run(['sync', 'server', 'https://a.invalid']);
    const file = path.join(machine.home, 'config.toml');
    writeFileSync(file, `# mine\n[other]\nkey = "kept" # really\n\n${readFileSync(file, 'utf8')}`);
    await machine.run(['sync', 'server', 'https://b.invalid']);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# mine\n[other]\nkey = "kept" # really\n');
    expect(text).toContain('server_url = "https://b.invalid"');
  });

  it('gives a project its server and the permission to send there', async () => {
    const machine = createMachine();
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    await machine.run(['sync', 'import'], { cwd: root });
    const set = await machine.run(['sync', 'server', 'https://kitty.example'], { cwd: root });
    expect(set.stdout).toContain('✓ Sync server set to https://kitty.example for this project');
    expect(set.stdout).toContain('It covers 21 retained event(s), recorded since ');
    const { json } = await machine.run(['sync', 'targets', '--json'], { cwd: root });
    expect(json).toMatchObject({
      targets: [
        { canonical_url: 'https://kitty.example', kind: 'teamspace', active: true, granted: true },
      ],
    });
    const other = await machine.project('other');
    expect((await machine.run(['sync', 'targets'], { cwd: other })).stdout).toBe(
      'This project never named a target.\n',
    );
  });

  it('says that another target stays the active one', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const at = { cwd: root };
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'https://r.invalid'], at);
    const set = await machine.run(['sync', 'server', 'https://kitty.example'], at);
    expect(set.stdout).toContain(
      'The active target of this project is another one and stays: https://r.invalid',
    );
    await machine.run(['sync', 'mode', 'TEAMSPACE'], at);
    const opted = await machine.run(['sync', 'opt-in'], at);
    expect(opted.stdout).toContain('may be sent to https://kitty.example');
  });

  it.each(['http://kitty.example', 'kitty.example', 'stub:x.ndjson', 'https://u@kitty.example'])(
    'refuses %s inside and outside of a project',
    async (url) => {
      const machine = createMachine();
      const root = await machine.project('repo');
      for (const cwd of [root, machine.dir]) {
        const ended = await machine.run(['sync', 'server', url], { cwd });
        expect(ended).toMatchObject({ exit: 1, stdout: '' });
        expect(ended.stderr).toMatch(/^Error: /);
      }
      expect((await machine.run(['sync', 'server'])).stdout).toContain('<unset>');
    },
  );
});

describe('sync opt-in and opt-out', () => {
  it('need a target', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const opted = await machine.run(['sync', 'opt-in', '--json'], { cwd: root });
    expect(opted.json).toMatchObject({ error: { code: 'target_unresolved' }, exit_code: 5 });
    const out = await machine.run(['sync', 'opt-out'], { cwd: root });
    expect(out).toMatchObject({ exit: 0, stderr: '' });
    expect(out.stdout).toContain('This project had no permission to send.');
    await machine.run(['sync', 'mode', 'LOCAL_RETENTION'], { cwd: root });
    const local = await machine.run(['sync', 'opt-in', '--json'], { cwd: root });
    expect(local.json).toMatchObject({ error: { code: 'mode_unavailable' } });
  });

  it('can mean one target of several', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const at = { cwd: root };
    for (const url of ['https://a.invalid', 'https://b.invalid/inbox']) {
      await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url], at);
    }
    const out = await machine.run(
      ['sync', 'opt-out', '--target', 'https://A.invalid/', '--json'],
      at,
    );
    expect(out.json).toMatchObject({ withdrawn: [{ canonical_url: 'https://a.invalid' }] });
    const granted = async (): Promise<unknown> => {
      const { json } = await machine.run(['sync', 'targets', '--json'], at);
      return (json['targets'] as { granted: boolean }[]).map((each) => each.granted);
    };
    expect(await granted()).toEqual([false, true]);
    await machine.run(['sync', 'opt-out'], at);
    const back = await machine.run(['sync', 'opt-in', '--target', 'https://a.invalid'], at);
    expect(back.stdout).toContain('may be sent to https://a.invalid');
    expect(back.stdout).toMatch(/send with `spec-kitty sync now --target tgt_\w+`/);
    expect(await granted()).toEqual([true, false]);
    const mode = await machine.run(['sync', 'mode', '--json'], at);
    expect(mode.json).toMatchObject({ canonical_url: 'https://b.invalid/inbox', granted: false });
  });
});
