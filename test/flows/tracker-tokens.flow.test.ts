import { describe, expect, it } from 'vitest';
import { createMachine, type Ended } from '../support/command-line.ts';
import { recordingServer, type Recorded } from '../support/recording-server.ts';

const FLAG = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
const API_SECRET = 'tracker-api-key-3b1c';
const SITE_SECRET = 'tracker-token-99fe';

interface Story {
  readonly run: (
    line: readonly string[],
    options?: { readonly env?: Record<string, string>; readonly input?: string },
  ) => Promise<Ended>;
  /** The authorization of each snapshot that arrived, in order. */
  readonly bearers: () => readonly (string | undefined)[];
  readonly url: string;
}

async function story(credentials: string): Promise<Story> {
  const server = await recordingServer(({ method }) =>
    method === 'GET'
      ? { status: 200, body: '{"capabilities":{"snapshots":true}}' }
      : { status: 200, body: '{"status":"ok"}' },
  );
  const machine = createMachine(FLAG);
  const root = await machine.project('repo');
  const run: Story['run'] = (line, options = {}) => machine.run(line, { cwd: root, ...options });
  const bind = ['tracker', 'bind', '--provider', 'linear', '--workspace', 'acme'];
  await run([...bind, '--credential-stdin'], { input: credentials });
  await run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url]);
  const isSnapshot = ({ method, path }: Recorded): boolean =>
    method === 'POST' && path === '/api/v1/connectors/trackers/snapshots/';
  return {
    run,
    url: server.url,
    bearers: () => server.requests.filter(isSnapshot).map(({ headers }) => headers.authorization),
  };
}

const SECRETS = `api_key=${API_SECRET}\ntoken=${SITE_SECRET}\nteam_id=ENG\n`;
const PUBLISH = ['tracker', 'sync', 'publish', '--json'];

describe('the token of a publish', () => {
  it('is the one that is named, else access_token, else the login of the origin; never the tracker’s', async () => {
    const { run, bearers, url } = await story(`${SECRETS}access_token=AT\n`);
    await run(['auth', 'login', '--server', url, '--token-stdin'], { input: 'SESSION' });
    const rebind = async (n: number, lines: string): Promise<void> => {
      const bind = ['tracker', 'bind', '--provider', 'linear', '--workspace', 'acme'];
      const team = ['--credential', `team_id=T${n}`];
      await run([...bind, ...team, '--credential-stdin'], { input: lines });
    };
    expect((await run(PUBLISH, { env: { SAAS_AUTH_TOKEN: 'EX' } })).exit).toBe(0);
    await rebind(1, `api_key=${API_SECRET}\naccess_token=AT`);
    expect((await run(PUBLISH)).exit).toBe(0);
    await rebind(2, `api_key=${API_SECRET}\ntoken=${SITE_SECRET}`);
    expect((await run(PUBLISH)).exit).toBe(0);
    await rebind(3, `api_key=${API_SECRET}\naccess_token=AT\nserver_url=https://elsewhere.test`);
    expect((await run(PUBLISH)).exit).toBe(0);
    await rebind(4, `api_key=${API_SECRET}`);
    const stdin = await run([...PUBLISH, '--auth-token-stdin'], { input: 'FROM-STDIN\n' });
    expect(stdin.exit).toBe(0);
    expect(bearers()).toEqual(
      ['EX', 'AT', 'SESSION', 'SESSION', 'FROM-STDIN'].map((token) => `Bearer ${token}`),
    );
  });

  it('is absent where nobody has one', async () => {
    const { run, bearers } = await story(SECRETS);
    const published = await run(PUBLISH);
    expect(published).toMatchObject({
      exit: 0,
      json: { status_code: 200, body: { status: 'ok' } },
    });
    expect(bearers()).toEqual([undefined]);
    expect(published.stdout).not.toMatch(/tracker-api-key|tracker-token/);
  });

  it('is refused on the command line, for several targets, and where no header can carry it', async () => {
    const { run, bearers } = await story(SECRETS);
    const several = await run([...PUBLISH, '--all'], { env: { SAAS_AUTH_TOKEN: 'EX' } });
    expect(several).toMatchObject({ exit: 0 });
    const torn = await run(PUBLISH, { env: { SAAS_AUTH_TOKEN: 'two words' } });
    expect(torn).toMatchObject({ exit: 2, json: { error: { code: 'usage' } } });
    expect(torn.stdout).not.toContain('two words');
    expect(await run([...PUBLISH, '--auth-token', 'EX'])).toMatchObject({ exit: 2 });
    expect(await run([...PUBLISH, '--auth-token-env', 'NOT_SET'])).toMatchObject({ exit: 2 });
    expect(await run([...PUBLISH, '--timeout-seconds', '0'])).toMatchObject({ exit: 2 });
    expect(bearers()).toEqual(['Bearer EX']);
  });
});

