import { cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createMachine, EXAMPLE_MISSIONS, type Machine } from '../support/command-line.ts';
import { answerAll, recordingServer, type RecordingServer } from '../support/recording-server.ts';
import { balancedBooks, booksAt, openStoreOf } from '../support/store-view.ts';

const SENTINEL = 'xyzzy-must-never-travel';
const SECRET_LINE = `${JSON.stringify({
  actor: SENTINEL,
  at: '2026-09-01T10:00:00+00:00',
  event_id: '01M1E6PKC46CQ643DZVMXXQK00',
  from_lane: 'planned',
  to_lane: 'claimed',
  wp_id: 'WP01',
})}\n`;

it('sends nothing of a second project that never named a target', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const root = await permitted(machine, 'permitted', receiver);
  const other = await machine.project('other');
  await emitSentinel(machine, other);

  await expectRefused(machine, other, { code: 'target_unresolved', exit: 5 });
  await machine.run(['sync', 'now'], { cwd: root });
  await machine.run(['sync', 'now', '--all'], { cwd: root });
  expectNothingOf(receiver, SENTINEL);
  expect(received(receiver)).toContain('01M1E6PKC46CQ643DZVMXXQKFB');
});

it('takes a default of the machine for an offer, not for a permission', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url]);
  const other = await machine.project('other');
  await emitSentinel(machine, other);
  await expectRefused(machine, other, { code: 'no_grant', exit: 1 });
  await machine.run(['sync', 'now', '--all'], { cwd: other });
  expect(receiver.requests).toEqual([]);

  await machine.run(['sync', 'opt-in'], { cwd: other });
  expect((await machine.run(['sync', 'now'], { cwd: other })).exit).toBe(0);
  expect(received(receiver)).toContain(SENTINEL);
});

it('sends nothing of a second checkout with the copied identity until it is permitted there', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const root = await permitted(machine, 'first', receiver);
  const copy = path.join(machine.dir, 'copy');
  cpSync(root, copy, { recursive: true });
  await emitSentinel(machine, copy);

  await expectRefused(machine, copy, { code: 'no_grant', exit: 1 });
  const named = await machine.run(['sync', 'now', '--target', receiver.url, '--json'], {
    cwd: copy,
  });
  expect(named.json).toMatchObject({ error: { code: 'checkout_not_covered' }, exit_code: 1 });
  const now = await machine.run(['sync', 'now'], { cwd: root });
  expect(now).toMatchObject({ exit: 0, stderr: '' });
  expect(now.stdout).toContain('1 withheld (unknown_checkout)');
  expectNothingOf(receiver, SENTINEL);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({ withheld: 1, queued: 0 });

  await machine.run(['sync', 'opt-in'], { cwd: copy });
  expect((await machine.run(['sync', 'now'], { cwd: copy })).exit).toBe(0);
  expect(received(receiver)).toContain(SENTINEL);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({ withheld: 0 });
});

it('counts a linked worktree as the checkout that it belongs to', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const root = await permitted(machine, 'main', receiver);
  const worktree = path.join(machine.dir, 'worktree');
  const gitDir = path.join(root, '.git', 'worktrees', 'worktree');
  mkdirSync(gitDir, { recursive: true });
  mkdirSync(worktree);
  writeFileSync(path.join(gitDir, 'HEAD'), 'ref: refs/heads/lane\n');
  writeFileSync(path.join(gitDir, 'commondir'), '../..\n');
  writeFileSync(path.join(gitDir, 'gitdir'), `${path.join(worktree, '.git')}\n`);
  writeFileSync(path.join(worktree, '.git'), `gitdir: ${gitDir}\n`);
  await emitSentinel(machine, worktree);
  expect((await machine.run(['sync', 'now'], { cwd: worktree })).exit).toBe(0);
  expect(received(receiver)).toContain('"git_branch":"lane"');
});

