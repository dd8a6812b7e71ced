import { expect, it } from 'vitest';
import { createMachine } from '../../../test/support/command-line.ts';
import { freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import { envelope } from '../../../test/support/receiver-trial.ts';
import { createIds, silentLog, systemClock, systemFiles } from '../../base/index.ts';
import { createApp, openStore } from '../../server/index.ts';
import { encodeBatch } from '../../wire/index.ts';

const cluster = await runsPostgres();
const clock = systemClock();
const EVENTS = 12;

async function fill(file: string): Promise<void> {
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  const body = encodeBatch(Array.from({ length: EVENTS }, (_, number) => envelope(number)));
  const response = await createApp(store, { clock, log: silentLog }).fetch(
    new Request('http://localhost/api/v1/events/batch/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array(body),
    }),
  );
  expect(response.status).toBe(200);
  await store.close();
}

it('moves a file into another one, says what it held, and may be run again', async () => {
  const machine = createMachine();
  await fill(`${machine.dir}/receiver.db`);
  const argv = ['receiver', 'migrate-store', '--from', 'receiver.db', '--to', 'new.db'];
  const moved = await machine.run(argv);
  expect(moved).toMatchObject({ exit: 0, stderr: '' });
  expect(moved.stdout).toMatch(/^events +12 {2}[0-9a-f]{12}$/m);
  expect(moved.stdout).toContain('✓ Both stores hold the same.');
  const again = await machine.run([...argv, '--json']);
  const tables = again.json['tables'] as readonly Readonly<Record<string, unknown>>[];
  expect(tables.find(({ table }) => table === 'events')).toMatchObject({
    rows: EVENTS,
    written: 0,
  });
  const listed = await machine.run(['receiver', 'ls', '--db', 'new.db', '--json']);
  const old = await machine.run(['receiver', 'ls', '--json']);
  expect(listed.json).toEqual(old.json);
});

it.skipIf(cluster === null)(
  'moves a file into PostgreSQL, where every command goes on',
  async () => {
    if (cluster === null) return;
    const machine = createMachine();
    await fill(`${machine.dir}/receiver.db`);
    const url = await freshDatabase(cluster);
    const moved = await machine.run([
      'receiver',
      'migrate-store',
      '--from',
      'receiver.db',
      '--to',
      url,
    ]);
    expect(moved).toMatchObject({ exit: 0, stderr: '' });
    const listed = await machine.run(['receiver', 'ls', '--db', url, '--json']);
    expect(listed.json['events']).toHaveLength(EVENTS);
    const page = await machine.run(['receiver', 'ls', '--db', url, '--limit', '5']);
    expect(page.stdout).toContain(`--db ${url}`);
    const token = await machine.run([
      'receiver',
      'token',
      'create',
      '--all',
      '--db',
      url,
      '--json',
    ]);
    expect(token.json['token']).toMatch(/^skt_/);
  },
);

it.each([
  [['--from', 'receiver.db'], 'usage', 2],
  [['--from', 'a.db', '--to', 'a.db'], 'usage', 2],
  [['--from', 'absent.db', '--to', 'b.db'], 'not_found', 1],
  [['--from', 'receiver.db', '--to', 'used.db'], 'usage', 2],
  [['--from', 'receiver.db', '--to', 'postgres://me:secret@h/d'], 'credential_on_command_line', 2],
  [['--from', 'postgres://h/d?password=secret', '--to', 'b.db'], 'credential_on_command_line', 2],
])('refuses %j', async (words, code, exit) => {
  const machine = createMachine();
  await fill(`${machine.dir}/receiver.db`);
  await fill(`${machine.dir}/used.db`);
  const ended = await machine.run(['receiver', 'migrate-store', ...words, '--json']);
  expect(ended.exit).toBe(exit);
  expect(ended.json).toMatchObject({ error: { code } });
  expect(JSON.stringify(ended)).not.toContain('secret');
});
