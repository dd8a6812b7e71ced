import http from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import type { Db } from '../src/base/index.ts';
import { drain, eventsStream, type Route } from '../src/delivery/index.ts';
import type { Home } from '../src/home/index.ts';
import { encodeBatch } from '../src/wire/index.ts';
import { limitGoal, pairs, rateGoal, timed, type Measured } from './measure.ts';
import { bytesOf, createWorld, fill, pointAt, startReceiver, type World } from './world.ts';

const PAIRS = 3;
/** Filling and draining so many is long enough to be measured once. */
const MANY = 500_000;
const IDLE_PAIRS = 15;
const BATCH = 1000;

/** The lines, what draining took for an event, and what a drain took that found nothing to do. */
export interface DrainFigures {
  readonly lines: readonly Measured[];
  readonly perEventMs: number;
  readonly idleMs: number;
}

/** G5 to G7: draining to the real receiver beside the bare loop to another one of the same kind. */
export async function benchDrain(events: number): Promise<DrainFigures> {
  const size = events.toLocaleString('en-US');
  const whole = await pairs(
    events < MANY ? PAIRS : 1,
    async () => {
      const trial = await prepare(events);
      const ms = await timed(() => drainAll(trial.world, trial.route));
      await trial.end();
      return ms;
    },
    async () => {
      const trial = await prepare(events);
      const ms = await timed(() => bareLoop(trial.world, trial.url));
      await trial.end();
      return ms;
    },
  );
  const trial = await prepare(events);
  await drainAll(trial.world, trial.route);
  const idle = await pairs(
    IDLE_PAIRS,
    () => timed(() => drainAll(trial.world, trial.route)),
    () => 5,
  );
  await trial.end();
  const lines = [
    rateGoal('G5/6', `drain ${size} events`, whole, { items: events, atLeast: 0.6 }),
    limitGoal('G7', `idle drain, ${size} delivered (beside 5 ms)`, idle, { unit: 'ms', atMost: 1 }),
  ];
  return { lines, perEventMs: whole.ours / events, idleMs: idle.ours };
}

/** G8: one batch made ready for the wire beside compressing the same bytes. */
export async function benchEncode(): Promise<readonly Measured[]> {
  const elements = Array.from({ length: BATCH }, (_, n) => bytesOf(n));
  const whole = encodeBatch(elements);
  const rounds = 50;
  const times = await pairs(
    9,
    () =>
      timed(() => {
        for (let n = 0; n < rounds; n += 1) gzipSync(encodeBatch(elements), { level: 1 });
      }),
    () =>
      timed(() => {
        for (let n = 0; n < rounds; n += 1) gzipSync(whole, { level: 1 });
      }),
  );
  return [rateGoal('G8', 'encode 1,000 events', times, { items: rounds * BATCH, atLeast: 0.75 })];
}

interface Trial {
  readonly world: World;
  readonly url: string;
  readonly route: Route;
  end(): Promise<void>;
}

export async function prepare(events: number): Promise<Trial> {
  const world = createWorld();
  fill(world, 0, events);
  const receiver = await startReceiver(path.join(world.dir, 'receiver.db'));
  const route = pointAt(world, receiver.url);
  return {
    world,
    url: receiver.url,
    route,
    end: async () => {
      world.home.http.close();
      await receiver.stop();
      world.end();
    },
  };
}

function drainAll(world: World, route: Route): Promise<void> {
  return drainRoute(world.home, world.db, route);
}

/** Drains a route as a background loop would. */
export async function drainRoute(home: Home, db: Db, route: Route): Promise<void> {
  const report = await drain({
    home,
    db,
    route,
    streams: [eventsStream],
    byOperator: false,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  if (report.blocked !== null) throw new Error(report.blocked.detail);
}

/** Read a page, concatenate, compress, post, read the answer, write a row for each and the cursor. */
async function bareLoop(world: World, url: string): Promise<void> {
  const db = new Database(world.db.path);
  db.pragma('synchronous = FULL');
  db.exec(
    `CREATE TABLE bare_ledger (seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
     CREATE TABLE bare_cursor (one INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
     INSERT INTO bare_cursor VALUES (1, 0)`,
  );
  const page = db.prepare(
    'SELECT seq, payload FROM event_payloads WHERE seq > ? ORDER BY seq LIMIT 1000',
  );
  const row = db.prepare('INSERT INTO bare_ledger VALUES (?, 2, 1)');
  const cursor = db.prepare('UPDATE bare_cursor SET seq = ?');
  const keep = db.transaction((rows: readonly { seq: number }[]) => {
    for (const each of rows) row.run(each.seq);
    cursor.run(rows.at(-1)?.seq ?? 0);
  });
  const agent = new http.Agent({ keepAlive: true });
  for (let after = 0; ; ) {
    const rows = page.all(after) as { seq: number; payload: Uint8Array }[];
    const last = rows.at(-1);
    if (last === undefined) break;
    const body = gzipSync(encodeBatch(rows.map((each) => each.payload)), { level: 1 });
    const answer = await post(agent, `${url}/api/v1/events/batch/`, body);
    const { results } = JSON.parse(answer) as { results: readonly { status: string }[] };
    if (results.length !== rows.length) throw new Error('a result is missing');
    keep(rows);
    after = last.seq;
  }
  agent.destroy();
  db.close();
}

function post(agent: http.Agent, url: string, body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve(Buffer.concat(chunks).toString());
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
