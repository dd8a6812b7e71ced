import { hash } from 'node:crypto';
import Database from 'better-sqlite3';
import { capture } from '../src/journal/index.ts';
import { parseEnvelope, type ParsedEnvelope } from '../src/wire/index.ts';
import { limitGoal, pairs, quantile, rateGoal, stopwatch, type Measured } from './measure.ts';
import { bytesOf, createWorld, fill, type World } from './world.ts';

const SINGLE = 1_000;
const GROUPED = 20_000;
const PAIRS = 5;

/** The lines, and what one capture took in the middle, in ms. */
export interface CaptureFigures {
  readonly lines: readonly Measured[];
  readonly p50: number;
}

/** G1 and G3: recording events one by one and a thousand at a time, beside raw inserts of the same rows. */
export async function benchCapture(preload: number): Promise<CaptureFigures> {
  const ours = createWorld();
  const raw = createWorld();
  fill(ours, 0, preload);
  fill(raw, 0, preload);
  const writer = rawWriter(raw);
  let next = preload;
  const latencies: { ours: number[]; raw: number[] } = { ours: [], raw: [] };
  const single = await pairs(
    PAIRS,
    () => {
      const from = next;
      next += SINGLE;
      return eachTimed(from, SINGLE, latencies.ours, (bytes) => captureBytes(ours, [bytes]));
    },
    () => eachTimed(next, SINGLE, latencies.raw, (bytes) => writer.write([bytes])),
  );
  let group = next + PAIRS * SINGLE;
  const grouped = await pairs(
    PAIRS,
    () => {
      const from = group;
      group += GROUPED;
      return groupsTimed(from, (all) => captureBytes(ours, all));
    },
    () => groupsTimed(group, (all) => writer.write(all)),
  );
  writer.close();
  ours.end();
  raw.end();
  const p99 = { ours: quantile(latencies.ours, 0.99), baseline: quantile(latencies.raw, 0.99) };
  const at = preload === 0 ? '' : `, ${preload.toLocaleString('en-US')} events before`;
  const lines = [
    rateGoal('G1', `capture, one a commit${at}`, single, { items: SINGLE, atLeast: 0.7 }),
    limitGoal(
      'G1',
      `capture p99${at}`,
      { ...p99, ratio: p99.ours / p99.baseline },
      { unit: 'ms', atMost: 3 },
    ),
    rateGoal('G3', `capture, 1,000 a call${at}`, grouped, { items: GROUPED, atLeast: 0.6 }),
  ];
  return { lines, p50: quantile(latencies.ours, 0.5) };
}

function captureBytes(world: World, all: readonly Uint8Array[]): void {
  capture(
    world.journal,
    all.map((bytes) => ({ event: parsed(bytes), origin: 'envelope', source: null })),
  );
}

function parsed(bytes: Uint8Array): ParsedEnvelope {
  const result = parseEnvelope(bytes);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function eachTimed(
  from: number,
  count: number,
  latencies: number[],
  write: (bytes: Uint8Array) => void,
): number {
  const all = Array.from({ length: count }, (_, index) => bytesOf(from + index));
  const passed = stopwatch();
  for (const bytes of all) {
    const before = performance.now();
    write(bytes);
    latencies.push(performance.now() - before);
  }
  return passed();
}

function groupsTimed(from: number, write: (all: readonly Uint8Array[]) => void): number {
  const all = Array.from({ length: GROUPED }, (_, index) => bytesOf(from + index));
  const passed = stopwatch();
  for (let at = 0; at < all.length; at += 1000) write(all.slice(at, at + 1000));
  return passed();
}

/** What a program would do that only wants the rows: the same columns, indexes, pragmas and commits. */
function rawWriter(world: World): { write(all: readonly Uint8Array[]): void; close(): void } {
  const db = new Database(world.db.path);
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  const event = db.prepare(
    `INSERT INTO events (event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
       aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
     VALUES (?, ?, 1, 2, 'WPStatusChanged', 3, 1, 'WorkPackage', 'WP01', '047-namespace', NULL, ?, ?, ?, ?)`,
  );
  const payload = db.prepare('INSERT INTO event_payloads (seq, payload) VALUES (?, ?)');
  const head = db.prepare('UPDATE journal_head SET captured = captured + ?');
  let n = 0;
  const write = db.transaction((all: readonly Uint8Array[]) => {
    for (const bytes of all) {
      n += 1;
      const id = `RAW${String(n).padStart(23, '0')}`;
      // The hash is a column, so whoever writes the row must make it.
      const digest = hash('sha256', bytes, 'hex');
      const { lastInsertRowid } = event.run(id, world.project.id, digest, bytes.length, n, n);
      payload.run(lastInsertRowid, bytes);
    }
    head.run(all.length);
  });
  return {
    write: (all) => {
      write.immediate(all);
    },
    close: () => {
      db.close();
    },
  };
}
