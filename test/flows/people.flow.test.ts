import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/table.ts';
import { filesBelow, formsFound } from '../support/canary.ts';
import { createMachine, type Ended, type Machine } from '../support/command-line.ts';
import { PASSWORD } from '../support/login-trial.ts';
import { envelope, PROJECT } from '../support/receiver-trial.ts';

const ANN = 'ann@kitty.example';
const BEN = 'ben@kitty.example';
const FORM = 'application/x-www-form-urlencoded';

interface Serving {
  readonly url: string;
  readonly stop: () => Promise<Ended>;
}

async function serve(machine: Machine): Promise<Serving> {
  const stopping = new AbortController();
  const running = machine.run(['receiver', 'serve', '--port', '0', '--ready-file', 'ready.json'], {
    signal: stopping.signal,
  });
  const ready = path.join(machine.dir, 'ready.json');
  await expect.poll(() => existsSync(ready), { timeout: 10_000 }).toBe(true);
  const { url } = JSON.parse(readFileSync(ready, 'utf8')) as { url: string };
  return {
    url,
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

async function submit(url: string, fields: Readonly<Record<string, string>>, cookie = '') {
  return fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': FORM, origin: new URL(url).origin, cookie },
    body: new URLSearchParams(fields).toString(),
  });
}

async function json(response: Promise<Response>): Promise<Readonly<Record<string, string>>> {
  return (await (await response).json()) as Readonly<Record<string, string>>;
}

async function send(url: string, token: string, number: number): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/events/batch/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      authorization: `Bearer ${token}`,
    },
    body: new Uint8Array(
      gzipSync(Buffer.concat([Buffer.from('{"events":['), envelope(number), Buffer.from(']}')])),
    ),
  });
  const body = (await response.json()) as { results?: readonly { status: string }[] };
  return body.results?.[0]?.status ?? response.status;
}

