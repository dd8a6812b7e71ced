import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Keyring } from '../../src/home/index.ts';
import { createMachine, type CommandOptions, type Machine } from '../support/command-line.ts';
import {
  ANN,
  BOB,
  loginServer,
  type Account,
  type LoginServerOptions,
} from '../support/login-server.ts';
import { addPeople, confirmDevice, PASSWORD } from '../support/people.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { recordingServer } from '../support/recording-server.ts';
import { balancedBooks } from '../support/store-view.ts';

const ENABLED = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
const EMAIL = 'ann@kitty.example';
const PAYLOAD = '{"error_type":"network","error_message":"offline"}';

async function emit(machine: Machine, cwd: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const ended = await machine.run(['emit', 'ErrorLogged', '--payload', PAYLOAD], { cwd });
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
  }
}

/** A keyring in memory, which every home of a test shares. */
function memoryKeyring(): { readonly keyring: Keyring; readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  const keyring: Keyring = {
    read: (account) => kept.get(account) ?? null,
    write: (account, secret) => {
      kept.set(account, secret);
    },
    remove: (account) => {
      kept.delete(account);
    },
  };
  return { keyring, kept };
}

describe('offline and logged out, then two servers in turn', () => {
  it('loses nothing, sends nothing early and says why', async () => {
    const machine = createMachine();
    const [a, b] = [await realReceiver(), await realReceiver()];
    for (const receiver of [a, b]) await addPeople(receiver, EMAIL);
    const root = await machine.project('repo');
    const at = { cwd: root, env: ENABLED };
    await emit(machine, root, 3);
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(5);
    await machine.run(['sync', 'server', a.url], at);
    const out = await machine.run(['sync', 'now'], at);
    expect(out).toMatchObject({ exit: 4 });
    expect(out.stdout).toContain('Event sync gated: missing_auth');
    expect(out.stderr).toContain('logged_out_on_connected_teamspace teamspace=repo');
    const status = await machine.run(['sync', 'status'], at);
    expect(status.stdout).toContain('blocked: missing_auth');
    expect(status.stdout).toMatch(/Auth\s+Not authenticated/);
    expect(await held(a)).toEqual([]);

    const login = await logInByPassword(machine, a.url, ['--claim']);
    expect(login.json).toMatchObject({ user: EMAIL, claimed: 1, checked: true });
    const open = await machine.run(['sync', 'status'], at);
    expect(open.stdout).not.toContain('blocked:');
    expect(open.stdout).toMatch(/Auth\s+Authenticated/);
    expect((await machine.run(['sync', 'now', '--json'], at)).json).toMatchObject({
      ...{ delivered: 3, all_delivered: true, exit_code: 0 },
    });
    expect(await held(a)).toHaveLength(3);

    await logInByPassword(machine, b.url);
    await machine.run(['sync', 'server', b.url], at);
    expect((await machine.run(['sync', 'now', '--json'], at)).json).toMatchObject({ delivered: 3 });
    expect(await held(b)).toEqual(await held(a));
    await machine.run(['sync', 'server', a.url], at);
    const back = await machine.run(['sync', 'now', '--json'], at);
    expect(back.json).toMatchObject({ selected: 0, delivered: 0, all_delivered: true });
    await balancedBooks(machine, root);
  });
});

