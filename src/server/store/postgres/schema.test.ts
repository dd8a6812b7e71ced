import { describe, expect, it } from 'vitest';
import { freshDatabase, runsPostgres } from '../../../../test/support/postgres.ts';
import { type Cluster } from '../../../../test/support/postgres-cluster.ts';
import { optionsOf, siteOn } from '../../../../test/support/postgres-site.ts';
import {
  envelope,
  eventId,
  LIST_URL,
  OTHER_PROJECT,
  replyOf,
  send,
  startTrial,
} from '../../../../test/support/receiver-trial.ts';
import { operatorScope } from '../../auth.ts';
import { listEvents } from '../../operator.ts';
import { openStore } from '../store.ts';

const cluster = await runsPostgres();
const OURS = operatorScope('local');

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