/** Logs in, lets a device in, sends and logs out. @returns every secret that was in use. */
async function work(url: string, token: string): Promise<readonly string[]> {
  const login = await json(
    fetch(`${url}/api/v1/token/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: ANN, password: PASSWORD, team: 'harbour' }),
    }),
  );
  expect(await send(url, login['access'] ?? '', 1)).toBe('success');
  expect(await send(url, token, 2)).toBe('success');
  const device = await json(submit(`${url}/oauth/device`, { client_id: 'cli_native' }));
  const entered = await submit(`${url}/login`, { username: ANN, password: PASSWORD });
  const [cookie = ''] = (entered.headers.get('set-cookie') ?? '').split(';');
  const page = await (await fetch(`${url}/device`, { headers: { cookie } })).text();
  const decided = await submit(
    `${url}/device`,
    {
      form_key: /name="form_key" value="(\w+)"/.exec(page)?.[1] ?? '',
      user_code: device['user_code'] ?? '',
      team: 'harbour',
      decision: 'approve',
    },
    cookie,
  );
  expect(decided.status).toBe(200);
  const exchange = (fields: Readonly<Record<string, string>>) =>
    json(submit(`${url}/oauth/token`, { client_id: 'cli_native', ...fields }));
  const granted = await exchange({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: device['device_code'] ?? '',
  });
  const next = await exchange({
    grant_type: 'refresh_token',
    refresh_token: granted['refresh_token'] ?? '',
  });
  const wrong = `${login['access']}x`;
  expect(await send(url, wrong, 3)).toBe(401);
  expect(
    await json(submit(`${url}/oauth/revoke`, { token: next['refresh_token'] ?? '' })),
  ).toMatchObject({ revoked: true });
  const secrets = [
    PASSWORD,
    token,
    login['access'],
    login['refresh'],
    device['device_code'],
    cookie.replace(/^\w+=/, ''),
    granted['access_token'],
    granted['refresh_token'],
    next['access_token'],
    next['refresh_token'],
  ];
  return secrets.map((secret) => {
    expect(secret).toMatch(/^.{20,}$/);
    return secret ?? '';
  });
}

it('goes from a first account to a team at work, and keeps no secret anywhere', async () => {
  const machine = createMachine();
  const shown: string[] = [];
  const run = async (...argv: readonly string[]): Promise<Ended> => {
    const ended = await machine.run(argv);
    expect([argv, ended.exit, ended.stderr]).toEqual([argv, 0, '']);
    return ended;
  };
  const serving = await serve(machine);
  const { url } = serving;
  const invited = await run('receiver', 'user', 'add', ANN, '--name', 'Ann', '--url', `${url}/`);
  const [link = ''] = invited.stdout.split('\n');
  expect(link.startsWith(`${url}/setup?code=skl_`)).toBe(true);
  const code = new URL(link).searchParams.get('code') ?? '';
  expect(await (await fetch(link)).text()).toContain('Choose a password');
  expect((await submit(`${url}/setup`, { code, password: PASSWORD })).status).toBe(200);
  shown.push((await run('receiver', 'team', 'create', 'harbour', '--owner', ANN)).stdout);
  const made = await run(
    'receiver',
    'token',
    'create',
    '--team',
    'harbour',
    '--project',
    PROJECT,
    '--expires-days',
    '30',
    '--json',
  );
  const token = String(made.json['token']);

  const secrets = [code, ...(await work(url, token))];

  for (const line of [
    ['user', 'list'],
    ['team', 'list'],
    ['token', 'list', '--team', 'harbour'],
    ['project', 'list', '--team', 'harbour'],
    ['ls', '--team', 'harbour'],
    ['key', 'rotate'],
    ['token', 'revoke', String(made.json['id'])],
    ['audit'],
    ['audit', '--json'],
  ]) {
    shown.push((await run('receiver', ...line)).stdout);
  }
  const text = shown.join('\n');
  expect(text).toContain(`${PROJECT}  claimed `);
  expect(text).toMatch(/valid until \d{4}-/);
  expect(text).toContain('✓ The chain holds');
  for (const action of [
    'login.succeeded',
    'device.approved',
    'token.created',
    'token.revoked',
    'member.set',
    'session.ended',
    'key.rotated',
    'password.set',
  ]) {
    expect(text).toContain(action);
  }
  expect(await send(url, token, 4)).toBe(401);
  const files = filesBelow(machine.dir);
  expect([...files.keys()]).toContain('receiver.db');
  const ended = await serving.stop();
  const places = new Map([
    ...files,
    ...filesBelow(machine.dir),
    ['printed', Buffer.from(text)],
    ['log', Buffer.from(ended.stderr + ended.stdout)],
  ]);
  expect(ended.stderr.split('\n').length).toBeGreaterThan(4);
  const found = secrets.flatMap((secret) =>
    [...places].flatMap(([place, bytes]) =>
      formsFound(secret, bytes).map((form) => `${place}: ${form} of ${secret}`),
    ),
  );
  expect(found).toEqual([]);
});

it('would find a secret in each of its forms', () => {
  const secret = 'skr_0123456789abcdef-_0123456789';
  const forms = [
    secret,
    Buffer.from(`x${secret}`).toString('base64'),
    Buffer.from(`xy ${secret}`).toString('base64url'),
    Buffer.from(secret).toString('hex'),
  ];
  for (const form of forms) {
    expect(formsFound(secret, Buffer.from(`before ${form} behind`))).not.toEqual([]);
    const packed = Buffer.concat([
      Buffer.from('before'),
      gzipSync(`before ${form}`),
      Buffer.from('behind'),
    ]);
    expect(formsFound(secret, packed)).not.toEqual([]);
  }
});

it('takes no secret on the command line', () => {
  const flags = COMMANDS.flatMap(({ options = [] }) => options.map((each) => each.flags));
  expect(
    flags.filter((each) => /^--(?:password|token|secret|refresh)(?!-env)\b.*</.test(each)),
  ).toEqual([]);
});

it('shows whoever starts it for the first time how to make an account, and only them', async () => {
  const machine = createMachine();
  const first = await serve(machine);
  expect((await fetch(`${first.url}/setup?code=skl_guess`)).status).toBe(404);
  const { stdout } = await first.stop();
  const code =
    /First account, once and within an hour: http:\S+\/setup\?code=(skl_\S+)\n/.exec(stdout)?.[1] ??
    '';
  expect(code).not.toBe('');
  const again = await serve(machine);
  const stale = await submit(`${again.url}/setup`, { code, email: ANN, password: PASSWORD });
  expect(stale.status).toBe(404);
  await again.stop();
  await machine.run(['receiver', 'user', 'add', ANN]);
  const known = await serve(machine);
  expect((await known.stop()).stdout).not.toContain('First account');
});

it('refuses what makes no sense, in words that help', async () => {
  const machine = createMachine();
  const failing = async (...argv: readonly string[]): Promise<unknown> => {
    const { exit, json: body } = await machine.run(['receiver', ...argv, '--json']);
    return [exit, (body['error'] as { code: string }).code];
  };
  expect(await failing('user', 'list')).toMatchObject([1, 'not_found']);
  expect((await machine.run(['receiver', 'user', 'add', ANN])).exit).toBe(0);
  expect((await machine.run(['receiver', 'user', 'add', BEN])).exit).toBe(0);
  expect((await machine.run(['receiver', 'team', 'create', 'harbour', '--owner', ANN])).exit).toBe(
    0,
  );
  expect((await machine.run(['receiver', 'team', 'add', 'harbour', BEN])).exit).toBe(0);
  expect(await failing('user', 'add', 'ann')).toMatchObject([2, 'usage']);
  expect(await failing('user', 'add', ANN)).toMatchObject([2, 'usage']);
  expect(await failing('user', 'disable', 'x@y')).toMatchObject([1, 'not_found']);
  expect(await failing('team', 'create', 'Harbour')).toMatchObject([2, 'usage']);
  expect(await failing('team', 'create', 'harbour')).toMatchObject([2, 'usage']);
  expect(await failing('team', 'add', 'none', BEN)).toMatchObject([1, 'not_found']);
  expect(await failing('team', 'add', 'harbour', BEN, '--role', 'king')).toMatchObject([
    2,
    'usage',
  ]);
  expect(await failing('team', 'add', ANN, BEN)).toMatchObject([2, 'usage']);
  expect(await failing('team', 'remove', 'harbour', ANN)).toEqual([2, 'usage']);
  expect(await failing('team', 'add', 'harbour', ANN, '--role', 'member')).toMatchObject([
    2,
    'usage',
  ]);
  expect((await machine.run(['receiver', 'team', 'remove', 'harbour', BEN])).exit).toBe(0);
  expect(await failing('team', 'remove', 'harbour', BEN)).toMatchObject([1, 'not_found']);
  expect(await failing('token', 'create', '--all', '--team', 'none')).toMatchObject([
    1,
    'not_found',
  ]);
  expect(await failing('serve', '--public-url', 'kitty.example')).toMatchObject([2, 'usage']);
  const disabled = await machine.run(['receiver', 'user', 'disable', BEN]);
  expect(disabled.stdout).toContain('can no longer log in');
  expect((await machine.run(['receiver', 'user', 'list'])).stdout).toContain(
    `${BEN}  ${BEN}  disabled`,
  );
  expect((await machine.run(['receiver', 'user', 'enable', BEN])).exit).toBe(0);
  expect((await machine.run(['receiver', 'user', 'invite', BEN])).stdout).toMatch(
    /^http:\/\/127\.0\.0\.1:8765\/setup\?code=skl_/,
  );
  expect((await machine.run(['receiver', 'project', 'list', '--json'])).json).toEqual({
    projects: [],
  });
});