describe.each(['a file', 'a keyring'])('a login kept in %s', (where) => {
  const shared = memoryKeyring();
  const options: CommandOptions =
    where === 'a file' ? {} : { keyring: () => Promise.resolve(shared.keyring) };

  it('by password and by code delivers to our own receiver, says who it is, and ends', async () => {
    const receiver = await realReceiver();
    await addPeople(receiver, EMAIL);
    for (const way of ['password', 'device'] as const) {
      const machine = createMachine();
      const root = await machine.project('repo');
      const at = { ...options, cwd: root, env: ENABLED };
      const named = ['--server', receiver.url];
      const login =
        way === 'password'
          ? await logInByPassword(machine, receiver.url, [], options)
          : await logInByCode(machine, receiver, options);
      expect(login).toMatchObject({ exit: 0 });
      expect(login.json).toMatchObject({ user: EMAIL, auth_method: way });
      const file = path.join(machine.home, 'session.json');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(/"token"/.test(readFileSync(file, 'utf8'))).toBe(where === 'a file');
      expect(shared.kept.size > 0).toBe(where === 'a keyring');

      await machine.run(['sync', 'server', receiver.url], at);
      await emit(machine, root, 2);
      const now = await machine.run(['sync', 'now', '--json'], at);
      expect(now.json).toMatchObject({ delivered: 2, exit_code: 0 });
      const status = await machine.run(['auth', 'status', ...named], at);
      expect(status.stdout).toContain('+ Authenticated');
      expect(status.stdout).toContain(
        where === 'a file'
          ? `${machine.home}/session.json (readable`
          : 'the keyring of this machine',
      );
      expect(status.stdout).toContain('(private, default)');
      expect((await machine.run(['auth', 'whoami', ...named], at)).stdout).toBe(`${EMAIL}\n`);
      const again = await machine.run(['auth', 'login', ...named], at);
      expect(again.stdout).toContain(`+ Already logged in as ${EMAIL}`);

      const end = await machine.run(['auth', 'logout', ...named], at);
      expect(end.stdout).toBe('✓ Server revocation confirmed.\n+ Logged out.\n');
      expect((await machine.run(['auth', 'logout', ...named], at)).stdout).toBe('Not logged in.\n');
      expect((await machine.run(['auth', 'whoami', ...named], at)).exit).toBe(1);
      expect((await machine.run(['auth', 'status', ...named, '--json'], at)).json).toMatchObject({
        authenticated: false,
      });
      expect([...shared.kept.keys()]).toEqual([]);
      expect((await machine.run(['sync', 'now'], at)).exit).toBe(4);
    }
  });

  it('by a machine token', async () => {
    const receiver = await realReceiver();
    const machine = createMachine();
    const token = await machine.run([
      ...['receiver', 'token', 'create', '--all', '--db', receiver.file, '--json'],
    ]);
    const argv = ['auth', 'login', '--server', receiver.url, '--token-stdin'];
    const login = await machine.run(argv, { ...options, input: String(token.json['token']) });
    expect(login.stdout).toContain(
      where === 'a file' ? `in ${machine.home}` : 'in the keyring of this machine',
    );
    const end = await machine.run(['auth', 'logout', '--server', receiver.url], options);
    expect(end.stdout).toContain('stays valid until its receiver revokes it');
  });
});

describe('a person at a terminal', () => {
  it('is asked for a password where the server offers no code, unseen', async () => {
    const server = await loginServer({ offersDevice: false });
    const machine = createMachine();
    const answer = (question: string): string =>
      question.startsWith('Username') ? ANN.username : ANN.password;
    const login = await machine.run(['auth', 'login', '--server', server.url], { answer });
    expect(login).toMatchObject({ exit: 0 });
    expect(login.stdout).toContain(`+ Authenticated as ${ANN.email}`);
    expect(login.stdout).toContain('Default team: Ann [Private Teamspace]');
    expect(login.stdout + login.stderr).not.toContain(ANN.password);
  });

  it('may log in when sync now finds nobody logged in', async () => {
    const server = await loginServer({
      pending: ['authorization_pending', 'slow_down'].slice(0, 1),
    });
    const machine = createMachine();
    const root = await machine.project('repo');
    await machine.run(['sync', 'server', server.url], { cwd: root });
    await emit(machine, root, 1);
    const at = { cwd: root, env: ENABLED };
    for (const word of ['s', 'q', '?']) {
      const skipped = await machine.run(['sync', 'now'], { ...at, answer: word });
      expect(skipped).toMatchObject({ exit: 4 });
      expect(skipped.stderr).toContain('[L]ogin / [S]kip / [Q]uit: ');
    }
    const answer = (question: string): string => (question.includes('[L]ogin') ? 'L' : 'y');
    const now = await machine.run(['sync', 'now'], { ...at, answer });
    expect(now.stderr).toContain('Code:   ABCD-1234');
    expect(now).toMatchObject({ exit: 0 });
    expect(server.batches()).toHaveLength(1);
  });

  it('learns why nobody was logged in, and nothing is kept', async () => {
    const cases: readonly (readonly [LoginServerOptions, readonly string[], string])[] = [
      [{ pending: ['access_denied', 'access_denied'] }, ['--headless'], 'access_denied'],
      [{ pending: ['expired_token', 'expired_token'] }, ['--headless'], 'expired_token'],
      [{ offersDevice: false }, ['--headless'], 'does not offer a login by code'],
      [{}, ['--username', 'eve', '--password-stdin'], 'refuses this name and password'],
      [
        { instead: () => ({ status: 503 }) },
        ['--username', 'a', '--password-stdin'],
        'unavailable',
      ],
      [{ instead: () => null }, ['--username', 'a', '--password-stdin'], 'cannot reach'],
      [
        { accounts: [{ ...ANN, teams: [] }] },
        ['--username', 'ann', '--password-stdin'],
        'belongs to no team',
      ],
    ];
    for (const [options, argv, text] of cases) {
      const server = await loginServer(options);
      const machine = createMachine();
      const argvs = ['auth', 'login', '--server', server.url, ...argv];
      const ended = await machine.run(argvs, { input: ANN.password });
      expect([ended.exit, ended.stderr]).toEqual([1, expect.stringContaining(text)]);
      expect(existsSync(path.join(machine.home, 'session.json'))).toBe(false);
      const json = await machine.run([...argvs, '--json'], { input: ANN.password });
      expect(json.json).toMatchObject({ error: {}, exit_code: 1 });
    }
  });
});

