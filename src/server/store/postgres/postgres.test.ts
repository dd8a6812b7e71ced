import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshDatabase, runsPostgres } from '../../../../test/support/postgres.ts';
import { type Cluster, onServer, OWNER } from '../../../../test/support/postgres-cluster.ts';
import {
  envelope,
  eventId,
  LIST_URL,
  OTHER_PROJECT,
  postRequest,
  type Reply,
  replyOf,
  seededRandom,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { createIds, systemFiles } from '../../../base/index.ts';
import { createApp } from '../../app.ts';
import { operatorScope } from '../../auth.ts';
import { listEvents } from '../../operator.ts';
import { type Driver, StoreUnavailable } from '../driver.ts';
import { openStore, type StoreOptions } from '../store.ts';
import { ROLE } from './driver.ts';
import { openPostgres, type PoolLimits, withoutSecrets } from './open.ts';

const cluster = await runsPostgres();
const OURS = operatorScope('local');

interface Site {
  readonly trial: Trial;
  readonly url: string;
  readonly name: string;
  /** Does something in the database as its superuser. */
  readonly admin: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
}

async function siteOn(server: Cluster): Promise<Site> {
  const url = await freshDatabase(server);
  const name = new URL(url).pathname.slice(1);
  const trial = await startTrial({}, url);
  return { trial, url, name, admin: (work) => onServer(server, work, name) };
}

function optionsOf(trial: Trial): StoreOptions {
  return {
    clock: trial.clock,
    ids: createIds(trial.clock, seededRandom(9)),
    files: systemFiles,
  };
}

/** A second process's view of the same database, with limits of its own. */
async function besides({ trial, url }: Site, limits: PoolLimits): Promise<Trial> {
  const store = await openPostgres(url, optionsOf(trial), limits);
  onTestFinished(() => store.close());
  return { ...trial, store, app: createApp(store, trial.options) };
}

async function postTo(trial: Trial, batch: readonly Uint8Array[]): Promise<Reply> {
  return replyOf(trial.app.fetch(postRequest(batch)));
}

function expectLater(reply: Reply): void {
  expect([reply.status, reply.json['error_code']]).toEqual([503, 'storage_unavailable']);
  expect(reply.headers.get('retry-after')).toBe('5');
  expect(JSON.stringify(reply.json)).not.toMatch(/postgres|relation|127\.0\.0\.1/i);
}

describe.skipIf(cluster === null)('the wall between teams', () => {
  it('stands without any condition in a statement', async () => {
    const { trial } = await siteOn(running());
    const { driver } = trial.store;
    await send(trial, [envelope(1)]);
    const count = 'SELECT count(*) AS n FROM events';
    expect(await driver.of(OURS).all(count)).toEqual([{ n: 1 }]);
    expect(await driver.of(operatorScope('other')).all(count)).toEqual([{ n: 0 }]);
    expect(await driver.all(count)).toEqual([{ n: 0 }]);
    expect(await driver.of(operatorScope('')).all(count)).toEqual([{ n: 0 }]);
    for (const table of ['artifacts', 'artifact_versions', 'bodies', 'namespaces']) {
      expect(await driver.all(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 0 }]);
    }
  });

  it('lets nobody write into another team, nor into none', async () => {
    const { trial } = await siteOn(running());
    const { driver } = trial.store;
    await send(trial, [envelope(1)]);
    const steal = `UPDATE events SET team_id = 'other' RETURNING event_id`;
    await expect(driver.of(OURS).all(steal)).rejects.toThrow('row-level security');
    const copy = `INSERT INTO namespaces VALUES ('local', 'p', 'n', '', '', '', '') RETURNING team_id`;
    await expect(driver.of(operatorScope('other')).all(copy)).rejects.toThrow('row-level security');
    await expect(driver.all(copy)).rejects.toThrow('row-level security');
  });

  it('is fail closed on a connection that had a team before, and for the owner', async () => {
    const site = await siteOn(running());
    await send(site.trial, [envelope(1)]);
    const client = new Client(site.url);
    await client.connect();
    onTestFinished(() => client.end());
    const count = async (): Promise<unknown> =>
      (await client.query('SELECT count(*)::int AS n FROM events')).rows[0];
    expect(await count()).toEqual({ n: 0 });
    await client.query('BEGIN');
    await client.query(`SELECT set_config('spec_kitty.team', 'local', true)`);
    expect(await count()).toEqual({ n: 1 });
    await client.query('COMMIT');
    const given = await client.query(`SELECT current_setting('spec_kitty.team', true) AS team`);
    // A setting that was given up is an empty text, not none.
    expect(given.rows).toEqual([{ team: '' }]);
    expect(await count()).toEqual({ n: 0 });
  });

  it('belongs to a role that owns no table and reaches no piece of one', async () => {
    const { admin } = await siteOn(running());
    const { rows } = await admin((client) =>
      client.query(
        `SELECT r.rolsuper, r.rolbypassrls, r.rolcanlogin,
           (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned,
           has_table_privilege(r.oid, 'events_0', 'SELECT') AS piece,
           (SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relname IN ('events', 'bodies')) AS forced
         FROM pg_roles r WHERE rolname = $1`,
        [ROLE],
      ),
    );
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolbypassrls: false,
        rolcanlogin: false,
        owned: 0,
        piece: false,
        forced: true,
      },
    ]);
  });

  it('covers every table that says whose project a row is of', async () => {
    const { admin } = await siteOn(running());
    const { rows } = await admin((client) =>
      client.query(
        `SELECT relname, relkind FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition
           AND relnamespace = 'public'::regnamespace AND NOT relforcerowsecurity
           AND 2 = (SELECT count(*) FROM pg_attribute
             WHERE attrelid = c.oid AND attname IN ('team_id', 'project_id'))`,
      ),
    );
    expect(rows).toEqual([]);
  });

  it('serves a login that owns nothing, once the owner has made the tables', async () => {
    const site = await siteOn(running());
    const login = `guest_${site.name}`;
    await site.admin(async (client) => {
      await client.query(`CREATE ROLE ${login} LOGIN`);
      await client.query(`GRANT ${ROLE} TO ${login}`);
    });
    onTestFinished(async () => {
      await onServer(running(), (client) => client.query(`DROP ROLE ${login}`));
    });
    const url = site.url.replace(`${OWNER}@`, `${login}@`);
    const store = await openStore(url, optionsOf(site.trial));
    const guest = { ...site.trial, store, app: createApp(store, site.trial.options) };
    expect(await send(guest, [envelope(1)])).toMatchObject([{ status: 'success' }]);
    expect(store.instanceId).toBe(site.trial.store.instanceId);
    await store.close();
  });
});

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