it('reads nothing through a symbolic link', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const elsewhere = path.join(machine.dir, 'elsewhere');
  mkdirSync(path.join(elsewhere, '009-secret'), { recursive: true });
  const log = path.join(elsewhere, '009-secret', 'status.events.jsonl');
  writeFileSync(log, SECRET_LINE);
  const [whole, folder, file] = await Promise.all(
    ['whole', 'folder', 'file'].map((name) => permitted(machine, name, receiver)),
  );
  renameSync(path.join(whole ?? '', 'kitty-specs'), path.join(machine.dir, 'moved'));
  symlinkSync(elsewhere, path.join(whole ?? '', 'kitty-specs'));
  symlinkSync(path.dirname(log), path.join(folder ?? '', 'kitty-specs', '009-secret'));
  const mission = path.join(file ?? '', 'kitty-specs', '009-secret');
  mkdirSync(mission);
  symlinkSync(log, path.join(mission, 'status.events.jsonl'));

  for (const root of [whole, folder, file]) {
    const now = await machine.run(['sync', 'now'], { cwd: root ?? '' });
    expect(now.stdout).toMatch(/not read: kitty-specs\S*/);
    expect(now).toMatchObject({ exit: 1, stderr: '' });
    await balancedBooks(machine, root ?? '');
  }
  expectNothingOf(receiver, SENTINEL);
});

it('sends nothing when the permission is withdrawn while the receiver is asked who it is', async () => {
  const machine = createMachine();
  const withdrawn: string[] = [];
  const receiver = await recordingServer(async (request) => {
    if (request.method === 'POST') return answerAll(request);
    const [root] = withdrawn;
    if (root !== undefined) await machine.run(['sync', 'opt-out'], { cwd: root });
    return { status: 404 };
  });
  const root = await permitted(machine, 'repo', receiver);
  withdrawn.push(root);
  const now = await machine.run(['sync', 'now'], { cwd: root });
  expect(now.exit).toBe(1);
  expect(now.stdout).toContain('The permission was withdrawn meanwhile');
  expect(receiver.batches()).toEqual([]);
  expect(await booksAt(machine, root, receiver.url)).toMatchObject({ granted: false, queued: 0 });
});

it('cannot be talked into a queued delivery without a permission, not even by hand', async () => {
  const machine = createMachine();
  const receiver = await recordingServer((request) => answerAll(request));
  const root = await permitted(machine, 'repo', receiver);
  await machine.run(['sync', 'import'], { cwd: root });
  await machine.run(['sync', 'opt-out'], { cwd: root });
  const db = openStoreOf(machine, root);
  db.exec('UPDATE generations SET next_seq = 2');
  expect(() => {
    db.exec('INSERT INTO event_deliveries (gen_id, seq, route_id, state) VALUES (1, 1, 1, 1)');
  }).toThrow(/FOREIGN KEY/);
  db.exec('UPDATE generations SET next_seq = 1');
  const now = await machine.run(['sync', 'now', '--target', receiver.url], { cwd: root });
  expect(now.exit).toBe(1);
  expect(receiver.requests).toEqual([]);
});

/** A project with the example missions that may be sent to the receiver. */
async function permitted(
  machine: Machine,
  name: string,
  receiver: RecordingServer,
): Promise<string> {
  const root = await machine.project(name, EXAMPLE_MISSIONS);
  const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await machine.run(named, { cwd: root })).exit).toBe(0);
  return root;
}

async function emitSentinel(machine: Machine, root: string): Promise<void> {
  const payload = { error_type: 'runtime', error_message: SENTINEL };
  const emit = ['emit', 'ErrorLogged', '--payload', JSON.stringify(payload)];
  expect(await machine.run(emit, { cwd: root })).toMatchObject({ exit: 0, stderr: '' });
}

async function expectRefused(
  machine: Machine,
  root: string,
  expected: { readonly code: string; readonly exit: number },
): Promise<void> {
  const now = await machine.run(['sync', 'now', '--json'], { cwd: root });
  expect(now.json).toMatchObject({ error: { code: expected.code }, exit_code: expected.exit });
  expect(now.exit).toBe(expected.exit);
}

/** Everything that ever arrived: request lines, headers and bodies, as sent and unpacked. */
function received(receiver: RecordingServer): string {
  return receiver.requests
    .map(({ path: url, headers, raw, body }) =>
      [url, JSON.stringify(headers), raw, body].join('\n'),
    )
    .join('\n');
}

function expectNothingOf(receiver: RecordingServer, sentinel: string): void {
  expect(received(receiver)).not.toContain(sentinel);
}
