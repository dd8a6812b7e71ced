import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { createMachine } from '../support/command-line.ts';

it('finds a delivery that somebody took out of the ledger by hand, with the guards switched off', async () => {
  const machine = createMachine();
  const at = { cwd: machine.repository('repo') };
  const { json } = await machine.run(['init', '--json'], at);
  const payload = '{"wp_id":"WP01","agent_id":"a","phase":"review"}';
  for (let n = 0; n < 3; n += 1) {
    expect((await machine.run(['emit', 'WPAssigned', '--payload', payload], at)).exit).toBe(0);
  }
  const endpoint = `stub:${path.join(machine.dir, 'events.ndjson')}`;
  await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', endpoint], at);
  await machine.run(['sync', 'now'], at);
  expect((await machine.run(['sync', 'status', '--check'], at)).exit).toBe(0);

  const store = path.join(machine.home, 'projects', `${String(json['project_uuid'])}.db`);
  const db = new Database(store);
  expect(() => db.exec('DELETE FROM event_deliveries WHERE seq = 2')).toThrow('stays');
  db.exec('DROP TRIGGER event_deliveries_no_delete; DELETE FROM event_deliveries WHERE seq = 2');
  db.close();

  const status = await machine.run(['sync', 'status', '--check'], at);
  expect(status.exit).toBe(3);
  expect(status.stdout).toContain('DOES NOT BALANCE');
});
