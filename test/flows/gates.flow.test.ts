import { expect, it } from 'vitest';
import { createMachine, type Ended, type Machine } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { answerAll, recordingServer } from '../support/recording-server.ts';
import { balancedBooks, booksAt, openStoreOf } from '../support/store-view.ts';

const ENABLED = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
const PAYLOAD = '{"error_type":"network","error_message":"offline"}';

it('keeps facts while the rollout flag is off and delivers them when it is on', async () => {
  const place = await teamspace();
  const { machine, root, url, at } = place;
  await logIn(place, '--claim');
  await emit(machine, root, 3);
  for (const off of [undefined, '0', 'off', '']) {
    const now = await machine.run(['sync', 'now'], at({ SPEC_KITTY_ENABLE_SAAS_SYNC: off }));
    expect(now.exit).toBe(1);
    expect(now.stdout).toContain('Event sync gated: saas_disabled');
    expect(now.stdout).toContain(
      'Hosted SaaS sync is not enabled on this machine. Set `SPEC_KITTY_ENABLE_SAAS_SYNC=1` to opt in.',
    );
    expect(now.stdout).toContain('3 waiting (events); nothing is lost');
    expect(now.stdout).not.toContain('All delivered');
  }
  const status = await machine.run(['sync', 'status'], at({}));
  expect(status.stdout).toContain('blocked: saas_disabled');
  expect(status.stdout).toContain('Disabled (SPEC_KITTY_ENABLE_SAAS_SYNC=1)');
  expect((await machine.run(['sync', 'status', '--check'], at({}))).exit).toBe(1);
  expect(await booksAt(machine, root, url)).toMatchObject({ captured: 3, delivered: 0 });
  expect(openStoreOf(machine, root).get('SELECT count(*) AS n FROM events')).toEqual({ n: 3 });

  const cleared = await machine.run(['sync', 'now', '--json'], at(ENABLED));
  expect(cleared.json).toMatchObject({ delivered: 3, all_delivered: true, exit_code: 0 });
  expect(await booksAt(machine, root, url)).toMatchObject({ delivered: 3, blocked_reason: null });
});

it('keeps facts while nobody is logged in, exits 4, and delivers after a login that claims them', async () => {
  const place = await teamspace();
  const { machine, root, url, at } = place;
  await emit(machine, root, 2);
  const out = await machine.run(['sync', 'now'], at(ENABLED));
  expect(out.exit).toBe(4);
  expect(out.stdout).toContain('Event sync gated: missing_auth');
  expect(out.stdout).toContain(`Run \`spec-kitty auth login --server ${url}\``);
  expect(out.stderr).toBe(
    'spec-kitty: logged_out_on_connected_teamspace teamspace=repo command=sync-now action=run-spec-kitty-auth-login\n',
  );
  const json = await machine.run(['sync', 'now', '--json'], at(ENABLED));
  expect(json.json).toMatchObject({
    exit_code: 4,
    delivered: 0,
    targets: [{ blocked_reason: 'missing_auth', waiting: 2 }],
  });
  const status = await machine.run(['sync', 'status'], at(ENABLED));
  expect(status.stdout).toContain('blocked: missing_auth');
  const judged = await machine.run(['sync', 'status', '--check', '--json'], at(ENABLED));
  expect(judged.json['findings']).toContainEqual(
    expect.objectContaining({
      code: 'route_blocked',
      remedy: expect.stringMatching(`^spec-kitty auth login --server ${url}`) as string,
    }),
  );

  const unclaimed = await logIn(place);
  expect(unclaimed.json).toMatchObject({ claimed: 0, unclaimed: 1, team: 'local' });
  const stillOut = await machine.run(['sync', 'now'], at(ENABLED));
  expect(stillOut.stdout).toContain('was made before anybody was logged in');
  expect(stillOut.stdout).toContain(`Run \`spec-kitty auth login --server ${url} --claim\``);
  expect(stillOut.exit).toBe(4);

  const claimed = await logIn(place, '--claim');
  expect(claimed.json).toMatchObject({ claimed: 1, unclaimed: 0 });
  const now = await machine.run(['sync', 'now'], at(ENABLED));
  expect(now.stdout).toContain('All delivered.');
  expect(now.exit).toBe(0);
  expect((await machine.run(['sync', 'status', '--check'], at(ENABLED))).exit).toBe(0);
});

