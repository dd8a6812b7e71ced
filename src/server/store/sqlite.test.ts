import { existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  envelope,
  LIST_URL,
  PROJECT,
  postRequest,
  replyOf,
  seededRandom,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { createIds, openDb, systemClock, systemFiles } from '../../base/index.ts';
import { listEvents } from '../operator.ts';
import { StoreUnavailable } from './driver.ts';
import { BY_ID, PAGE_OF_PROJECT, PAGE_OF_TEAM } from './events.ts';
import { openStore } from './store.ts';

async function reopen(trial: Trial, file = trial.file) {
  const ids = createIds(trial.clock, seededRandom(8));
  return openStore(file, { clock: trial.clock, ids, files: systemFiles });
}

async function countEvents(trial: Trial): Promise<number> {
  const [row] = await trial.store.driver.all<{ n: number }>('SELECT count(*) AS n FROM events');
  return row?.n ?? -1;
}

it('keeps its identity and its events when it is opened again', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  const again = await reopen(trial);
  expect(again.instanceId).toBe(trial.store.instanceId);
  expect(again.instanceId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect((await listEvents(again)).items).toHaveLength(1);
  await again.close();
  const another = await reopen(trial, path.join(path.dirname(trial.file), 'deep', 'other.db'));
  expect(another.instanceId).not.toBe(trial.store.instanceId);
  await another.close();
});

it('makes files that only their owner reads', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  const modes = [trial.file, `${trial.file}-wal`].map((file) => statSync(file).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600]);
});

it('says what cannot be opened', async () => {
  const trial = await startTrial();
  const directory = path.dirname(trial.file);
  await expect(reopen(trial, directory)).rejects.toMatchObject({ code: 'store_unreadable' });
  const junk = path.join(directory, 'junk.db');
  writeFileSync(junk, 'this is no database, it is a text of more than a hundred bytes'.repeat(10));
  await expect(reopen(trial, junk)).rejects.toMatchObject({ code: 'store_unreadable' });
});

it('opens a store in memory', async () => {
  const trial = await startTrial();
  const store = await reopen(trial, ':memory:');
  expect(await store.driver.all('SELECT type FROM events')).toEqual([]);
  await store.close();
});

it('rolls a failed transaction back and goes on', async () => {
  const trial = await startTrial();
  const { driver } = trial.store;
  const failing = driver.tx(async (sql) => {
    await sql.all(INSERT_TOKEN, ['t1']);
    throw new Error('after the first statement');
  });
  await expect(failing).rejects.toThrow('after the first statement');
  expect(await driver.all('SELECT token_id FROM tokens')).toEqual([]);
  await driver.tx(async (sql) => sql.all(INSERT_TOKEN, ['t2']));
  expect(await driver.all('SELECT token_id FROM tokens')).toEqual([{ token_id: 't2' }]);
});

const INSERT_TOKEN = `
  INSERT INTO tokens (token_id, team_id, prefix, hash, name, scope, all_projects, created_at)
  VALUES ($1, 'local', 'p', '${'0'.repeat(64)}', 'n', 'ingest', 1, 0) RETURNING token_id`;

it('lets no other statement into an open transaction', async () => {
  const trial = await startTrial();
  const { driver } = trial.store;
  const order: string[] = [];
  const slow = driver.tx(async (sql) => {
    await sql.all(INSERT_TOKEN, ['t1']);
    await trial.clock.sleep(20);
    order.push('transaction');
  });
  const read = driver.all('SELECT token_id FROM tokens').then((rows) => {
    order.push('read');
    return rows;
  });
  await slow;
  expect(await read).toEqual([{ token_id: 't1' }]);
  expect(order).toEqual(['transaction', 'read']);
});

