import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { migrateSources } from '../src/legacy/index.ts';
import { limitGoal, pairs, rateGoal, timed, type Measured } from './measure.ts';
import { child, type Told } from './processes.ts';
import { bytesOf, createWorld, type World } from './world.ts';

const SOURCES = 5;
const ROWS = 20_000;
const PAIRS = 5;
const BACKLOG = 90_172;
const CONFLICTS = 986;

/** Taking in old queues beside reading, parsing, hashing and inserting the same rows of the same databases. */
export async function benchMigrate(): Promise<readonly Measured[]> {
  const dir = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-bench-old-')));
  const many = path.join(dir, 'many');
  for (let n = 0; n < SOURCES; n += 1) makeQueue(many, `0${n}`, [n * ROWS, ROWS], bytesOf);
  const backlog = path.join(dir, 'backlog');
  makeQueue(backlog, '0a', [0, BACKLOG], bytesOf);
  makeQueue(backlog, '0b', [0, CONFLICTS], twinOf);
  const goals = [
    rateGoal('G11', 'old rows, 5 × 20,000', await race(many), {
      items: SOURCES * ROWS,
      atLeast: 0.6,
    }),
    rateGoal('G11', 'old rows, 90,172 and 986 conflicts', await race(backlog), {
      items: BACKLOG + CONFLICTS,
      atLeast: 0.6,
    }),
  ];
  const { worst: peak } = await child(['child', 'migrate', many, backlog]);
  const memory = { ours: peak, baseline: 160, ratio: peak / 160 };
  rmSync(dir, { recursive: true, force: true });
  return [
    ...goals,
    limitGoal('G11', 'peak memory (beside 160 MB)', memory, { unit: 'MB', atMost: 1 }),
  ];
}

/** What a child process does that takes in the queues of old homes: the peak of its memory in MB, nobody else's beside it. */
export async function migrateInChild(named: readonly string[]): Promise<Told> {
  const ms = await inWorld((world) => migrateSources(world.home, { named }));
  return { ms, worst: process.resourceUsage().maxRSS / 1024 };
}

function race(from: string): ReturnType<typeof pairs> {
  return pairs(
    PAIRS,
    () => inWorld((world) => migrateSources(world.home, { named: [from] })),
    () =>
      inWorld((world) => {
        rawMigrate(world, from);
      }),
  );
}

async function inWorld(work: (world: World) => unknown): Promise<number> {
  const world = createWorld();
  const ms = await timed(() => work(world));
  world.end();
  return ms;
}

/** The same rows with `1` written as `1.0`, which is another number to whoever compares by value. */
function twinOf(n: number): Uint8Array {
  const text = Buffer.from(bytesOf(n)).toString();
  return Buffer.from(text.replace(/"payload":\{/, '"payload":{"twin":1.0,'));
}

function makeQueue(
  root: string,
  digest: string,
  [from, count]: readonly [from: number, count: number],
  make: (n: number) => Uint8Array,
): void {
  mkdirSync(path.join(root, 'queues'), { recursive: true });
  const db = new Database(path.join(root, 'queues', `queue-${digest}.db`));
  db.exec(`CREATE TABLE queue (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE NOT NULL,
    event_type TEXT NOT NULL, data TEXT NOT NULL, timestamp INTEGER NOT NULL, retry_count INTEGER DEFAULT 0,
    coalesce_key TEXT); CREATE INDEX idx_timestamp ON queue(timestamp)`);
  const insert = db.prepare(
    "INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (?, 'WPStatusChanged', ?, ?)",
  );
  db.transaction(() => {
    for (let n = from; n < from + count; n += 1) {
      const text = Buffer.from(make(n)).toString();
      insert.run((JSON.parse(text) as { event_id: string }).event_id, text, 1_780_000_000 + n);
    }
  })();
  db.close();
}

/** One transaction a source: read, parse, hash, insert the same columns; an id that is taken is compared by bytes. */
function rawMigrate(world: World, root: string): void {
  const store = new Database(world.db.path);
  store.pragma('synchronous = FULL');
  const event = store.prepare(
    `INSERT INTO events (event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
       aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
     VALUES (?, ?, NULL, 4, ?, 3, 1, ?, ?, ?, NULL, ?, ?, ?, 0) ON CONFLICT (event_id) DO NOTHING`,
  );
  const payload = store.prepare('INSERT INTO event_payloads (seq, payload) VALUES (?, ?)');
  const known = store.prepare(
    'SELECT payload FROM events JOIN event_payloads USING (seq) WHERE event_id = ?',
  );
  const source = store.prepare(
    'INSERT INTO import_sources (path, digest, first_seen_at) VALUES (?, ?, 0)',
  );
  const row = store.prepare('INSERT INTO imports VALUES (?, 1, ?, ?, ?, ?, ?)');
  for (const digest of ['00', '01', '02', '03', '04', '0a', '0b']) {
    const file = path.join(root, 'queues', `queue-${digest}.db`);
    const queue = openIfThere(file);
    if (queue === null) continue;
    const read = queue.prepare(
      'SELECT id, CAST(data AS BLOB) AS data, timestamp FROM queue ORDER BY timestamp, id',
    );
    store
      .transaction(() => {
        const id = source.run(file, digest).lastInsertRowid;
        for (const each of read.iterate() as Iterable<{
          id: number;
          data: Buffer;
          timestamp: number;
        }>) {
          const { data } = each;
          const e = JSON.parse(data.toString()) as Record<string, string> & {
            payload: Record<string, string>;
          };
          const sha = hash('sha256', data, 'hex');
          const values = [e['event_id'], world.project.id, e['event_type'], e['aggregate_type']];
          const when = Date.parse(e['timestamp'] ?? '');
          const slug = e.payload['mission_slug'] ?? null;
          const done = event.run(...values, e['aggregate_id'], slug, sha, data.length, when);
          if (done.changes === 1) payload.run(done.lastInsertRowid, data);
          const isSame = done.changes === 1 || data.equals(payloadOf(known.get(e['event_id'])));
          row.run(id, each.id, sha, isSame ? 1 : 3, done.lastInsertRowid, each.timestamp);
        }
      })
      .immediate();
    queue.close();
  }
  store.close();
}

function payloadOf(found: unknown): Buffer {
  return (found as { payload: Buffer }).payload;
}

function openIfThere(file: string): Database.Database | null {
  try {
    return new Database(file, { readonly: true, fileMustExist: true });
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
