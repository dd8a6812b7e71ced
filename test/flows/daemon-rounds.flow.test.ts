import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { thisProgram } from '../../src/base/index.ts';
import { EXAMPLE_FACTS, EXAMPLE_MISSIONS, createMachine } from '../support/command-line.ts';
import { daemonTrial, until, type DaemonTrial } from '../support/daemon-trial.ts';
import { manualClock } from '../support/manual-clock.ts';
import { answerAll, recordingServer, type RecordingServer } from '../support/recording-server.ts';

const EMIT = ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"ci-7"}'];
const FIVE_MINUTES = 300_000;

function to(url: string): readonly string[] {
  return ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url];
}

function sent(server: RecordingServer): number {
  return new Set(server.batches().flat()).size;
}

it('a route that was halted is tried again after five minutes, and not before', {
  timeout: 60_000,
}, async () => {
  const machine = createMachine();
  const at = { cwd: await machine.project('repo', EXAMPLE_MISSIONS) };
  let isShut = true;
  const server = await recordingServer((request) => {
    if (request.method !== 'POST') return { status: 404 };
    return isShut ? { status: 403, body: '{}' } : answerAll(request);
  });
  const clock = manualClock();
  await machine.run(to(server.url), { ...at, system: { clock } });
  const stopping = new AbortController();
  const { signal } = stopping;
  // Each sleep of the daemon listens to it.
  setMaxListeners(0, signal);
  const daemon = machine.run(['daemon', 'run'], { system: { clock }, signal });
  const pass = async (holds: () => boolean, stepMs: number): Promise<void> => {
    for (let step = 0; step < 3_000 && !holds(); step += 1) {
      clock.move(stepMs);
      await pause(2);
    }
  };
  const posts = (): number => server.requests.filter(({ method }) => method === 'POST').length;
  await pass(() => posts() > 0, 200);
  const haltedAt = clock.now();
  isShut = false;
  await pass(() => posts() > 1, 1_000);
  expect(clock.now() - haltedAt).toBeGreaterThan(FIVE_MINUTES - 1_000);
  await pass(() => sent(server) >= EXAMPLE_FACTS, 200);
  expect(sent(server)).toBe(EXAMPLE_FACTS);
  stopping.abort();
  await pass(() => false, 0).catch(() => {});
  expect((await daemon).exit).toBe(0);
});

describe('what changes while it runs is picked up', () => {
  async function running(): Promise<{ trial: DaemonTrial; at: { readonly cwd: string } }> {
    const trial = daemonTrial();
    const at = { cwd: await trial.machine.project('repo', EXAMPLE_MISSIONS) };
    await trial.machine.run(['sync', 'import'], at);
    expect((await trial.process(['daemon', 'start'])).code).toBe(0);
    return { trial, at };
  }

  it('a permission, its end, and its return', { timeout: 60_000 }, async () => {
    const { trial, at } = await running();
    const server = await recordingServer((request) => answerAll(request));
    await pause(600);
    expect(server.requests).toEqual([]);
    await trial.machine.run(to(server.url), at);
    await until(() => sent(server) >= EXAMPLE_FACTS);
    await trial.machine.run(['sync', 'opt-out'], at);
    await trial.machine.run(EMIT, at);
    await pause(1_500);
    expect(sent(server)).toBe(EXAMPLE_FACTS);
    await trial.machine.run(['sync', 'opt-in', '--target', server.url], at);
    await until(() => sent(server) === EXAMPLE_FACTS + 1);
  });

  it('a login that was missing', { timeout: 60_000 }, async () => {
    const { trial, at } = await running();
    const server = await recordingServer((request) =>
      request.headers.authorization === 'Bearer let-me-in' ? answerAll(request) : { status: 401 },
    );
    await trial.machine.run(to(server.url), at);
    await until(() => server.requests.length > 0);
    await pause(500);
    const login = ['auth', 'login', '--server', server.url, '--token-stdin'];
    expect((await trial.machine.run(login, { ...at, input: 'let-me-in' })).exit).toBe(0);
    await until(() =>
      server.requests.some((each) => 'authorization' in each.headers && each.method === 'POST'),
    );
  });

  it('settings: what was stopped before is tried again at once', { timeout: 60_000 }, async () => {
    const { trial, at } = await running();
    let isShut = true;
    const server = await recordingServer((request) =>
      isShut ? { status: 403, body: '{}' } : answerAll(request),
    );
    await trial.machine.run(to(server.url), at);
    await until(() => server.requests.length > 0);
    await pause(500);
    isShut = false;
    mkdirSync(trial.machine.home, { recursive: true });
    appendFileSync(path.join(trial.machine.home, 'config.toml'), '\n# looked at again\n');
    await until(() => sent(server) >= EXAMPLE_FACTS);
  });
});

describe('a daemon that nobody started', () => {
  const ALONE = { answer: 'y', isSeen: true };

  async function site(): Promise<{
    readonly trial: DaemonTrial;
    readonly options: { readonly cwd: string; readonly system: object };
  }> {
    const trial = daemonTrial();
    const cwd = await trial.machine.project('repo', EXAMPLE_MISSIONS);
    const endpoint = `stub:${path.join(trial.machine.dir, 'events.ndjson')}`;
    await trial.machine.run(to(endpoint), { cwd });
    return { trial, options: { cwd, system: { program: thisProgram(trial.script) } } };
  }

  it('comes up behind a command of a person that went well', async () => {
    const { trial, options } = await site();
    const ended = await trial.machine.run(['sync', 'now'], { ...options, ...ALONE });
    expect(ended.exit).toBe(0);
    expect(ended.stderr).toContain('Note: from now on a daemon delivers in the background');
    await until(() => trial.owner() !== null);
  });

  it.each<[string, readonly string[], object, string]>([
    ['a command that failed', ['sync', 'now', '--target', 'nobody'], ALONE, ''],
    ['a script', ['sync', 'now'], {}, ''],
    ['a command whose output goes to a file', ['sync', 'now'], { answer: 'y' }, ''],
    ['a command where the settings say manual', ['sync', 'now'], ALONE, 'manual'],
    ['a command that only looks', ['sync', 'status'], ALONE, ''],
  ])('never behind %s', async (_why, argv, person, policy) => {
    const { trial, options } = await site();
    if (policy !== '') {
      const text = `[sync]\nbackground_daemon = "${policy}"\n`;
      appendFileSync(path.join(trial.machine.home, 'config.toml'), text);
    }
    const ended = await trial.machine.run(argv, { ...options, ...person });
    expect(ended.stderr).not.toContain('daemon');
    await pause(700);
    expect(trial.owner()).toBeNull();
  });
});
