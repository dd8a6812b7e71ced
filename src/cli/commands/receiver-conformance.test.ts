import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createMachine } from '../../../test/support/command-line.ts';
import { freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import { realReceiver, tokenFor } from '../../../test/support/real-receiver.ts';

const COMMAND = ['receiver', 'conformance'];

it('passes the receiver that nobody has a token for', async () => {
  const receiver = await realReceiver();
  const { url, instanceId } = receiver;
  const machine = createMachine();
  const { exit, stdout, stderr } = await machine.run([...COMMAND, '--url', url]);
  expect([exit, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`${url}, instance ${instanceId}\n`);
  expect(stdout).not.toContain('FAIL');
  const kept = /The receiver keeps of it: (\d+) events/.exec(stdout)?.[1];
  expect(await receiver.holdings()).toHaveLength(Number(kept));
});

const cluster = await runsPostgres();
const databases = ['SQLite', ...(cluster === null ? [] : ['PostgreSQL'])];
const kinds = databases.flatMap((database) => [
  { database, isStrict: false },
  { database, isStrict: true },
]);

it.each(kinds)('passes the receiver with its tokens: %j', async ({ database, isStrict }) => {
  const onPostgres = database === 'PostgreSQL' && cluster !== null;
  const address = onPostgres ? { file: await freshDatabase(cluster) } : {};
  const { url, store } = await realReceiver({ isStrict, ...address });
  const machine = createMachine({
    WRITER: await tokenFor(store, 'ingest'),
    READER: await tokenFor(store, 'read'),
  });
  const more = ['--token-env', 'WRITER', '--read-token-env', 'READER', '--json'];
  const argv = [...COMMAND, '--url', url, ...more, ...(isStrict ? ['--strict'] : [])];
  const { exit, json } = await machine.run(argv);
  const rules = json['rules'] as readonly { id: string; verdict: string; detail: string }[];
  expect(rules.filter(({ verdict }) => verdict !== 'pass').map(({ id }) => id)).toEqual([
    ...(isStrict
      ? ['answer.unknown-type', 'answer.unvalidated']
      : ['strict.unknown-type', 'strict.payload']),
    'http.retry-after',
  ]);
  expect(rules.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(exit).toBe(0);
});

it('says what a token that may not read leaves out, and goes on', async () => {
  const { url, store } = await realReceiver();
  const machine = createMachine({ WRITER: await tokenFor(store, 'ingest') });
  const ended = await machine.run([...COMMAND, '--url', url, '--token-env', 'WRITER']);
  expect(ended.exit).toBe(0);
  expect(ended.stdout).toContain('the token may not read (--read-token-env)');
});

it('ends with 1 where a token is needed and none was given', async () => {
  const { url, store } = await realReceiver();
  await tokenFor(store, 'ingest');
  const { exit, json } = await createMachine().run([...COMMAND, '--url', url, '--json']);
  expect(exit).toBe(1);
  expect(json).toMatchObject({ counts: { fail: 1 }, left_behind: { events: 0 } });
});

it('ends with 5 and one line where nothing answers', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const ended = await createMachine().run([...COMMAND, '--url', `http://127.0.0.1:${port}`]);
  expect([ended.exit, ended.stdout]).toEqual([5, '']);
  expect(ended.stderr).toMatch(/^Error: http:\/\/127\.0\.0\.1:\d+ cannot be graded: .*\n$/);
});

it.each([
  [[], 'usage', 2],
  [['--url', 'stub:x'], 'usage', 2],
  [['--url', 'http://127.0.0.1:1', '--token-env', 'NOBODY'], 'usage', 2],
  [['--url', 'http://receiver.example'], 'insecure_url', 1],
])('refuses %j', async (argv, code, exit) => {
  const { json } = await createMachine().run([...COMMAND, ...argv, '--json']);
  expect(json).toMatchObject({ error: { code }, exit_code: exit });
});
