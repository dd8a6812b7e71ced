import { Client } from 'pg';
import { expect, it } from 'vitest';
import { freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import { PROJECT, startTrial } from '../../../test/support/receiver-trial.ts';
import {
  type Watched,
  watchStatements,
  wholeScans,
} from '../../../test/support/statement-watch.ts';
import { migrate, openDb, systemClock } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { concernsOf } from '../pages/ingest/concerns.ts';
import type { Driver } from '../store/driver.ts';
import { RECEIVER_MIGRATIONS } from '../store/migrations.ts';
import { sqliteDriver } from '../store/sqlite.ts';
import { producerHealth, silentProducers } from '../views/producers.ts';
import { producersOf } from '../views/read.ts';
import {
  addFigures,
  forgetHour,
  isProjectOf,
  refusalsFrom,
  sumsByHour,
  sumsOfProjects,
} from './counts.ts';
import { HOUR_MS } from './tally.ts';

const LOCAL = operatorScope('local');
const ROWS = 30_000;
const NOW = 800 * HOUR_MS;

const whose = `'local', CASE WHEN n % 50 = 0 THEN '${PROJECT}' ELSE 'p' || (n % 400) END`;
/** Buckets of 400 projects, producers of them, and of one of them many. */
const FILL = [
  `INSERT INTO ingest_counts SELECT ${whose}, (n / 400) * ${HOUR_MS}, 'events',
     CASE WHEN n % 3 = 0 THEN 'schema_invalid' ELSE 'success' END, 'r' || n, 1, 1 FROM numbers`,
  `INSERT INTO producers SELECT ${whose}, 'n' || n, 1, n, n, n FROM numbers`,
  `INSERT INTO producer_runs SELECT ${whose}, 'n' || (n % 500), 2 * n, 2 * n FROM numbers`,
  `INSERT INTO producer_lags SELECT ${whose}, 'n' || n, '1970-02-03', 1000, 1, 1 FROM numbers`,
];

interface Step {
  readonly detail: string;
}

/** Everything that pages and the writing of figures ask. */
async function askEverything(driver: Driver): Promise<void> {
  const team = [LOCAL, ''] as const;
  const project = [LOCAL, PROJECT] as const;
  await sumsByHour(driver, team, NOW - 720 * HOUR_MS);
  await sumsByHour(driver, project, NOW - 720 * HOUR_MS);
  await refusalsFrom(driver, project, [NOW - 720 * HOUR_MS, NOW]);
  await sumsOfProjects(driver, LOCAL, NOW, ['p1', 'p2', PROJECT]);
  await concernsOf(driver, LOCAL, NOW);
  await producerHealth(driver, project, NOW);
  await producersOf(driver, project);
  await silentProducers(driver, LOCAL, [0, 10], 20);
  await isProjectOf(driver, LOCAL, PROJECT);
}

async function write(driver: Driver): Promise<void> {
  const sum = { projectId: '', stream: 'events', result: 'success', rule: '' } as const;
  await addFigures(driver, LOCAL, [{ ...sum, count: 1, bytes: 1, hour: NOW }]);
  expect(await forgetHour(driver, LOCAL, HOUR_MS)).toBe(true);
}

it('asks for figures and producers through their keys, however many there are, on SQLite', async () => {
  const db = openDb(':memory:', { clock: systemClock() });
  migrate(db, RECEIVER_MIGRATIONS, 0);
  db.run(`CREATE TEMP TABLE numbers AS WITH RECURSIVE up (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < ${ROWS}) SELECT n FROM up`);
  for (const statement of FILL) db.run(statement);
  const driver = sqliteDriver(db);
  const watched = watchStatements(db);
  await askEverything(driver);
  await write(driver);
  const statements = watched();
  expect(statements.length).toBeGreaterThanOrEqual(10);
  // What is read whole is a producer's first hundred runs, and the first hundred producers.
  const scans = statements.flatMap((each) => wholeScans(db, each));
  expect(scans).toEqual(['few: SCAN few', 'd: SCAN d']);
  // Lags and runs are as many as a project's producers, so each is looked for by its producer.
  const stepsOf = ({ sql, params }: Watched): readonly string[] =>
    db.all<Step>(`EXPLAIN QUERY PLAN ${sql}`, params).map(({ detail }) => detail);
  const wide = statements.flatMap(stepsOf).filter((step) => /^SEARCH [lr] /.test(step));
  expect(wide.length).toBeGreaterThan(3);
  expect(wide.filter((step) => !step.includes('node_id=?'))).toEqual([]);
  const sorted = statements.filter((each) =>
    stepsOf(each).some((step) => step.includes('TEMP B-TREE') && !step.includes('GROUP BY')),
  );
  expect(sorted.map(({ sql }) => sql)).toEqual([]);
  await driver.close();
});

const cluster = await runsPostgres();

it.skipIf(cluster === null)(
  'asks for figures and producers through their keys on PostgreSQL',
  async () => {
    const place = cluster === null ? '' : await freshDatabase(cluster);
    const trial = await startTrial({}, place);
    const driver = trial.store.driver.of(LOCAL);
    for (const statement of FILL) {
      await driver.all(statement.replace('numbers', `generate_series(1, ${ROWS}) n`));
    }
    const owner = new Client(place);
    await owner.connect();
    await owner.query('ANALYZE');
    await owner.end();
    const plans = new Map<string, string>();
    const explaining: Driver = {
      ...driver,
      all: async (text, params) => {
        const rows = await driver.all<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
        plans.set(text, rows.map((row) => row['QUERY PLAN']).join('\n'));
        return driver.all(text, params);
      },
    };
    await askEverything(explaining);
    await write(driver);
    expect(plans.size).toBe(8);
    for (const [sql, plan] of plans) {
      const isBad = /Seq Scan on (?:ingest_counts|producer)\w* .*rows=[1-9]\d{2}/.test(plan);
      expect([sql, isBad ? plan : '']).toEqual([sql, '']);
    }
  },
  60_000,
);
