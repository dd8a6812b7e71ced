import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Http, HttpReply } from '../../src/home/index.ts';
import { createMachine, EXAMPLE_MISSIONS, type Machine } from '../support/command-line.ts';

const ENV = 'https://env.invalid';
const CONFIG = 'https://config.invalid';
const PROJECT = 'https://project.invalid';
const FLAG = 'https://flag.invalid';

/** A network that answers everything itself and remembers where each request went, and with what login. */
function proxy(): {
  readonly http: Http;
  readonly seen: { origin: string; login: string | null }[];
} {
  const seen: { origin: string; login: string | null }[] = [];
  const http: Http = {
    send: ({ url, headers, method }) => {
      seen.push({ origin: new URL(url).origin, login: headers['authorization'] ?? null });
      const reply: HttpReply = {
        kind: 'response',
        status: method === 'GET' ? 404 : 503,
        headers: {},
        body: Buffer.alloc(0),
      };
      return Promise.resolve(reply);
    },
    close: () => {},
  };
  return { http, seen };
}

describe('every request of a process goes to the one resolved server', () => {
  const cases: readonly {
    readonly env: string | null;
    readonly config: string | null;
    readonly project: string | null;
    readonly resolved: string | null;
    readonly override: string;
  }[] = [
    { env: null, config: null, project: null, resolved: null, override: 'none' },
    { env: null, config: CONFIG, project: null, resolved: CONFIG, override: 'none' },
    { env: null, config: null, project: PROJECT, resolved: PROJECT, override: 'none' },
    { env: null, config: CONFIG, project: PROJECT, resolved: PROJECT, override: 'none' },
    { env: ENV, config: null, project: null, resolved: ENV, override: 'none' },
    { env: ENV, config: CONFIG, project: null, resolved: ENV, override: 'process_override' },
    { env: ENV, config: null, project: PROJECT, resolved: ENV, override: 'process_override' },
    { env: ENV, config: CONFIG, project: PROJECT, resolved: ENV, override: 'process_override' },
    { env: CONFIG, config: CONFIG, project: null, resolved: CONFIG, override: 'none' },
  ];
  it.each(cases)('env $env, config $config, project $project → $resolved', async (given) => {
    const machine = createMachine();
    const { http, seen } = proxy();
    const root = await machine.project('repo', EXAMPLE_MISSIONS);
    const at = { cwd: root, http };
    if (given.config !== null) await machine.run(['sync', 'server', given.config], { http });
    if (given.project !== null) await machine.run(['sync', 'server', given.project], at);
    for (const server of [ENV, CONFIG, PROJECT]) await logIn(machine, server);
    const env = {
      SPEC_KITTY_ENABLE_SAAS_SYNC: '1',
      ...(given.env === null ? {} : { SPEC_KITTY_SAAS_URL: given.env }),
    };
    const inside = { ...at, env };
    const shown = await machine.run(['sync', 'server', '--json'], inside);
    expect(shown.json).toMatchObject({
      resolved_server_url: given.resolved,
      override_mode: given.override,
    });
    await machine.run(['sync', 'now'], { ...inside, answer: 'y' });
    await machine.run(['auth', 'login', '--token-stdin', '--team', 't'], {
      ...inside,
      input: 'again',
    });
    const { json } = await machine.run(['sync', 'status', '--json'], inside);
    expect(json['target_authority']).toMatchObject({ resolved_server_url: given.resolved });
    const wanted = given.resolved === null ? [] : [given.resolved];
    expect([...new Set(seen.map(({ origin }) => origin))]).toEqual(wanted);
    const logins = seen.map(({ login }) => login).filter((login) => login !== null);
    expect(
      logins.every((login) => login.endsWith('again') || login.endsWith(host(given.resolved))),
    ).toBe(true);
  });

  it('and --server names it for one command', async () => {
    const machine = createMachine();
    const { http, seen } = proxy();
    await machine.run(['sync', 'server', CONFIG], { http });
    const env = { SPEC_KITTY_SAAS_URL: ENV };
    const login = ['auth', 'login', '--token-stdin', '--server', FLAG];
    await machine.run(login, { http, env, input: 'token' });
    expect(seen).toEqual([{ origin: FLAG, login: 'Bearer token' }]);
    const { json } = await machine.run(['sync', 'server', '--json'], { env });
    expect(json).toMatchObject({ resolved_server_url: ENV, configured_server_url: CONFIG });
  });
});

