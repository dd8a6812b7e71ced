import type { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { runsPostgres } from '../../../../test/support/postgres.ts';
import { type Cluster, OWNER } from '../../../../test/support/postgres-cluster.ts';
import { besides, optionsOf, siteOn } from '../../../../test/support/postgres-site.ts';
import {
  envelope,
  eventId,
  postRequest,
  type Reply,
  replyOf,
  send,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { operatorScope } from '../../auth.ts';
import { listEvents } from '../../operator.ts';
import { type Driver, StoreUnavailable } from '../driver.ts';
import { openStore } from '../store.ts';
import { withoutSecrets } from './open.ts';

const cluster = await runsPostgres();
const OURS = operatorScope('local');

async function postTo(trial: Trial, batch: readonly Uint8Array[]): Promise<Reply> {
  return replyOf(trial.app.fetch(postRequest(batch)));
}

function expectLater(reply: Reply): void {
  expect([reply.status, reply.json['error_code']]).toEqual([503, 'storage_unavailable']);
  expect(reply.headers.get('retry-after')).toBe('5');
  expect(JSON.stringify(reply.json)).not.toMatch(/postgres|relation|127\.0\.0\.1/i);
}

describe.skipIf(cluster === null)('what the database cannot do now', () => {
  it('answers 503 while all connections are taken, and goes on afterwards', async () => {
    const site = await siteOn(running());
    const small = await besides(site, { connections: 1, connectMs: 200 });
    let let_go = (): void => {};
    const held = small.store.driver.tx(
      () =>
        new Promise<void>((resolve) => {
          let_go = resolve;
        }),
    );
    expectLater(await postTo(small, [envelope(1)]));
    let_go();
    await held;
    expect((await postTo(small, [envelope(1)])).status).toBe(200);
  });

  it('answers 503 when it waited too long for a row of somebody else', async () => {
    const site = await siteOn(running());
    const hasty = await besides(site, { lockMs: 200 });
    await site.admin(async (client) => {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, sha256,
           occurred_at, received_at, payload)
         VALUES ('local', '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a', $1, 't', 't', 'a', $2, 0, 0, '')`,
        [eventId(1), '0'.repeat(64)],
      );
      expectLater(await postTo(hasty, [envelope(2), envelope(1)]));
      await client.query('ROLLBACK');
    });
    expect((await listEvents(hasty.store)).items).toEqual([]);
    expect((await postTo(hasty, [envelope(2), envelope(1)])).status).toBe(200);
  });

  it('tells a deadlock and a serialization failure from a mistake of ours', async () => {
    const { trial } = await siteOn(running());
    const { driver } = trial.store;
    for (const state of ['40P01', '40001', '53300', '57P01', '55P03', '53100', '25006']) {
      const failing = driver.all(
        `DO $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = '${state}'; END $$`,
      );
      await expect(failing).rejects.toThrow(StoreUnavailable);
    }
    const mistakes = [
      'SELECT nothing',
      `SELECT 1 / 0`,
      `SELECT 'x'::int`,
      'INSERT INTO instance VALUES (2)',
    ];
    for (const mistake of mistakes) {
      const failing = driver.all(mistake);
      await expect(failing).rejects.not.toThrow(StoreUnavailable);
    }
    expect(await driver.all('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ends two transactions that lock each other out with one of them', async () => {
    const { trial } = await siteOn(running());
    const { driver } = trial.store;
    await driver.all(`INSERT INTO tokens (token_id, team_id, prefix, hash, name, scope, all_projects, created_at)
      SELECT 't' || n, 'local', 'p', lpad(n::text, 64, '0'), 'n', 'read', 1, 0 FROM generate_series(1, 2) n`);
    const touch = 'UPDATE tokens SET last_used_at = 1 WHERE token_id = $1';
    const both = [
      ['t1', 't2'],
      ['t2', 't1'],
    ].map(([first = '', second = '']) =>
      driver.of(OURS).tx(async (sql) => {
        await sql.all(touch, [first]);
        await trial.clock.sleep(100);
        await sql.all(touch, [second]);
      }),
    );
    const ended = await Promise.allSettled(both);
    expect(ended.map((each) => each.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const lost = ended.find((each) => each.status === 'rejected');
    expect(lost?.reason).toBeInstanceOf(StoreUnavailable);
  });

  it('lets what is read before it is written stay true, where no team keeps it apart', async () => {
    const { trial } = await siteOn(running());
    const { driver } = trial.store;
    const count = (scoped: Driver): Promise<void> =>
      scoped.tx(async (sql) => {
        await sql.alone('counting');
        const [row] = await sql.all<{ n: number }>('SELECT created_at AS n FROM instance');
        await trial.clock.sleep(2);
        await sql.all('UPDATE instance SET created_at = $1', [(row?.n ?? 0) + 1]);
      });
    await driver.all('UPDATE instance SET created_at = 0');
    await Promise.all(Array.from({ length: 10 }, () => count(driver)));
    await Promise.all(Array.from({ length: 10 }, () => count(driver.of(OURS))));
    expect(await driver.all('SELECT created_at AS n FROM instance')).toEqual([{ n: 20 }]);
  });

  it('survives that its connections are cut, and answers the next request', async () => {
    const site = await siteOn(running());
    const { trial } = site;
    await send(trial, [envelope(1)]);
    const cut = async (client: Client): Promise<unknown> =>
      client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
        [site.name],
      );
    const during = trial.store.driver.tx(async (sql) => {
      await sql.all('UPDATE instance SET created_at = 0');
      await site.admin(cut);
      await sql.all('SELECT 1');
    });
    await expect(during).rejects.toThrow(StoreUnavailable);
    await site.admin(cut);
    await trial.clock.sleep(50);
    expect(await send(trial, [envelope(1), envelope(2)])).toMatchObject([
      { status: 'duplicate' },
      { status: 'success' },
    ]);
  });

  it('stores nothing while commits are not flushed', async () => {
    const site = await siteOn(running());
    await site.admin((client) =>
      client.query(`ALTER DATABASE ${site.name} SET synchronous_commit = off`),
    );
    await expect(openStore(site.url, optionsOf(site.trial))).rejects.toMatchObject({
      code: 'store_unreadable',
      message: expect.stringContaining('synchronous_commit is off') as unknown,
    });
  });

  it('says what it cannot reach, without the password', async () => {
    const { trial, name } = await siteOn(running());
    const gone = openStore(
      'postgres://keeper:secret@127.0.0.1:1/x?password=secret',
      optionsOf(trial),
    );
    await expect(gone).rejects.toMatchObject({
      code: 'store_unreadable',
      message: expect.stringMatching(
        /^cannot use postgres:\/\/keeper@127\.0\.0\.1:1\/x: .*refused/i,
      ) as unknown,
    });
    const absent = openStore(
      `postgres://${OWNER}@127.0.0.1:${running().port}/no_${name}`,
      optionsOf(trial),
    );
    await expect(absent).rejects.toMatchObject({ code: 'store_unreadable' });
    expect(() => withoutSecrets('postgres://[')).toThrow('postgres://user@host');
  });
});

function running(): Cluster {
  if (cluster === null) throw new Error('there is no PostgreSQL');
  return cluster;
}