describe('another account', () => {
  it('gets nothing of what was permitted to the one before, by no command', async () => {
    const server = await loginServer();
    const machine = createMachine();
    const root = await machine.project('repo');
    const at = { cwd: root, env: ENABLED };
    await logInByPassword(machine, server.url, [], { as: ANN });
    await machine.run(['sync', 'server', server.url], at);
    await emit(machine, root, 2);
    const switched = await logInByPassword(machine, server.url, ['--claim'], { as: BOB });
    expect(switched.json).toMatchObject({ user: BOB.email, claimed: 0, others: 1 });
    const target = String(
      (
        (await machine.run(['sync', 'targets', '--json'], at)).json['targets'] as {
          target_id: string;
        }[]
      )[0]?.target_id,
    );
    for (const more of [[], ['--all'], ['--target', target]]) {
      expect((await machine.run(['sync', 'now', ...more], at)).exit).not.toBe(0);
    }
    expect(server.batches()).toEqual([]);
    await machine.run(['sync', 'opt-in'], at);
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
    expect(server.batches()).toHaveLength(1);
    await balancedBooks(machine, root);
  });
});

describe('a login without a private team', () => {
  it('sends nothing to a shared one, and goes on once it has its own', async () => {
    const shared = [{ id: 'team-crew', name: 'Crew', role: 'member' }];
    const server = await loginServer({ accounts: [{ ...ANN, teams: shared }] });
    const machine = createMachine();
    const root = await machine.project('repo');
    const at = { cwd: root, env: ENABLED };
    await machine.run(['sync', 'server', server.url], at);
    await emit(machine, root, 1);
    await logInByPassword(machine, server.url, ['--claim'], { as: ANN });
    const gated = await machine.run(['sync', 'now'], at);
    expect(gated.stdout).toContain('Event sync gated: private_teamspace_gate');
    expect((await machine.run(['sync', 'status'], at)).stdout).toContain('private_teamspace_gate');
    const asked = server.requests.filter(({ path: at_ }) => at_ === '/api/v1/me').length;
    expect(asked).toBe(2);
    server.setTeams(ANN.teams);
    const claim = await machine.run(['sync', 'now'], at);
    expect(claim.stdout).toContain('is not claimed yet');
    const claimed = ['auth', 'login', '--server', server.url, '--claim'];
    expect((await machine.run(claimed)).exit).toBe(0);
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
  });
});

describe('a login for a shared team', () => {
  it('is kept under its name and sends nothing', async () => {
    const server = await loginServer({
      instead: ({ path: at }) => {
        if (at !== '/api/v1/me') return undefined;
        const body = { user_id: 7, email: ANN.email, teams: ANN.teams, team_id: 'team-crew' };
        return { status: 200, body: JSON.stringify(body) };
      },
    });
    const machine = createMachine();
    const root = await machine.project('repo');
    const login = await logInByPassword(machine, server.url, [], { as: ANN });
    expect(login.json).toMatchObject({ user: ANN.email, team: null });
    await machine.run(['sync', 'server', server.url], { cwd: root });
    await emit(machine, root, 1);
    const now = await machine.run(['sync', 'now'], { cwd: root, env: ENABLED });
    expect(now.stdout).toContain('private_teamspace_gate');
    expect(server.batches()).toEqual([]);
  });
});

