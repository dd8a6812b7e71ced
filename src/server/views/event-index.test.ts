import { expect, it } from 'vitest';
import { freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import { OTHER_PROJECT, PROJECT, startTrial } from '../../../test/support/receiver-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { migrate, openDb, systemClock } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import type { Driver, Sql } from '../store/driver.ts';
import { RECEIVER_MIGRATIONS } from '../store/migrations.ts';
import { sqliteDriver } from '../store/sqlite.ts';
import { type EventFilter, lookForEvents, type Place } from './event-index.ts';
import { namesFor } from './tallies.ts';

const LOCAL = operatorScope('local');
const EVENTS = 12_000;
const ANY: EventFilter = {
  project: null,
  mission: '',
  workPackage: '',
  type: '',
  node: '',
  finding: '',
  from: null,
  to: null,
};

/** Every way to look: each alone, with what the address may add, and all at once. */
const FILTERS: readonly EventFilter[] = [
  {},
  { project: PROJECT },
  ...[
    { mission: '001-demo' },
    { type: 'T1' },
    { node: 'n1' },
    { finding: 'unvalidated' },
    { workPackage: 'WP01' },
    { mission: '001-demo', workPackage: 'WP01', type: 'T1', node: 'n1', finding: 'unvalidated' },
  ].flatMap((parts) => [{ ...parts }, { ...parts, project: PROJECT }]),
].flatMap((parts) => [
  { ...ANY, ...parts },
  { ...ANY, ...parts, from: 100, to: 9_000 },
]);

const PLACES: readonly (Place | null)[] = [
  null,
  { occurredAt: 6_000, eventId: 'e6000', projectId: PROJECT },
];

async function lookEverywhere(sql: Sql): Promise<void> {
  for (const filter of FILTERS) {
    for (const place of PLACES) {
      for (const towards of ['older', 'newer'] as const) {
        await lookForEvents(sql, LOCAL, filter, { place, towards, limit: 50 });
      }
    }
  }
}

const ROWS = `
  SELECT 'local', CASE WHEN n % 10 = 0 THEN '${OTHER_PROJECT}' ELSE '${PROJECT}' END, n, 'e' || n, 'T' || (n % 7),
    '00' || (n % 50) || '-demo', 'WP0' || (n % 5), 'n' || (n % 9), CASE WHEN n % 3 = 0 THEN 'unvalidated' ELSE '' END`;
const FILL = [
  `INSERT INTO event_index ${ROWS} FROM numbers`,
  `INSERT INTO findings SELECT team_id, project_id, mission_slug, occurred_at, event_id, 'unvalidated', '', wp_id
   FROM event_index WHERE findings > ''`,
  `INSERT INTO missions SELECT team_id, project_id, mission_slug, count(*), 0, 0 FROM event_index GROUP BY 1, 2, 3`,
  `INSERT INTO producers SELECT team_id, project_id, node_id, count(*), 0, 0, 0 FROM event_index GROUP BY 1, 2, 3`,
  `INSERT INTO tallies SELECT team_id, project_id, 'type', type, count(*) FROM event_index GROUP BY 1, 2, 3, 4`,
];

it('looks for events through a key, whatever is asked for, on SQLite', async () => {
  const db = openDb(':memory:', { clock: systemClock() });
  migrate(db, RECEIVER_MIGRATIONS, 0);
  db.run(`CREATE TEMP TABLE numbers AS WITH RECURSIVE up (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < ${EVENTS}) SELECT n FROM up`);
  for (const statement of FILL) db.run(statement);
  const driver = sqliteDriver(db);
  const watched = watchStatements(db);
  await lookEverywhere(driver);
  await namesFor(driver, LOCAL, null);
  await namesFor(driver, LOCAL, PROJECT);
  const statements = watched();
  expect(statements.length).toBeGreaterThan(14);
  expect(statements.flatMap((each) => wholeScans(db, each))).toEqual([]);
  const sorted = statements.filter(({ sql, params }) =>
    db
      .all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params)
      .some(({ detail }) => detail.includes('TEMP B-TREE')),
  );
  expect(sorted).toEqual([]);
  await driver.close();
});

const cluster = await runsPostgres();

it.skipIf(cluster === null)(
  'looks for events through a key, whatever is asked for, on PostgreSQL',
  async () => {
    const place = cluster === null ? null : await freshDatabase(cluster);
    const trial = await startTrial({}, place);
    const driver = trial.store.driver.of(LOCAL);
    for (const statement of FILL) {
      await driver.all(statement.replace('numbers', `generate_series(1, ${EVENTS}) n`));
    }
    await ownerOf(place ?? '', 'ANALYZE');
    const plans = new Map<string, string>();
    await lookEverywhere(explaining(driver, plans));
    expect(plans.size).toBe(12);
    for (const [sql, plan] of plans) {
      // Pieces of the other project are empty; reading those whole is nothing.
      const isBad =
        /Seq Scan on (?:event_index|findings)\w* .*rows=[1-9]\d{2}|-> +(?:Incremental )?Sort /.test(
          plan,
        );
      expect([sql, isBad ? plan : '']).toEqual([sql, '']);
    }
  },
  60_000,
);

/** The same statements, each with its plan beside it. */
function explaining(driver: Driver, plans: Map<string, string>): Sql {
  return {
    ...driver,
    all: async <Row>(text: string, params: Parameters<Sql['all']>[1]) => {
      const rows = await driver.all<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
      plans.set(text, rows.map((row) => row['QUERY PLAN']).join('\n'));
      return driver.all<Row>(text, params);
    },
  };
}

async function ownerOf(url: string, statement: string): Promise<void> {
  const { Client } = await import('pg');
  const client = new Client(url);
  await client.connect();
  await client.query(statement);
  await client.end();
}
