import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { createMachine } from '../support/command-line.ts';

it('never says that all is delivered while rows of the project wait in an old queue', async () => {
  const machine = createMachine();
  const at = { cwd: machine.repository('repo') };
  const { json } = await machine.run(['init', '--json'], at);
  const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
  expect((await machine.run(['sync', 'now'], at)).stdout).toContain('All delivered.');

  mkdirSync(machine.home, { recursive: true });
  const queue = new Database(path.join(machine.home, 'queue.db'));
  queue.exec('CREATE TABLE queue (id INTEGER PRIMARY KEY, event_id TEXT, data TEXT NOT NULL)');
  queue
    .prepare("INSERT INTO queue (event_id, data) VALUES ('E1', ?)")
    .run(JSON.stringify({ project_uuid: json['project_uuid'] }));
  queue.close();

  const now = await machine.run(['sync', 'now'], at);
  expect(now.exit).toBe(1);
  expect(now.stdout).not.toContain('All delivered.');
  expect(now.stdout).toContain('1 row(s) of this project wait in queue databases');
  const status = await machine.run(['sync', 'status', '--check', '--json'], at);
  expect(status.exit).toBe(2);
  expect(status.json).toMatchObject({ legacy_rows: 1 });
});
