import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createIds, silentLog, systemClock, systemFiles } from '../src/base/index.ts';
import { type App, createApp, openStore, rebuildViews, type Store } from '../src/server/index.ts';
import { parseEnvelope } from '../src/wire/index.ts';
import { operatorScope } from '../src/server/auth.ts';
import { settledPage } from '../src/server/store/events.ts';
import {
  bootPostgres,
  killPostgres,
  onServer,
  OWNER,
  unpackPostgres,
} from '../test/support/postgres-cluster.ts';
import { fillStore, PROJECTS, someEvent } from './estate.ts';
import { limitGoal, type Measured, quantile, rateGoal, stopwatch } from './measure.ts';

const SMALL = 10_000;
const TIMES = 200;

const MISSION = '010-mission-of-many-events';

/** What people and programs look at, with everything that is to be found behind it. */
const PAGES: readonly (readonly [name: string, path: string])[] = [
  ['overview', '/'],
  ['project', `/projects/${PROJECTS[0]}`],
  ['mission', `/projects/${PROJECTS[0]}/missions/${MISSION}`],
  ['events', '/events'],
  ['events of a mission', `/events?project=${PROJECTS[0]}&mission=${MISSION}`],
  ['events of a rare type', `/events?project=${PROJECTS[0]}&type=MissionClosed`],
  ['one event', `/projects/${someEvent.project}/events/${someEvent.id}`],
  ['artifacts of a mission', `/projects/${PROJECTS[0]}/missions/${MISSION}/artifacts`],
  ['ingest health', '/ingest'],
  ['ingest health of a project', `/projects/${PROJECTS[0]}/ingest`],
  ['members', '/members'],
  ['audit', '/audit'],
  ['API: first events', '/api/v1/events/?limit=100'],
  ['API: a project’s events', `/api/v1/events/?limit=100&project=${PROJECTS[1]}`],
];

/** The dashboard over many events beside the same pages over few, and how fast its views are made. */
export async function benchPages(events: number): Promise<readonly Measured[]> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-bench-pages-'));
  const onSqlite = await besideFew('SQLite', events, async (name) => path.join(dir, `${name}.db`));
  const cluster = await bootPostgres(unpackPostgres(dir), dir);
  try {
    const onPostgres = await besideFew('PostgreSQL', events, async (name) => {
      await onServer(cluster, (client) => client.query(`CREATE DATABASE ${name} OWNER ${OWNER}`));
      return `postgres://${OWNER}@127.0.0.1:${cluster.port}/${name}`;
    });
    return [...onSqlite, ...onPostgres];
  } finally {
    await killPostgres(cluster);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function besideFew(
  database: string,
  events: number,
  addressOf: (name: string) => Promise<string>,
): Promise<readonly Measured[]> {
  const few = await openEstate(await addressOf('few'), SMALL);
  const many = await openEstate(await addressOf('many'), events);
  const size = events.toLocaleString('en-US');
  const lines: Measured[] = [
    rateGoal('–', `views of ${size} events made anew, ${database}, beside reading`, many.folding, {
      items: events,
      atLeast: null,
    }),
  ];
  for (const [name, address] of PAGES) {
    const [slow, fast]: [number[], number[]] = [[], []];
    for (let time = 0; time < TIMES; time += 1) {
      slow.push(await asked(many.app, address));
      fast.push(await asked(few.app, address));
    }
    for (const share of [0.5, 0.99]) {
      const [ours, baseline] = [quantile(slow, share), quantile(fast, share)];
      const what = `${name}, p${share * 100}, ${size} beside ${SMALL.toLocaleString('en-US')}, ${database}`;
      const values = { ours, baseline, ratio: ours / baseline };
      lines.push(limitGoal('–', what, values, { unit: 'ms', atMost: 2 }));
    }
  }
  await few.store.close();
  await many.store.close();
  return lines;
}

interface Estate {
  readonly store: Store;
  readonly app: App;
  readonly folding: { readonly ours: number; readonly baseline: number; readonly ratio: number };
}

async function openEstate(address: string, events: number): Promise<Estate> {
  const clock = systemClock();
  const store = await openStore(address, { clock, ids: createIds(clock), files: systemFiles });
  await fillStore(store, events, clock.now());
  const passed = stopwatch();
  const folded = await rebuildViews(store);
  const ours = passed();
  if (folded.events !== events) throw new Error(`${folded.events} events were folded`);
  const baseline = await reading(store);
  const folding = { ours, baseline, ratio: ours / baseline };
  return { store, app: createApp(store, { clock, log: silentLog }), folding };
}

/** Milliseconds in which every event is read and understood, and nothing made of it. */
async function reading(store: Store): Promise<number> {
  const team = operatorScope('local');
  const driver = store.driver.of(team);
  const passed = stopwatch();
  for (const projectId of PROJECTS) {
    for (let after = 0; ; ) {
      const query = { team, projectId, after, limit: 200 };
      const page = await driver.tx((sql) => settledPage(sql, query));
      for (const { bytes } of page) parseEnvelope(bytes);
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.cursor;
    }
  }
  return passed();
}

async function asked(app: App, address: string): Promise<number> {
  const passed = stopwatch();
  const answer = await app.fetch(new Request(`http://127.0.0.1${address}`));
  await answer.text();
  if (answer.status !== 200) throw new Error(`${address}: HTTP ${answer.status}`);
  return passed();
}