it('refuses to open a store whose schema a newer program broke', async () => {
  const trial = await startTrial();
  const other = openDb(trial.file, { clock: systemClock() });
  other.exec(`PRAGMA user_version = 99;
    INSERT INTO migrations VALUES (99, 'later', '', 1, 0);`);
  other.close();
  await expect(reopen(trial)).rejects.toMatchObject({ code: 'store_newer' });
});

it('makes no file where one must be', async () => {
  const trial = await startTrial();
  const file = path.join(path.dirname(trial.file), 'typo.db');
  const ids = createIds(trial.clock, seededRandom(8));
  const options = { clock: trial.clock, ids, files: systemFiles, mustExist: true };
  await expect(openStore(file, options)).rejects.toMatchObject({ code: 'not_found' });
  expect(existsSync(file)).toBe(false);
  const store = await openStore(trial.file, options);
  await store.close();
});

it('answers 503 while the disk is full, stores nothing of the batch, and goes on afterwards', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  await trial.store.driver.all('PRAGMA max_page_count = 20');
  const batch = Array.from({ length: 300 }, (_, index) => envelope(index + 2));
  const reply = await replyOf(trial.app.fetch(postRequest(batch)));
  expect(reply.status).toBe(503);
  expect(reply.json).toMatchObject({ error_code: 'storage_unavailable' });
  expect(reply.headers.get('retry-after')).toBe('5');
  expect(JSON.stringify(reply.json)).not.toMatch(/full|SQLITE|\.db/);
  expect(trial.logged.at(-1)).toMatchObject({ level: 'error', event: 'receiver.failed' });
  expect(await countEvents(trial)).toBe(1);
  await trial.store.driver.all('PRAGMA max_page_count = 1000000');
  expect((await send(trial, batch)).every((result) => result.status === 'success')).toBe(true);
});

it('answers 503 while another process holds the lock', async () => {
  const trial = await startTrial();
  const other = openDb(trial.file, { clock: systemClock() });
  other.exec('BEGIN IMMEDIATE');
  const reply = await replyOf(trial.app.fetch(postRequest([envelope(1)])));
  expect([reply.status, reply.json['error_code']]).toEqual([503, 'storage_unavailable']);
  await expect(trial.store.driver.tx(async () => {})).rejects.toThrow(StoreUnavailable);
  other.exec('ROLLBACK');
  other.close();
  expect(await send(trial, [envelope(1)])).toMatchObject([{ status: 'success' }]);
});

it('answers 500 with a stable code for a bug of its own, without saying more', async () => {
  const trial = await startTrial();
  await trial.store.driver.tx(async (sql) => {
    await sql.all('SELECT 1 AS one');
  });
  const other = openDb(trial.file, { clock: systemClock() });
  other.exec('DROP TABLE events');
  other.close();
  const reply = await replyOf(trial.app.fetch(new Request(LIST_URL)));
  expect(reply.status).toBe(500);
  expect(reply.json['error_code']).toBe('internal_error');
  expect(JSON.stringify(reply.json)).not.toMatch(/events|table|stack|at /);
  expect(trial.logged.at(-1)?.['message']).toContain('no such table');
});

it('reads pages and ids through indexes, without sorting', async () => {
  const trial = await startTrial();
  const plan = async (text: string, params: readonly (string | number)[]): Promise<string> => {
    const sql = `EXPLAIN QUERY PLAN ${text}`;
    const rows = await trial.store.driver.all<{ detail: string }>(sql, params);
    return rows.map((row) => row.detail).join('; ');
  };
  const pages = [
    await plan(PAGE_OF_TEAM, ['local', 0, 1000, 100]),
    await plan(PAGE_OF_PROJECT, ['local', 0, 1000, 100, PROJECT]),
  ];
  for (const page of pages) {
    expect(page).toMatch(/^SEARCH events USING/);
    expect(page).not.toMatch(/SCAN|TEMP B-TREE/);
  }
  expect(await plan(BY_ID, ['local', 'x'])).toMatch(
    /^SEARCH events USING INDEX.*team_id=\? AND event_id=\?/,
  );
});
