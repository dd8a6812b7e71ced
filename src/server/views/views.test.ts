import { expect, it } from 'vitest';
import { dice, shuffled } from '../../../test/support/dice.ts';
import { everyDatabase } from '../../../test/support/postgres.ts';
import {
  envelope,
  listenTrial,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { openDb, systemClock } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { sqliteDriver } from '../store/sqlite.ts';
import { catchUp, rebuildViews } from './catch-up.ts';
import {
  findingsOf,
  laneChanges,
  laneCounts,
  missionRows,
  producersOf,
  projectRows,
  workPackages,
} from './read.ts';
import { countsOf, daysOfTeam } from './tallies.ts';
import { VIEW_TABLES } from './tables.ts';

const LOCAL = operatorScope('local');
const LANES = ['planned', 'claimed', 'in_progress', 'for_review', 'done', 'limbo'];
const EVENTS = 650;

/** Events of two projects and three missions, with equal times, odd lanes, unknown types and gaps in clocks. */
function history(roll: (sides: number) => number): readonly Buffer[] {
  return Array.from({ length: EVENTS }, (_, number) => {
    const mission_slug = `00${roll(3)}-demo`;
    const wp_id = `WP0${roll(4)}`;
    const to_lane = LANES[roll(LANES.length)];
    const kinds = [
      ['WPStatusChanged', { mission_slug, wp_id, from_lane: 'planned', to_lane, actor: 'ann' }],
      ['WPCreated', { mission_slug, wp_id, wp_title: `Title ${roll(9)}`, actor: 'ann' }],
      ['MissionCreated', { mission_slug, mission_type: 'docs', friendly_name: `M ${roll(9)}` }],
      ['SomethingNew', { mission_slug }],
      ['WPAssigned', { wp_id: 'WP01', agent_id: 'ann', phase: 'review' }],
    ] as const;
    const [event_type, payload] = kinds[roll(kinds.length)] ?? kinds[0];
    const second = String(roll(20)).padStart(2, '0');
    return envelope(number, {
      event_type,
      payload,
      project_uuid: roll(3) === 0 ? OTHER_PROJECT : PROJECT,
      node_id: `00000000000${roll(3)}`,
      lamport_clock: roll(300),
      timestamp: `2026-03-14T09:26:${second}+00:00`,
    });
  });
}

async function viewsOf({ store }: Trial): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const driver = store.driver.of(LOCAL);
  const tables: Record<string, readonly unknown[]> = {};
  for (const table of VIEW_TABLES) {
    const rows = await driver.all(`SELECT * FROM ${table}`);
    tables[table] = rows.map((row) => JSON.stringify(row)).toSorted();
  }
  return tables;
}

const PLACES = await everyDatabase();

it.each(PLACES)(
  'folds events to the same views in whatever order and pages they arrive, and anew, on %s',
  async (_name, placeOf) => {
    const events = history(dice(1));
    const first = await startTrial({}, await placeOf());
    await send(first, events);
    expect(await rebuildViews(first.store)).toEqual({ projects: 2, events: EVENTS });
    const wanted = await viewsOf(first);
    expect(wanted['missions']).toHaveLength(6);
    expect(wanted['findings']?.length).toBeGreaterThan(100);
    for (const seed of [2, 3]) {
      const roll = dice(seed);
      const trial = await startTrial({}, await placeOf());
      let rest = shuffled(events, roll);
      while (rest.length > 0) {
        const count = 1 + roll(250);
        await send(trial, rest.slice(0, count));
        rest = rest.slice(count);
        // Two that look at the same time fold each event once.
        await Promise.all([catchUp(trial.store, LOCAL), catchUp(trial.store, LOCAL)]);
      }
      const given = await viewsOf(trial);
      expect([seed, given]).toEqual([seed, wanted]);
      await rebuildViews(trial.store);
      expect([seed, await viewsOf(trial)]).toEqual([seed, wanted]);
    }
  },
  60_000,
);

it('joins the stretches of a producer’s clock and leaves its gaps', async () => {
  const trial = await startTrial();
  const runs = async () => {
    await catchUp(trial.store, LOCAL);
    const rows = await trial.store.driver.all<{ readonly a: number; readonly b: number }>(
      'SELECT first_lamport AS a, last_lamport AS b FROM producer_runs ORDER BY 1',
    );
    return rows.map(({ a, b }) => `${a}-${b}`).join(' ');
  };
  await send(
    trial,
    [1, 2, 9, 10, 5].map((lamport) => envelope(lamport)),
  );
  expect(await runs()).toBe('1-2 5-5 9-10');
  await send(trial, [envelope(3)]);
  expect(await runs()).toBe('1-3 5-5 9-10');
  await send(
    trial,
    [4, 6, 7, 8].map((lamport) => envelope(lamport)),
  );
  expect(await runs()).toBe('1-10');
  await send(trial, [envelope(100, { lamport_clock: 4 })]);
  expect(await runs()).toBe('1-10');
});

it('waits for a part of much only, and says that there is more', async () => {
  const trial = await startTrial();
  for (let start = 0; start < 2_400; start += 800) {
    await send(
      trial,
      Array.from({ length: 800 }, (_, number) => envelope(start + number)),
    );
  }
  expect(await catchUp(trial.store, LOCAL)).toBe(false);
  expect(await catchUp(trial.store, LOCAL)).toBe(true);
});

it('folds by itself in a receiver that listens', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  await listenTrial(trial);
  await expect
    .poll(async () => (await viewsOf(trial))['tallies']?.length, { timeout: 5_000 })
    .toBe(2);
});

it('reads through keys, whatever a team has', async () => {
  const trial = await startTrial();
  await send(trial, history(dice(4)));
  const db = openDb(trial.file, { clock: systemClock() });
  const watched = watchStatements(db);
  const store = { ...trial.store, driver: sqliteDriver(db) };
  await catchUp(store, LOCAL);
  const scope = [LOCAL, PROJECT] as const;
  const { driver } = store;
  await projectRows(driver, LOCAL);
  await daysOfTeam(driver, LOCAL, '2026-01-01');
  await countsOf(driver, scope, 'finding');
  await missionRows(driver, scope);
  await laneCounts(driver, scope);
  await workPackages(driver, scope, '000-demo');
  await laneChanges(driver, scope, '000-demo');
  await findingsOf(driver, scope, '000-demo');
  await producersOf(driver, scope);
  await rebuildViews(store);
  const statements = watched();
  expect(statements.length).toBeGreaterThan(20);
  const scans = statements.flatMap((statement) => wholeScans(db, statement));
  // What a statement brings itself it may read as a whole.
  expect(scans.filter((scan) => !/^(?:given|gone): /.test(scan))).toEqual([
    expect.stringContaining('teams: SCAN'),
  ]);
  db.close();
});
