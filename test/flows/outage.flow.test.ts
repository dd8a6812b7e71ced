import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { systemClock, type Clock } from '../../src/base/index.ts';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { answerAll, recordingServer } from '../support/recording-server.ts';
import { booksAt } from '../support/store-view.ts';

it('says that the receiver is out of reach, loses nothing, and delivers when it is back', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { port } = new URL(receiver.url);
  const at = await permitted(machine, receiver.url);
  await receiver.stop();
  const down = await machine.run(['sync', 'now'], at);
  expect(down.exit).toBe(1);
  expect(down.stdout).toContain('Event sync unavailable: ');
  expect(down.stdout).toContain(`${EXAMPLE_FACTS} waiting (events); nothing is lost`);
  expect(down.stdout).toContain('Try again with `spec-kitty sync now`.');
  const status = await machine.run(['sync', 'status'], at);
  expect(status.stdout).toContain('blocked: network_unavailable');
  expect(await booksAt(machine, at.cwd, receiver.url)).toMatchObject({ delivered: 0 });
  const lenient = await machine.run(['sync', 'now', '--no-strict'], at);
  expect(lenient.exit).toBe(0);
  expect(lenient.stdout).not.toContain('All delivered');

  const back = await realReceiver({ file: receiver.file, port: Number(port) });
  expect(back.url).toBe(receiver.url);
  const now = await machine.run(['sync', 'now'], at);
  expect(now).toMatchObject({ exit: 0, stderr: '' });
  expect(await back.holdings()).toHaveLength(EXAMPLE_FACTS);
  const booked = await booksAt(machine, at.cwd, receiver.url);
  expect(booked).toMatchObject({ delivered: EXAMPLE_FACTS, blocked_reason: null });
});

it('notices a receiver that lost its store, and goes on when that is accepted', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { port } = new URL(receiver.url);
  const at = await permitted(machine, receiver.url);
  await machine.run(['sync', 'now'], at);
  await receiver.stop();
  const reset = await realReceiver({ port: Number(port) });
  await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'], at);

  const blocked = await machine.run(['sync', 'now'], at);
  expect(blocked.exit).toBe(1);
  expect(blocked.stdout).toContain('Event sync gated: receiver_reset');
  expect(blocked.stdout).not.toContain('All delivered');
  expect(await reset.holdings()).toEqual([]);
  const remedy = /Run `spec-kitty (sync targets accept \S+)`/.exec(blocked.stdout)?.[1] ?? '';
  const accepted = await machine.run(remedy.split(' '), at);
  expect(accepted).toMatchObject({ exit: 0, stderr: '' });
  expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');
  expect(await reset.holdings()).toHaveLength(1);
  const unknown = await machine.run(['sync', 'targets', 'accept', 'nowhere', '--json'], at);
  expect(unknown.json).toMatchObject({ error: { code: 'target_unknown' }, exit_code: 1 });
});

it('notices a reset even when there is nothing to send', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { port } = new URL(receiver.url);
  const at = await permitted(machine, receiver.url);
  await machine.run(['sync', 'now'], at);
  await receiver.stop();
  await realReceiver({ port: Number(port) });
  const now = await machine.run(['sync', 'now'], at);
  expect(now.exit).toBe(1);
  expect(now.stdout).toContain('receiver_reset');
});

it('leaves a receiver alone for as long as it asks, whoever asks', async () => {
  const machine = createMachine();
  let isBusy = true;
  const server = await recordingServer((request) => {
    if (request.method === 'GET' || !isBusy) return answerAll(request);
    return { status: 503, headers: { 'retry-after': '30' } };
  });
  const at = await permitted(machine, server.url);
  const first = await machine.run(['sync', 'now'], at);
  expect(first.stdout).toContain('Event sync unavailable: server_error: HTTP 503');
  isBusy = false;
  const early = await machine.run(['sync', 'now'], at);
  expect(early.exit).toBe(1);
  expect(early.stdout).toMatch(/the receiver is left alone for another \d+ s/);
  expect(server.batches()).toHaveLength(1);
  const later = await machine.run(['sync', 'now'], { ...at, system: laterBy(31_000) });
  expect(later.exit).toBe(0);
});

