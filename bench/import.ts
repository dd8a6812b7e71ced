import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { importMissions } from '../src/missions/index.ts';
import { limitGoal, pairs, rateGoal, timed, type Measured } from './measure.ts';
import { createWorld, type World } from './world.ts';

const LINES = 10_000;
const PAIRS = 5;

/** Importing 10,000 status lines beside reading, parsing and inserting them; then finding them unchanged. */
export async function benchImport(): Promise<readonly Measured[]> {
  const text = logText();
  let last: World | null = null;
  const whole = await pairs(
    PAIRS,
    async () => {
      last?.end();
      const world = createWorld();
      last = world;
      writeLog(world, text);
      return timed(() => importMissions(world.journal, world.project));
    },
    async () => {
      const world = createWorld();
      const ms = await timed(() => {
        rawImport(world, text);
      });
      world.end();
      return ms;
    },
  );
  const world = last as World | null;
  if (world === null) throw new Error('an import ran');
  const again = await pairs(
    PAIRS,
    () => timed(() => importMissions(world.journal, world.project)),
    () => 5,
  );
  world.end();
  return [
    rateGoal('–', 'import 10,000 lines', whole, { items: LINES, atLeast: null }),
    limitGoal('–', 'import again, unchanged (beside 5 ms)', again, { unit: 'ms', atMost: 1 }),
  ];
}

function logText(): string {
  const lines = Array.from({ length: LINES }, (_, n) =>
    JSON.stringify({
      actor: 'claude:sonnet-4-6:implementer:implementer',
      at: '2026-06-06T11:17:12.128142+00:00',
      event_id: `01KVYWRG00${String(n).padStart(16, '0')}`,
      evidence: null,
      execution_mode: 'worktree',
      force: false,
      from_lane: 'planned',
      mission_id: '01KTE2S951SWFSP0NTQ2NKNQFZ',
      mission_slug: 'plan-concern-vocabulary-and-wp-traceability-01KTE2S9',
      policy_metadata: null,
      reason: `step ${n}`,
      review_ref: null,
      to_lane: 'claimed',
      wp_id: 'WP01',
    }),
  );
  return `${lines.join('\n')}\n`;
}

function writeLog(world: World, text: string): void {
  const mission = path.join(world.dir, 'kitty-specs', '001-bench');
  mkdirSync(mission, { recursive: true });
  writeFileSync(path.join(mission, 'status.events.jsonl'), text);
}

/** Parse each line, build an envelope with the platform's own JSON, insert the same columns. */
function rawImport(world: World, text: string): void {
  const db = new Database(world.db.path);
  db.pragma('synchronous = FULL');
  const event = db.prepare(
    `INSERT INTO events (event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
       aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
     VALUES (?, ?, 1, 3, 'WPStatusChanged', 3, 1, 'WorkPackage', ?, ?, NULL, ?, ?, ?, 0)`,
  );
  const payload = db.prepare('INSERT INTO event_payloads (seq, payload) VALUES (?, ?)');
  const source = db.prepare('INSERT INTO provenance (seq, source, line) VALUES (?, ?, ?)');
  let number = 0;
  const lines = text.split('\n').filter((line) => line !== '');
  for (let from = 0; from < lines.length; from += 1000) {
    db.transaction(() => {
      for (const line of lines.slice(from, from + 1000)) {
        const { event_id: id, at, ...rest } = JSON.parse(line) as Record<string, string>;
        const envelope = {
          event_id: id,
          event_type: 'WPStatusChanged',
          payload: rest,
          timestamp: at,
        };
        const bytes = Buffer.from(JSON.stringify(envelope));
        const when = Date.parse(at ?? '');
        const { wp_id: wp, mission_slug: slug } = rest;
        const digest = hash('sha256', bytes, 'hex');
        const done = event.run(id, world.project.id, wp, slug, digest, bytes.length, when);
        payload.run(done.lastInsertRowid, bytes);
        number += 1;
        source.run(done.lastInsertRowid, 'kitty-specs/001-bench/status.events.jsonl', number);
      }
    }).immediate();
  }
  db.close();
}
