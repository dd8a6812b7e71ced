import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { createMachine, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { daemonTrial } from '../support/daemon-trial.ts';
import { ANN, loginServer } from '../support/login-server.ts';
import {
  answerAll,
  recordingServer,
  type Recorded,
  type Reply,
} from '../support/recording-server.ts';
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

it('says how full the queue is, of what, and what was refused', async () => {
  const machine = createMachine({ SPEC_KITTY_SYNC_ARTIFACTS: undefined });
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  mkdirSync(machine.home, { recursive: true });
  const limit = (most: number): void => {
    writeFileSync(path.join(machine.home, 'config.toml'), `[sync]\nmax_queue_size = ${most}\n`);
  };
  const receiver = await recordingServer((request) => answerPushes(request));
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
  await machine.run(['sync', 'import'], at);
  limit(27);
  const below = await machine.run(['sync', 'doctor'], at);
  expect(below.stdout).toMatch(/^Queue size +21 \/ 27 \(77%\)$/m);
  expect(below.stdout).not.toContain('so the queue');
  limit(26);
  const warned = await machine.run(['sync', 'doctor'], at);
  expect(warned.stdout).toContain(
    '  ! 21 of 26 events wait (80%), so the queue fills up: run `spec-kitty sync now`\n',
  );
  expect(warned.stdout).toMatch(
    /^Top Queued Event Types\n {2}Event Type +Count\n {2}WPStatusChanged +12$/m,
  );
  limit(21);
  const full = await machine.run(['sync', 'status', '--check'], at);
  expect(full.exit).toBe(1);
  expect(full.stdout).toContain(
    '21 of 21 events wait (100%), so the queue is full, and none is ever dropped',
  );
  limit(1_000);
  await machine.run(['sync', 'now'], at);
  const told = await machine.run(['sync', 'doctor'], at);
  expect(told.stdout).toMatch(/^Queue size +0 \/ 1000 \(0%\)$/m);
  expect(told.stdout).toMatch(/^Body uploads +9 queued, 9 recorded failure\(s\)$/m);
  expect(told.stdout).toMatch(
    /^Recent Body Upload Failures\n {2}Artifact +Mission +Count +Reason\n {2}tasks\/\S+ +002-harbour-notices +1 +index_entry_not_found$/m,
  );
  const { json } = await machine.run(['sync', 'doctor', '--json'], at);
  expect(json).toMatchObject({
    queue: { size: 0, max: 1_000, percent: 0, oldest_event_at: null },
    body_uploads: { queued: 9, recorded_failures: 9 },
    top_event_types: [],
    orphan_processes: [],
    orphan_daemons: [],
    recent_body_upload_failures: expect.arrayContaining([
      expect.objectContaining({ count: 1, reason: 'index_entry_not_found' }),
    ]) as unknown,
  });
});

/** Takes every event, says that it takes texts, and knows the index of none. */
function answerPushes(request: Recorded): Reply {
  if (request.method === 'GET') {
    const health = { server_instance_id: 'one', capabilities: { bodies: true } };
    return { status: 200, body: JSON.stringify({ status: 'ok', ...health }) };
  }
  if (request.path.includes('/events/')) return answerAll(request);
  return { status: 404, body: JSON.stringify({ error: 'index_entry_not_found' }) };
}

describe('where a login is missed', () => {
  const LINE = (command: string): string =>
    `spec-kitty: logged_out_on_connected_teamspace teamspace=repo command=${command} action=run-spec-kitty-auth-login\n`;

  it('says so in one line and ends with 4, unless something worse is found', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const env = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
    const at = { cwd: root, env };
    const server = await loginServer({ accounts: [ANN] });
    await machine.run(['sync', 'server', server.url], at);
    // Nobody ever logged in: the boundary refuses, and the doctor names the login.
    expect(await machine.run(['sync', 'status', '--check'], at)).toMatchObject({
      exit: 2,
      stderr: '',
    });
    expect(await machine.run(['sync', 'doctor'], at)).toMatchObject({
      exit: 4,
      stderr: LINE('sync-doctor'),
    });
    const byName = ['auth', 'login', '--server', server.url, '--username', 'ann'];
    const logIn = [...byName, '--password-stdin', '--claim'];
    expect(await machine.run(logIn, { ...at, input: ANN.password })).toMatchObject({ exit: 0 });
    for (const command of ['doctor', 'status --check']) {
      const well = await machine.run(['sync', ...command.split(' ')], at);
      expect(well).toMatchObject({ exit: 0, stderr: '' });
    }
    // It ended: the server takes neither the one token nor the other.
    server.expireAccess();
    server.endLogins();
    await machine.run(['emit', 'ErrorLogged', '--payload', PAYLOAD], at);
    await machine.run(['sync', 'now'], at);
    for (const command of ['doctor', 'status --check']) {
      const argv = ['sync', ...command.split(' ')];
      const out = await machine.run(argv, at);
      expect(out).toMatchObject({ exit: 4, stderr: LINE(argv.slice(0, 2).join('-')) });
      expect(out.stdout).toContain(`run \`spec-kitty auth login --server ${server.url}`);
      expect(out.stdout).toMatch(/^(?:Ping|Server) +Session expired$/m);
      const json = await machine.run([...argv, '--json'], at);
      expect(json).toMatchObject({ exit: 4, stderr: '', json: { ok: false, exit_code: 4 } });
    }
    // What only looks, records or permits is as ever.
    for (const argv of [
      ['sync', 'status'],
      ['sync', 'import'],
      ['sync', 'opt-in'],
    ]) {
      expect(await machine.run(argv, at)).toMatchObject({ exit: 0, stderr: '' });
    }
    // Without the hosted side nobody is missed.
    const off = { cwd: root, env: {} };
    expect((await machine.run(['sync', 'status', '--check'], off)).exit).toBe(1);
    // Something worse keeps its own code.
    const record = path.join(machine.home, 'sync', 'daemon', 'owner.json');
    mkdirSync(path.dirname(record), { recursive: true });
    writeFileSync(record, '{');
    for (const command of ['doctor', 'status --check']) {
      const worse = await machine.run(['sync', ...command.split(' ')], at);
      expect(worse).toMatchObject({ exit: 2, stderr: '' });
    }
    // A person is asked, and looks again behind the login.
    rmSync(record);
    const answer = (question: string): string =>
      question.includes('[L]ogin') ? 'l' : question.includes('assword') ? ANN.password : 'ann';
    const asked = await machine.run(['sync', 'status', '--check'], { ...at, answer });
    expect(asked.stderr).toContain('Logged out on a connected teamspace: repo');
    expect(asked.stderr).toContain('+ Authenticated as ann');
    expect(asked.stdout).not.toContain('Not authenticated');
    const declined = await machine.run(['sync', 'doctor'], { ...at, answer: 's' });
    expect(declined.exit).not.toBe(4);
  });

  it('and where only the server knows it', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const at = { cwd: root, env: { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' } };
    let accepts = true;
    const server = await recordingServer((request) =>
      accepts ? answerAll(request) : { status: 401 },
    );
    await machine.run(['sync', 'server', server.url], at);
    const login = ['auth', 'login', '--server', server.url, '--token-stdin', '--team', 'crew'];
    await machine.run([...login, '--claim'], { ...at, input: 'of-a-machine' });
    expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
    accepts = false;
    const out = await machine.run(['sync', 'status', '--check'], at);
    expect(out).toMatchObject({ exit: 4, stderr: LINE('sync-status') });
    expect(out.stdout).toMatch(/^Ping +Authentication failed$/m);
    expect(out.stdout).not.toContain('Check passed');
    expect(out.stdout).toContain(`run \`spec-kitty auth login --server ${server.url} --force\``);
  });
});

const PAYLOAD = '{"error_type":"network","error_message":"offline"}';

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