it('refuses to write configuration while the environment names another server, before any request', async () => {
  const machine = createMachine();
  const { http, seen } = proxy();
  const root = await machine.project('repo');
  await machine.run(['sync', 'server', CONFIG], { http });
  const config = path.join(machine.home, 'config.toml');
  const before = readFileSync(config, 'utf8');
  const env = { SPEC_KITTY_SAAS_URL: ENV };
  for (const cwd of [machine.dir, root]) {
    const refused = await machine.run(['sync', 'server', PROJECT], { http, env, cwd });
    expect(refused.exit).toBe(2);
    expect(refused.stderr).toContain(ENV);
    expect(refused.stderr).toContain(PROJECT);
    expect(refused.stderr).toContain('unset SPEC_KITTY_SAAS_URL');
  }
  expect(readFileSync(config, 'utf8')).toBe(before);
  expect(seen).toEqual([]);
});

it('lets the environment narrow and never widen: a server nobody permitted gets nothing', async () => {
  const machine = createMachine();
  const { http, seen } = proxy();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  await machine.run(['sync', 'server', PROJECT], { cwd: root, http });
  const env = { SPEC_KITTY_SAAS_URL: ENV, SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
  const now = await machine.run(['sync', 'now', '--json'], { cwd: root, http, env });
  expect(now.json).toMatchObject({ error: { code: 'no_grant' }, exit_code: 1 });
  expect(seen).toEqual([]);
});

it('never lets a file of the checkout choose where anything goes', async () => {
  const machine = createMachine();
  const { http, seen } = proxy();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const identity = path.join(root, '.kittify', 'config.yaml');
  writeFileSync(
    identity,
    `${readFileSync(identity, 'utf8')}sync:\n  server_url: https://evil.invalid\nevent_sync:\n  mode: external_receiver\n  external_endpoint: https://evil.invalid\n`,
  );
  writeFileSync(path.join(root, 'config.toml'), '[sync]\nserver_url = "https://evil.invalid"\n');
  writeFileSync(path.join(root, '.kitty.env'), 'SPEC_KITTY_SAAS_URL=https://evil.invalid\n');
  const now = await machine.run(['sync', 'now', '--json'], { cwd: root, http });
  expect(now.json).toMatchObject({ error: { code: 'target_unresolved' }, exit_code: 5 });
  expect(seen).toEqual([]);
});

it('shows in every place that the environment overrides the configuration', async () => {
  const machine = createMachine();
  await machine.run(['sync', 'server', CONFIG]);
  const env = { SPEC_KITTY_SAAS_URL: ENV };
  const server = await machine.run(['sync', 'server'], { env });
  expect(server.stdout).toContain(`Server URL: ${ENV}`);
  expect(server.stdout).toContain(`SPEC_KITTY_SAAS_URL overrides ${CONFIG}`);
  const status = await machine.run(['sync', 'status'], { env });
  expect(status.stdout).toMatch(new RegExp(`^Server URL +${ENV}$`, 'm'));
  expect(status.stdout).toContain(`SPEC_KITTY_SAAS_URL (configured: ${CONFIG})`);
});

async function logIn(machine: Machine, server: string): Promise<void> {
  const login = ['auth', 'login', '--token-stdin', '--team', 't', '--server', server];
  const { http } = proxy();
  const ended = await machine.run([...login, '--claim'], { http, input: `for-${host(server)}` });
  expect(ended).toMatchObject({ exit: 0, stderr: '' });
}

function host(url: string | null): string {
  return url === null ? '' : new URL(url).host;
}
