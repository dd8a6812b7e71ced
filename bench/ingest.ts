import { hash } from 'node:crypto';
import path from 'node:path';
import Database from 'better-sqlite3';
import { createIds, silentLog, systemClock, systemFiles } from '../src/base/index.ts';
import { createApp, openStore } from '../src/server/index.ts';
import { encodeBatch } from '../src/wire/index.ts';
import { pairs, rateGoal, timed, type Measured } from './measure.ts';
import { bytesOf, createWorld } from './world.ts';

const BATCH = 1_000;
const BATCHES = 10;
const PAIRS = 5;

/** G9: batches through the receiver's whole request path, without a socket, beside inserting the same rows. */
export async function benchIngest(): Promise<readonly Measured[]> {
  const world = createWorld();
  const clock = systemClock();
  const options = { clock, ids: createIds(clock), files: systemFiles };
  const store = await openStore(path.join(world.dir, 'ours.db'), options);
  const bare = await openStore(path.join(world.dir, 'bare.db'), options);
  await bare.close();
  const app = createApp(store, { clock, log: silentLog });
  const raw = rawInsert(path.join(world.dir, 'bare.db'));
  let next = 0;
  const ours = (): Promise<number> => {
    const bodies = Array.from({ length: BATCHES }, (_, n) => encodeBatch(batch(next + n * BATCH)));
    next += BATCH * BATCHES;
    return timed(async () => {
      for (const body of bodies) await post(app, body);
    });
  };
  const baseline = (before: (events: readonly Uint8Array[]) => void) => (): Promise<number> => {
    const bodies = Array.from({ length: BATCHES }, (_, n) => batch(next + n * BATCH));
    return timed(() => {
      for (const body of bodies) {
        before(body);
        raw.insert(body);
      }
    });
  };
  const times = await pairs(
    PAIRS,
    ours,
    baseline(() => {}),
  );
  const parsing = await pairs(PAIRS, ours, baseline(parseEach));
  raw.close();
  await store.close();
  world.end();
  return [
    rateGoal('G9', 'receiver ingest on SQLite', times, { items: BATCH * BATCHES, atLeast: 0.6 }),
    rateGoal('–', 'the same, beside JSON.parse and inserts', parsing, {
      items: BATCH * BATCHES,
      atLeast: null,
    }),
  ];
}

/** What whoever reads the columns out of the events cannot do without. */
export function parseEach(events: readonly Uint8Array[]): void {
  for (const bytes of events) JSON.parse(Buffer.from(bytes).toString());
}

/** The next events in the order of their numbers. */
export function batch(from: number): readonly Uint8Array[] {
  return Array.from({ length: BATCH }, (_, n) => bytesOf(from + n));
}

/** Posts a batch as the app in this process takes it. */
export async function post(app: ReturnType<typeof createApp>, body: Buffer): Promise<void> {
  const response = await app.fetch(
    new Request('http://127.0.0.1/api/v1/events/batch/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    }),
  );
  if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
  await response.text();
}

function rawInsert(file: string): {
  insert(all: readonly Uint8Array[]): void;
  close(): void;
} {
  const db = new Database(file);
  db.pragma('synchronous = FULL');
  const statement = db.prepare(
    `INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, category, sha256,
       occurred_at, received_at, payload)
     VALUES ('local', '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a', ?, 'WPStatusChanged', 'WorkPackage', 'WP01', NULL,
       ?, ?, ?, ?)`,
  );
  let n = 0;
  const insert = db.transaction((all: readonly Uint8Array[]) => {
    for (const bytes of all) {
      n += 1;
      statement.run(`RAW${String(n).padStart(23, '0')}`, hash('sha256', bytes, 'hex'), n, n, bytes);
    }
  });
  return {
    insert: (all) => {
      insert.immediate(all);
    },
    close: () => {
      db.close();
    },
  };
}
