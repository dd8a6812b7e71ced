import { expect, it } from 'vitest';
import { freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import { PROJECT, startTrial } from '../../../test/support/receiver-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { migrate, openDb, systemClock } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { arrivalsAfter, arrivalsBefore, lastArrival } from './arrivals.ts';
import type { Driver, Sql } from './driver.ts';
import { eventsWithIds } from './events.ts';
import { RECEIVER_MIGRATIONS } from './migrations.ts';
import { sqliteDriver } from './sqlite.ts';

const LOCAL = operatorScope('local');
const OTHER = operatorScope('other');
const EVENTS = 25_000;

/** Ours are the first and the last ten of many: all others are another team's. */
const rowsOf = (team: string, numbers: string, empty: string): string => `
  INSERT INTO events (arrival, team_id, project_id, event_id, type, aggregate_type, aggregate_id, sha256, occurred_at,
    received_at, payload)
  SELECT n, '${team}', '${PROJECT}', 'e' || n, 'T', 'A', 'a', '${'0'.repeat(64)}', n, n, ${empty}
  FROM ${numbers} WHERE (n <= 10 OR n > ${EVENTS} - 10) = ${team === 'local' ? 'TRUE' : 'FALSE'}`;

async function follow(
  sql: Sql,
  projectId: string | null,
  after: number,
): Promise<readonly number[]> {
  const seen: number[] = [];
  let at = after;
  for (let looks = 0; looks < 10; looks += 1) {
    const where = { team: LOCAL, projectId, limit: 7 };
    const { events, upTo, isLast } = await arrivalsAfter(sql, where, at);
    seen.push(...events.map(({ cursor }) => cursor));
    at = upTo;
    if (isLast) return [...seen, at];
  }
  throw new Error(`still at ${at} after ten looks`);
}

const OURS = Array.from({ length: EVENTS }, (_, n) => n + 1).filter(
  (n) => n <= 10 || n > EVENTS - 10,
);

async function lookAround(driver: Driver): Promise<void> {
  expect(await lastArrival(driver)).toBe(EVENTS);
  for (const project of [null, PROJECT]) {
    expect(await follow(driver, project, 0)).toEqual([...OURS, EVENTS]);
    expect(await follow(driver, project, 5)).toEqual([...OURS.slice(5), EVENTS]);
    expect(await follow(driver, project, EVENTS)).toEqual([EVENTS]);
    const where = { team: LOCAL, projectId: project, limit: 4 };
    const last = await arrivalsBefore(driver, where, EVENTS);
    expect(last.map(({ cursor }) => cursor)).toEqual(OURS.slice(-4).toReversed());
  }
  const found = await eventsWithIds(driver, LOCAL, ['e1', 'e11', `e${EVENTS}`, 'none']);
  expect(found.map(({ eventId }) => eventId).toSorted()).toEqual(['e1', `e${EVENTS}`]);
}

it('goes past what is not the team’s, a stretch at a time and by keys alone, on SQLite', async () => {
  const db = openDb(':memory:', { clock: systemClock() });
  migrate(db, RECEIVER_MIGRATIONS, 0);
  db.run(`CREATE TEMP TABLE numbers AS WITH RECURSIVE up (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < ${EVENTS}) SELECT n FROM up`);
  for (const team of ['local', 'other']) db.run(rowsOf(team, 'numbers', "x''"));
  const driver = sqliteDriver(db);
  const watched = watchStatements(db);
  await lookAround(driver);
  const statements = watched();
  expect(statements.length).toBeGreaterThan(5);
  expect(statements.flatMap((each) => wholeScans(db, each))).toEqual([]);
  await driver.close();
});

const cluster = await runsPostgres();

it.skipIf(cluster === null)(
  'goes past what is not the team’s, a stretch at a time and by keys alone, on PostgreSQL',
  async () => {
    const place = cluster === null ? null : await freshDatabase(cluster);
    const { store } = await startTrial({}, place);
    for (const team of [LOCAL, OTHER]) {
      await store.driver.of(team).all(rowsOf(team, `generate_series(1, ${EVENTS}) n`, "''"));
    }
    await store.driver.numberFrom('events', 'arrival', EVENTS);
    const { Client } = await import('pg');
    const client = new Client(place ?? '');
    await client.connect();
    await client.query('ANALYZE');
    await client.end();
    const driver = store.driver.of(LOCAL);
    const plans = new Map<string, string>();
    await lookAround({
      ...driver,
      all: async <Row>(text: string, params: Parameters<Sql['all']>[1]) => {
        const rows = await driver.all<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
        plans.set(text, rows.map((row) => row['QUERY PLAN']).join('\n'));
        return driver.all<Row>(text, params);
      },
    });
    expect(plans.size).toBe(5);
    const bad = [...plans].filter(([, plan]) =>
      /Seq Scan on events_\d .*rows=[1-9]\d{2}/.test(plan),
    );
    expect(bad).toEqual([]);
  },
  60_000,
);
