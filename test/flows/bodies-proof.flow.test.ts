import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { proveBodies, storedText } from '../support/body-proof.ts';
import { ARTIFACTS, createMachine, type Ended, type Machine } from '../support/command-line.ts';
import { manualClock } from '../support/manual-clock.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { tempDir } from '../support/temp-home.ts';

const LIMIT = 524_288;
const DAY = 86_400_000;

interface Story {
  readonly machine: Machine;
  readonly root: string;
  readonly project: string;
  put(below: string, text: string | Uint8Array): void;
  run(...line: readonly string[]): Promise<Ended>;
  point(receiver: Pick<RealReceiver, 'url'>): Promise<void>;
}

/** A project without missions; `put` writes below `kitty-specs`. */
async function story(): Promise<Story> {
  const machine = createMachine(ARTIFACTS);
  const root = await machine.project('repo');
  const identity = fs.readFileSync(path.join(root, '.kittify', 'config.yaml'), 'utf8');
  const run: Story['run'] = (...line) => machine.run(line, { cwd: root });
  return {
    machine,
    root,
    project: /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(identity)?.[0] ?? '',
    put: (below, text) => {
      const file = path.join(root, 'kitty-specs', below);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    },
    run,
    point: async ({ url }) => {
      const ended = await run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url);
      expect(ended).toMatchObject({ exit: 0 });
    },
  };
}

it('a text arrives byte by byte, whatever stands in it, up to the limit and not beyond', async () => {
  const at = await story();
  const receiver = await realReceiver();
  await at.point(receiver);
  const texts: Readonly<Record<string, string | Uint8Array>> = {
    'below.md': 'x'.repeat(LIMIT - 1),
    'limit.md': 'x'.repeat(LIMIT),
    'above.md': 'x'.repeat(LIMIT + 1),
    'sign-at-the-limit.md': `${'x'.repeat(LIMIT - 4)}🚀`,
    'sign-across-the-limit.md': `${'x'.repeat(LIMIT - 2)}🚀`,
    'control.md': '\u0001'.repeat(LIMIT),
    'mark.md': '\ufeff# Title\n',
    'mark-alone.md': '\ufeff',
    'ends.md': 'a\r\nb\n\rc\u2028d\u0085',
    'zero.md': 'a\0b\0',
    'empty.md': '',
    'quotes.json': '{"a":"\\u0000\\ud83d"}',
    'names é ü 名.md': 'é',
  };
  for (const [name, text] of Object.entries(texts)) at.put(`001-edges/research/${name}`, text);
  at.put('001-edges/research/half.md', Buffer.from([0x61, 0xc3]));
  const done = await at.run('sync', 'now', '--verbose');
  expect(done).toMatchObject({ exit: 0 });
  for (const [name, reason] of [
    ['above.md', 'oversized: 524289 bytes > 524288 limit'],
    ['sign-across-the-limit.md', 'oversized: 524290 bytes > 524288 limit'],
    ['empty.md', 'empty_content'],
    ['half.md', 'not_present: invalid_utf8'],
  ]) {
    expect(done.stdout).toMatch(new RegExp(`skipped +001-edges/research/${name} +${reason}`));
  }
  fs.rmSync(path.join(at.root, 'kitty-specs', '001-edges', 'research', 'half.md'));
  const proof = await proveBodies(at.root, receiver.url, at.project);
  expect(proof).toEqual({ complaints: [], stored: 10, skipped: 3 });
}, 60_000);

it('missions of one type, branches of one mission and equal texts stay apart', async () => {
  const at = await story();
  const receiver = await realReceiver();
  await at.point(receiver);
  const meta = (branch: string): string =>
    JSON.stringify({ mission_type: 'software-dev', target_branch: branch });
  for (const mission of ['001-one', '002-two']) {
    at.put(`${mission}/meta.json`, meta('main'));
    at.put(`${mission}/spec.md`, '# The same\n');
    at.put(`${mission}/plan.md`, `# Plan of ${mission}\n`);
  }
  expect(await at.run('sync', 'now')).toMatchObject({ exit: 0 });
  expect(await proveBodies(at.root, receiver.url, at.project)).toMatchObject({ complaints: [] });
  at.put('001-one/meta.json', meta('release'));
  at.put('001-one/plan.md', '# Plan on release\n');
  expect(await at.run('sync', 'now')).toMatchObject({ exit: 0 });
  const text = (mission: string, branch: string, name: string): Promise<string> =>
    storedText(receiver.url, {
      project: at.project,
      mission,
      branch,
      type: 'software-dev',
      manifest: '1',
      path: name,
    });
  expect(await text('001-one', 'main', 'plan.md')).toBe('# Plan of 001-one\n');
  expect(await text('001-one', 'release', 'plan.md')).toBe('# Plan on release\n');
  expect(await text('001-one', 'release', 'spec.md')).toBe('# The same\n');
  expect(await text('002-two', 'main', 'plan.md')).toBe('# Plan of 002-two\n');
  await expect(text('002-two', 'release', 'plan.md')).rejects.toThrow('404');
});