it('asks a person whether a login takes over what was pointed at the server before', async () => {
  const place = await teamspace();
  const { machine, root, at } = place;
  await emit(machine, root, 1);
  const no = await answerLogIn(place, 'n');
  expect(no.stderr).toContain('Send them under this login?');
  expect(no.stdout).toContain('wait for --claim');
  expect((await machine.run(['sync', 'now'], at(ENABLED))).exit).toBe(4);
  const yes = await answerLogIn(place, ' YES ');
  expect(yes.stdout).toContain('now belong to this login');
  expect((await machine.run(['sync', 'now'], at(ENABLED))).exit).toBe(0);
});

it('keeps facts while the login belongs to no team', async () => {
  const server = await recordingServer((request) => answerAll(request));
  const place = await teamspaceAt(server.url);
  const { machine, root, at } = place;
  await emit(machine, root, 1);
  await logIn(place);
  const now = await machine.run(['sync', 'now'], at(ENABLED));
  expect(now.exit).toBe(1);
  expect(now.stdout).toContain('Event sync gated: missing_team');
  expect(server.batches()).toEqual([]);
  await balancedBooks(machine, root);

  await logIn(place, '--team', 'crew', '--claim');
  expect((await machine.run(['sync', 'now'], at(ENABLED))).exit).toBe(0);
  expect(server.batches()).toHaveLength(1);
  expect(server.requests.at(-1)?.headers['authorization']).toBe('Bearer a-machine-token');
});

it('never blocks an external receiver by the rollout flag or a missing login', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const root = await machine.project('repo');
  await emit(machine, root, 1);
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], {
    cwd: root,
  });
  const env = { SPEC_KITTY_ENABLE_SAAS_SYNC: '0' };
  expect((await machine.run(['sync', 'now'], { cwd: root, env })).exit).toBe(0);
});

interface Teamspace {
  readonly machine: Machine;
  readonly root: string;
  readonly url: string;
  /** A token that the server accepts. */
  readonly token: string;
  readonly at: (env: Record<string, string | undefined>) => { cwd: string; env: typeof env };
}

/** A project that was pointed at our own receiver as its Teamspace server before anybody logged in. */
async function teamspace(): Promise<Teamspace> {
  const receiver = await realReceiver();
  const created = await createMachine().run([
    ...['receiver', 'token', 'create', '--all', '--db', receiver.file, '--json'],
  ]);
  return teamspaceAt(receiver.url, String(created.json['token']));
}

async function teamspaceAt(url: string, token = 'a-machine-token'): Promise<Teamspace> {
  const machine = createMachine();
  const root = await machine.project('repo');
  const named = await machine.run(['sync', 'server', url], { cwd: root });
  expect(named).toMatchObject({ exit: 0, stderr: '' });
  expect(named.stdout).toContain(`spec-kitty auth login --server ${url}\``);
  return { machine, root, url, token, at: (env) => ({ cwd: root, env }) };
}

async function emit(machine: Machine, root: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const ended = await machine.run(['emit', 'ErrorLogged', '--payload', PAYLOAD], { cwd: root });
    expect(ended).toMatchObject({ exit: 0, stderr: '' });
  }
}

async function logIn(place: Teamspace, ...more: readonly string[]): Promise<Ended> {
  const argv = ['auth', 'login', '--server', place.url, '--token-stdin', '--json', ...more];
  const ended = await place.machine.run(argv, { input: `${place.token}\n` });
  expect(ended).toMatchObject({ exit: 0, stderr: '' });
  return ended;
}

function answerLogIn(place: Teamspace, answer: string): Promise<Ended> {
  const argv = ['auth', 'login', '--server', place.url, '--token-stdin'];
  return place.machine.run(argv, { answer, input: place.token });
}
