import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runsPostgres } from '../../../../test/support/postgres.ts';
import { type Cluster, onServer, OWNER } from '../../../../test/support/postgres-cluster.ts';
import { optionsOf, siteOn } from '../../../../test/support/postgres-site.ts';
import { envelope, send } from '../../../../test/support/receiver-trial.ts';
import { createApp } from '../../app.ts';
import { operatorScope } from '../../auth.ts';
import { openStore } from '../store.ts';
import { ROLE } from './driver.ts';

const cluster = await runsPostgres();
const OURS = operatorScope('local');

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

function running(): Cluster {
  if (cluster === null) throw new Error('there is no PostgreSQL');
  return cluster;
}