it('an edit that is taken back before anything is sent leaves the present text at the receiver', async () => {
  const at = await story();
  const file = path.join(tempDir(), 'receiver.db');
  const receiver = await realReceiver({ file });
  await at.point(receiver);
  at.put('001-one/spec.md', 'first');
  at.put('001-one/plan.md', 'before');
  expect(await at.run('sync', 'now')).toMatchObject({ exit: 0 });
  await receiver.stop();
  for (const text of ['second', 'third', 'first', 'third', 'first']) {
    at.put('001-one/spec.md', text);
    at.put('001-one/plan.md', `${text} plan`);
    expect(await at.run('sync', 'now')).toMatchObject({ exit: 1 });
  }
  const back = await realReceiver({ file, port: Number(new URL(receiver.url).port) });
  expect(await at.run('sync', 'now')).toMatchObject({ exit: 0 });
  const proof = await proveBodies(at.root, back.url, at.project);
  expect(proof).toEqual({ complaints: [], stored: 2, skipped: 0 });
});

it('thirty days without a network lose nothing, and a day back delivers everything', async () => {
  const at = await story();
  const file = path.join(tempDir(), 'receiver.db');
  const receiver = await realReceiver({ file });
  await at.point(receiver);
  await receiver.stop();
  const clock = manualClock();
  const run = (...line: readonly string[]): Promise<Ended> =>
    at.machine.run(line, { cwd: at.root, system: { clock } });
  for (let day = 1; day <= 30; day += 1) {
    at.put(`001-one/research/day-${day}.md`, `# Day ${day}\n`);
    at.put('001-one/spec.md', `# Specification of day ${day}\n`);
    expect(await run('sync', 'now')).toMatchObject({ exit: 1 });
    clock.move(DAY);
  }
  const waiting = await run('sync', 'status', '--json');
  expect(waiting.json['body_queue']).toMatchObject({ total_tasks: 60 });
  const back = await realReceiver({ file, port: Number(new URL(receiver.url).port) });
  expect(await run('sync', 'now')).toMatchObject({ exit: 0 });
  const proof = await proveBodies(at.root, back.url, at.project);
  expect(proof).toEqual({ complaints: [], stored: 31, skipped: 0 });
  const after = await run('sync', 'status', '--json');
  expect(after.json['body_queue']).toMatchObject({ total_tasks: 0, ready_to_send: 0, parked: 0 });
}, 60_000);

it('texts whose index events are parked say so, and go once those are retried', async () => {
  const at = await story();
  const receiver = await realReceiver();
  await at.point(receiver);
  at.put('001-one/spec.md', '# One\n');
  at.put('001-one/plan.md', '# Plan\n');
  const other = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
  const login = async (project: string): Promise<void> => {
    const words = ['receiver', 'token', 'create', '--db', receiver.file, '--project', project];
    const { json } = await at.run(...words, '--json');
    const signed = await at.machine.run(
      ['auth', 'login', '--token-stdin', '--server', receiver.url],
      { input: String(json['token']) },
    );
    expect(signed).toMatchObject({ exit: 0 });
  };
  await login(other);
  const refused = await at.run('sync', 'now', '--json');
  expect(refused).toMatchObject({ exit: 1, json: { terminal_failed: 3 } });
  const status = await at.run('sync', 'status', '--json');
  expect(status.json['body_queue']).toMatchObject({
    total_tasks: 2,
    ready_to_send: 0,
    waiting: [{ event: 'parked', reason: 'project_refused' }],
  });
  expect((await at.run('sync', 'status')).stdout).toMatch(/project_refused/);
  await login(at.project);
  expect(await at.run('sync', 'parked', 'retry', '--all')).toMatchObject({ exit: 0 });
  expect(await at.run('sync', 'now')).toMatchObject({ exit: 0 });
  const token = await at.run(
    ...['receiver', 'token', 'create', '--db', receiver.file, '--project', at.project],
    ...['--scope', 'read', '--json'],
  );
  const proof = await proveBodies(at.root, receiver.url, at.project, String(token.json['token']));
  expect(proof).toEqual({ complaints: [], stored: 2, skipped: 0 });
});
