import { statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import { createMachine, EXAMPLE_FACTS, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { booksAt } from '../support/store-view.ts';

it('keeps events waiting while their team has no room, and delivers when it has some', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const db = ['--db', receiver.file];
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
  const limited = await machine.run(['receiver', 'quota', 'set', '1K', ...db, '--json']);
  expect(limited.json).toEqual({ max_bytes: 1024, used_bytes: 0 });
  const full = await machine.run(['sync', 'now'], at);
  expect(full.exit).toBe(1);
  expect(full.stdout).toContain(`${EXAMPLE_FACTS} waiting (events); nothing is lost`);
  const books = await booksAt(machine, root, receiver.url);
  expect(books).toMatchObject({ delivered: 0, parked: 0 });
  const listed = await machine.run(['receiver', 'quota', 'list', ...db, '--json']);
  expect(listed.json).toMatchObject({ quotas: [{ team: 'local', used_bytes: 0, state: 'ok' }] });
  await machine.run(['receiver', 'quota', 'set', 'none', ...db]);
  // As the receiver asked, it is left alone for a while.
  const clock = systemClock();
  const later = { ...at, system: { clock: { ...clock, now: () => clock.now() + 301_000 } } };
  expect((await machine.run(['sync', 'now'], later)).stdout).toContain('All delivered.');
  expect(await receiver.holdings()).toHaveLength(EXAMPLE_FACTS);
});

it('erases an event that was not to be stored, and says so of it afterwards', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const db = ['--db', receiver.file];
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
  await machine.run(['sync', 'now'], at);
  const [first = ''] = await receiver.holdings();
  const [id = ''] = first.split(' ');
  const unsure = await machine.run(['receiver', 'erase', '--event', id, ...db, '--json']);
  expect(unsure.json).toMatchObject({ error: { code: 'usage' }, exit_code: 2 });
  const erased = await machine.run(['receiver', 'erase', '--event', id, '--yes', ...db, '--json']);
  expect(erased.json).toMatchObject({ events: 1 });
  const shown = await machine.run(['receiver', 'show', id, ...db]);
  expect(shown.stdout).toContain('  Erased    ');
  const none = await machine.run(['receiver', 'erase', '--event', id, '--yes', ...db]);
  expect(none.exit).toBe(1);
  // Its id and hash stay, so nobody takes it for lost.
  expect(await receiver.holdings()).toContain(first);
  const old = ['receiver', 'erase', '--before', '2000-01-01', '--yes', ...db, '--json'];
  expect((await machine.run(old)).json).toEqual({ events: 0, bytes: 0, rows: 0 });
  expect((await machine.run(['receiver', 'erase', '--before', 'soon', '--yes', ...db])).exit).toBe(
    2,
  );
  expect((await machine.run(['receiver', 'quota', 'set', 'much', ...db])).exit).toBe(2);
});

it('gives a backup back as another receiver, whose clients send what it misses', async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  const { port } = new URL(receiver.url);
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const at = { cwd: root };
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
  await machine.run(['sync', 'now'], at);
  const file = path.join(machine.dir, 'monday.db');
  const saved = await machine.run(['receiver', 'backup', file, '--db', receiver.file, '--json']);
  expect(saved.json).toMatchObject({ file, bytes: statSync(file).size });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await machine.run(['receiver', 'backup', file, '--db', receiver.file])).exit).toBe(2);
  await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"b"}'], at);
  await machine.run(['sync', 'now'], at);
  expect(await receiver.holdings()).toHaveLength(EXAMPLE_FACTS + 1);
  await receiver.stop();

  const db = path.join(machine.dir, 'restored.db');
  const restored = await machine.run(['receiver', 'restore', file, '--db', db, '--json']);
  expect(restored.json).toMatchObject({ was: receiver.instanceId });
  expect(restored.json['server_instance_id']).not.toBe(receiver.instanceId);
  expect((await machine.run(['receiver', 'restore', file, '--db', db])).exit).toBe(2);
  const back = await realReceiver({ file: db, port: Number(port) });
  expect(await back.holdings()).toHaveLength(EXAMPLE_FACTS);
  await machine.run(['emit', 'BuildHeartbeat', '--payload', '{"build_id":"c"}'], at);
  const blocked = await machine.run(['sync', 'now'], at);
  expect(blocked.stdout).toContain('receiver_reset');
  const remedy = /Run `spec-kitty (sync targets accept \S+)`/.exec(blocked.stdout)?.[1] ?? '';
  await machine.run(remedy.split(' '), at);
  const replay = await machine.run(
    ['sync', 'replay', '--target', remedy.split(' ').at(-1) ?? '', '--redeliver'],
    at,
  );
  expect([replay.exit, replay.stderr]).toEqual([0, '']);
  await machine.run(['sync', 'now'], at);
  expect(await back.holdings()).toHaveLength(EXAMPLE_FACTS + 2);
  const renewed = await machine.run(['receiver', 'restore', '--db', db, '--json']);
  expect(renewed.json).toMatchObject({ was: restored.json['server_instance_id'] });
});