it('stops when it is asked to: exit 130, nothing lost, and the receiver is not blamed', async () => {
  const machine = createMachine();
  const stopping = new AbortController();
  let isSilent = true;
  const server = await recordingServer((request) => {
    if (request.method === 'GET' || !isSilent) return answerAll(request);
    stopping.abort();
    return new Promise<null>(() => {});
  });
  const at = await permitted(machine, server.url);
  const stopped = await machine.run(['sync', 'now', '--json'], { ...at, signal: stopping.signal });
  expect(stopped.exit).toBe(130);
  expect(stopped.json).toMatchObject({ all_delivered: false, exit_code: 130 });
  expect(await booksAt(machine, at.cwd, server.url)).toMatchObject({ queued: EXAMPLE_FACTS });
  isSilent = false;
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
});

it('parks what a token is not for, with the reason and a command, and strict says so', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const at = await permitted(machine, receiver.url);
  const other = await machine.project('other', EXAMPLE_MISSIONS);
  const { json } = await machine.run([
    ...['receiver', 'token', 'create', '--db', receiver.file, '--json', '--project'],
    (await machine.run(['init', '--json'], { cwd: other })).json['project_uuid'] as string,
  ]);
  const bare = await machine.run(['sync', 'now'], at);
  expect(bare.exit).toBe(1);
  expect(bare.stdout).toContain('Event sync halted: unauthorized');
  expect(bare.stdout).toContain(
    `Run \`spec-kitty auth login --server ${receiver.url} --token-stdin\``,
  );

  const login = ['auth', 'login', '--token-stdin', '--server', receiver.url];
  expect((await machine.run(login, { input: String(json['token']) })).exit).toBe(0);
  const refused = await machine.run(['sync', 'now', '--json'], at);
  expect(refused.json).toMatchObject({ terminal_failed: EXAMPLE_FACTS, exit_code: 1 });
  const [failure] = refused.json['failures'] as readonly Record<string, unknown>[];
  expect(failure).toMatchObject({
    outcome: 'terminal_failed',
    code: 'project_refused',
    category: 'unauthorized',
  });
  expect(await booksAt(machine, at.cwd, receiver.url)).toMatchObject({ parked: EXAMPLE_FACTS });
  const status = await machine.run(['sync', 'status'], at);
  expect(status.stdout).toContain(`${EXAMPLE_FACTS} parked: project_refused`);
  expect(status.stdout).toContain('sync parked list');

  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], {
    cwd: other,
  });
  expect((await machine.run(['sync', 'now'], { cwd: other })).exit).toBe(0);
  expect(await receiver.holdings()).toHaveLength(EXAMPLE_FACTS);
});

it('delivers to a strict receiver what it knows and parks the rest, each with its own reason', async () => {
  const machine = createMachine();
  const receiver = await realReceiver({ isStrict: true });
  const at = await permitted(machine, receiver.url);
  appendFileSync(
    path.join(at.cwd, 'kitty-specs', '001-tide-clock', 'mission-events.jsonl'),
    `${JSON.stringify({ event_id: '01M1E6PKC46CQ643DZVMXXQK00', type: 'InventedToday', timestamp: '2026-09-03T09:00:00+00:00', note: 'x' })}\n`,
  );
  const now = await machine.run(['sync', 'now', '--json'], at);
  expect(now.exit).toBe(1);
  const parked = Number(now.json['terminal_failed']);
  expect(parked).toBeGreaterThan(0);
  expect(Number(now.json['delivered']) + parked).toBe(EXAMPLE_FACTS + 1);
  const failures = now.json['failures'] as readonly Record<string, unknown>[];
  expect(failures.map((each) => each['event_id'])).toContain('01M1E6PKC46CQ643DZVMXXQK00');
  expect(new Set(failures.map((each) => each['code']))).toEqual(
    new Set(['unknown_event_type', 'schema_invalid']),
  );
  const again = await machine.run(['sync', 'now', '--no-strict'], at);
  expect(again.exit).toBe(0);
  expect(again.stdout).not.toContain('All delivered');
  expect(await booksAt(machine, at.cwd, receiver.url)).toMatchObject({ parked, queued: 0 });
});

async function permitted(machine: Machine, url: string): Promise<{ readonly cwd: string }> {
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url];
  expect((await machine.run(named, { cwd: root })).exit).toBe(0);
  return { cwd: root };
}

function laterBy(ms: number): { readonly clock: Clock } {
  const clock = systemClock();
  return { clock: { ...clock, now: () => clock.now() + ms } };
}