it('a receiver that refuses is told of truthfully, status by status', async () => {
  const statuses = [400, 404, 409, 503, 401];
  const server = await recordingServer(({ method }) =>
    method === 'GET'
      ? { status: 200, body: '{"capabilities":{"snapshots":true}}' }
      : { status: statuses.shift() ?? 200, body: '{"error":"not today"}' },
  );
  const machine = createMachine(FLAG);
  const root = await machine.project('repo');
  const run = (line: readonly string[]): Promise<Ended> => machine.run(line, { cwd: root });
  const bind = ['tracker', 'bind', '--provider', 'jira', '--workspace', 'acme', '--credential'];
  await run([...bind, 'project_key=A']);
  await run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url]);
  expect(await run(PUBLISH)).toMatchObject({
    exit: 1,
    json: {
      ok: false,
      status_code: 400,
      queued: false,
      targets: [{ state: 'parked', reason: 'bad_request' }],
    },
  });
  const parked = await run(['sync', 'parked', 'list', '--json']);
  expect(JSON.stringify(parked.json)).toContain('"provider":"jira"');
  await run([...bind, 'project_key=B']);
  for (const status of [404, 409]) {
    expect(await run(PUBLISH)).toMatchObject({
      exit: 1,
      json: { status_code: status, queued: true },
    });
  }
  const unavailable = { blocked_reason: 'network_unavailable', state: 'queued' };
  expect(await run(PUBLISH)).toMatchObject({ exit: 1, json: { targets: [unavailable] } });
  expect(await run(PUBLISH)).toMatchObject({
    exit: 1,
    json: { targets: [{ blocked_reason: 'halted' }] },
  });
  expect(await run(PUBLISH)).toMatchObject({ exit: 0, json: { ok: true, status_code: 200 } });
  expect(await run(['sync', 'parked', 'retry', '--all'])).toMatchObject({ exit: 0 });
  expect(await run(['sync', 'now'])).toMatchObject({ exit: 0 });
});

it('a receiver that takes no snapshots is said to be one, and nothing is sent there', async () => {
  const server = await recordingServer(() => ({ status: 404 }));
  const machine = createMachine(FLAG);
  const root = await machine.project('repo');
  const run = (line: readonly string[]): Promise<Ended> => machine.run(line, { cwd: root });
  await run(['tracker', 'bind', '--provider', 'fp', '--workspace', 'w']);
  await run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', server.url]);
  const published = await run(['tracker', 'sync', 'publish']);
  expect(published).toMatchObject({ exit: 1 });
  expect(published.stdout).toMatch(/says of no snapshots that it takes them/);
  expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
  // What is kept for others does not stand in the way of what this one lacks.
  expect(await run(['sync', 'now', '--no-import'])).toMatchObject({ exit: 0 });
});

it('a stub keeps each state once', async () => {
  const machine = createMachine(FLAG);
  const root = await machine.project('repo');
  const run = (line: readonly string[]): Promise<Ended> => machine.run(line, { cwd: root });
  await run(['tracker', 'bind', '--provider', 'fp', '--workspace', 'w']);
  await run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'stub:kept.ndjson']);
  expect(await run(PUBLISH)).toMatchObject({ exit: 0, json: { ok: true, is_new: true } });
  expect(await run(PUBLISH)).toMatchObject({ exit: 0, json: { ok: true, is_new: false } });
});
