import { cpSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { createMachine } from '../support/command-line.ts';
import { photograph } from '../support/old-home.ts';
import { realReceiver } from '../support/real-receiver.ts';

// A home as the Python command line left it, beside the checkout; without it there is nothing to compare with.
const SAMPLE = path.resolve(import.meta.dirname, '../../../shared/samples/legacy-home');
const OWNER = '550e8400-e29b-41d4-a716-446655440000';

it.skipIf(!existsSync(SAMPLE))(
  'a real old home moves in, row by row, and is delivered',
  async () => {
    const machine = createMachine();
    const old = path.join(machine.dir, 'old');
    cpSync(SAMPLE, old, { recursive: true, mode: 0 });
    const before = photograph(old);
    const root = machine.repository('repo', {
      '.kittify/config.yaml': `project:\n  uuid: ${OWNER}\n  slug: sample-project\n`,
    });
    const at = { cwd: root };
    const receiver = await realReceiver();
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const found = await machine.run(['sync', 'migrate', '--source', old, '--json'], at);
    expect(found.json).toMatchObject({ imported: 164, deduped: 2, conflicts: 1, unreadable: 0 });
    expect(photograph(old)).toEqual(before);
    const again = await machine.run(['sync', 'migrate', '--json'], at);
    expect(again.json).toMatchObject({ imported: 0, deduped: 166, conflicts: 1, exit_code: 1 });
    await machine.run(['sync', 'migrate', '--resolve', 'keep-journal', '--all'], at);

    const now = await machine.run(['sync', 'now', '--json'], at);
    expect(now.json).toMatchObject({ migration: { imported: 0, conflicts: 0, exit_code: 0 } });
    const held = new Set(await receiver.holdings());
    const rows = eventsIn(old);
    // The first content of an id is the one that was sent, in the spelling it was queued in.
    const first = new Map(rows.map(({ id }) => [id, rows.find((each) => each.id === id)]));
    const sent = [...first.values()].map((row) => `${row?.id ?? ''} ${row?.sha256 ?? ''}`);
    expect(held.size).toBe(147);
    expect(sent.filter((line) => !held.has(line))).toEqual([]);
    expect(photograph(old)).toEqual(before);
  },
);

function eventsIn(old: string): readonly { readonly id: string; readonly sha256: string }[] {
  const copies = path.join(path.dirname(old), 'copies');
  mkdirSync(copies);
  cpSync(old, copies, { recursive: true });
  const files = [
    'queue.db',
    'queues/queue-bce397a303a904b9.db',
    'queues/queue-f2ad8710daa6c575.db',
  ];
  return files.flatMap((file) => {
    const db = new Database(path.join(copies, file), { readonly: true });
    const rows = db.prepare('SELECT event_id, data FROM queue ORDER BY timestamp, id').all();
    db.close();
    return (rows as { event_id: string; data: string }[]).map(({ event_id: id, data }) => ({
      id,
      sha256: createHash('sha256').update(data).digest('hex'),
    }));
  });
}