describe.skipIf(cluster === null)('the schema on PostgreSQL', () => {
  it('is made once by however many start together', async () => {
    const url = await freshDatabase(running());
    const trial = await startTrial();
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openStore(url, optionsOf(trial))),
    );
    expect(new Set(stores.map((store) => store.instanceId)).size).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('is not used when a newer program broke it, nor made where it must be', async () => {
    const site = await siteOn(running());
    await site.admin((client) =>
      client.query(`INSERT INTO migrations VALUES (99, 'later', '', 1, 0)`),
    );
    const options = optionsOf(site.trial);
    await expect(openStore(site.url, options)).rejects.toMatchObject({ code: 'store_newer' });
    const empty = await freshDatabase(running());
    await expect(openStore(empty, { ...options, mustExist: true })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('divides what belongs to projects by project', async () => {
    const site = await siteOn(running());
    const projects = Array.from(
      { length: 40 },
      (_, n) => OTHER_PROJECT.slice(0, -2) + String(n + 10),
    );
    await send(
      site.trial,
      projects.map((project_uuid, n) => envelope(n, { project_uuid })),
    );
    const { rows } = await site.admin((client) =>
      client.query('SELECT tableoid::regclass::text AS piece FROM events GROUP BY 1'),
    );
    expect(rows.length).toBeGreaterThan(4);
  });

  it('shows a page only up to the first number that may still appear', async () => {
    const site = await siteOn(running());
    const { trial } = site;
    await send(trial, [envelope(1)]);
    let go = (): void => {};
    const begun = new Promise<void>((started) => {
      void trial.store.driver.of(OURS).tx(async (sql) => {
        await sql.columns?.(`SELECT nextval('events_arrival_seq')`, []);
        started();
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      });
    });
    await begun;
    await send(trial, [envelope(3)]);
    const seen = async (): Promise<readonly unknown[]> =>
      (await listEvents(trial.store)).items.map((item) => item.eventId);
    expect(await seen()).toEqual([eventId(1)]);
    go();
    await expect.poll(seen).toEqual([eventId(1), eventId(3)]);
  });

  it('reads pages and ids through indexes', async () => {
    const site = await siteOn(running());
    const { trial } = site;
    for (let n = 0; n < 5; n += 1) {
      await send(
        trial,
        Array.from({ length: 1000 }, (_, i) => envelope(n * 1000 + i)),
      );
    }
    await site.admin((client) => client.query('ANALYZE'));
    const plan = async (query: string, params: readonly (string | number)[]): Promise<string> => {
      const rows = await trial.store.driver
        .of(OURS)
        .all<{ 'QUERY PLAN': string }>(`EXPLAIN ${query}`, params);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    };
    const { PAGE_OF_TEAM, PAGE_OF_PROJECT, BY_ID } = await import('../events.ts');
    const filled = '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a';
    const plans = [
      await plan(PAGE_OF_TEAM, ['local', 100, 6000, 100]),
      await plan(PAGE_OF_PROJECT, ['local', 100, 6000, 100, filled]),
      await plan(BY_ID, ['local', eventId(1)]),
    ];
    for (const each of plans) expect(each).not.toMatch(/Seq Scan on events_\d.*rows=[1-9]\d{2}/);
    expect((await replyOf(trial.app.fetch(new Request(LIST_URL)))).status).toBe(200);
  });
});

function running(): Cluster {
  if (cluster === null) throw new Error('there is no PostgreSQL');
  return cluster;
}