describe('no credential and no byte', () => {
  it('goes where a checkout, a redirect or another origin would have it', async () => {
    const evil = await recordingServer(() => ({ status: 200, body: '{}' }));
    const server = await loginServer();
    const machine = createMachine();
    const root = await machine.project('repo');
    const config = `[sync]\nserver_url = "${evil.url}"\n[server]\nurl = "${evil.url}"\n`;
    for (const file of ['config.toml', 'credentials', '.env', 'session.json']) {
      writeFileSync(path.join(root, '.kittify', file), config);
      writeFileSync(path.join(root, file), `SPEC_KITTY_SAAS_URL=${evil.url}\n${config}`);
    }
    const at = { cwd: root, env: ENABLED };
    await logInByPassword(machine, server.url, [], { ...at, as: ANN });
    for (const argv of [
      ['auth', 'login', '--username', 'ann', '--password-stdin'],
      ['auth', 'status'],
      ['auth', 'whoami'],
      ['auth', 'logout'],
      ['sync', 'now'],
      ['sync', 'status', '--check'],
    ]) {
      await machine.run(argv, { ...at, input: ANN.password });
    }
    expect(evil.requests).toEqual([]);

    const redirecting = await recordingServer(({ path: at_ }) => ({
      status: 307,
      headers: { location: `${evil.url}${at_}` },
    }));
    for (const argv of [
      ['--username', 'ann', '--password-stdin'],
      ['--headless'],
      ['--token-stdin'],
    ]) {
      const login = ['auth', 'login', '--server', redirecting.url, ...argv];
      await machine.run(login, { ...at, input: ANN.password.replace(' ', '') });
    }
    const other = await recordingServer(() => ({ status: 404 }));
    await machine.run(['sync', 'server', other.url], at);
    await emit(machine, root, 1);
    await machine.run(['sync', 'now'], at);
    expect(evil.requests).toEqual([]);
    expect(other.requests.every(({ headers }) => headers['authorization'] === undefined)).toBe(
      true,
    );
    expect(other.batches()).toEqual([]);
  });
});

describe('no secret', () => {
  it('is in any output, file or database but the one that keeps it', async () => {
    const server = await loginServer();
    const machine = createMachine();
    const root = await machine.project('repo');
    const at = { cwd: root, env: ENABLED };
    const said: string[] = [];
    const note = async (argv: readonly string[], more: CommandOptions = {}): Promise<void> => {
      for (const form of [[], ['--json']]) {
        const { stdout, stderr } = await machine.run([...argv, ...form], { ...at, ...more });
        said.push(stdout, stderr);
      }
    };
    await logInByPassword(machine, server.url, ['--json'], { as: ANN });
    await note(['sync', 'server', server.url]);
    await emit(machine, root, 1);
    for (const upset of [
      () => {},
      () => {
        server.expireAccess();
      },
      () => {
        server.endLogins();
      },
    ]) {
      upset();
      for (const argv of [
        ['sync', 'now'],
        ['sync', 'status', '--check'],
        ['auth', 'status'],
        ['auth', 'whoami'],
        ['auth', 'login'],
        ['sync', 'diagnose'],
        ['auth', 'login', '--username', 'eve', '--password-stdin'],
      ]) {
        await note(argv, { input: ANN.password });
        await emit(machine, root, 1);
      }
    }
    await note(['auth', 'logout']);
    const files = readdirSync(machine.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)).toString('latin1'));
    expect(server.secrets.length).toBeGreaterThan(3);
    for (const secret of [...server.secrets, ANN.password]) {
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64'),
        encodeURIComponent(secret),
      ]) {
        expect(said.join('\n')).not.toContain(form);
        expect(files.filter((text) => text.includes(form))).toEqual([]);
      }
      const packed = gzipSync(secret).subarray(10, -8).toString('latin1');
      expect(files.filter((text) => text.includes(packed))).toEqual([]);
    }
  });
});

/** Every event that a receiver holds, whichever team it is of. */
function held({ store }: RealReceiver): Promise<readonly unknown[]> {
  return store.driver.all('SELECT event_id, sha256 FROM events ORDER BY event_id', []);
}

/** Ann of the real receivers where nobody else is named. */
function logInByPassword(
  machine: Machine,
  url: string,
  more: readonly string[] = [],
  options: CommandOptions & { readonly as?: Pick<Account, 'username' | 'password'> } = {},
): ReturnType<Machine['run']> {
  const { as: account = { username: EMAIL, password: PASSWORD }, ...rest } = options;
  const argv = ['auth', 'login', '--server', url, '--username', account.username];
  return machine.run([...argv, '--password-stdin', '--json', ...more], {
    ...rest,
    input: `${account.password}\n`,
  });
}

async function logInByCode(
  machine: Machine,
  receiver: RealReceiver,
  options: CommandOptions,
): ReturnType<Machine['run']> {
  const argv = ['auth', 'login', '--server', receiver.url, '--headless', '--json'];
  return machine.run(argv, {
    ...options,
    onStderr: (text) => {
      const code = /^Code:\s+(\S+)/.exec(text)?.[1];
      if (code !== undefined) void confirmDevice(receiver, EMAIL, code);
    },
  });
}
