import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { createIds, silentLog, systemClock, systemFiles } from '../src/base/index.ts';
import { createApp, openStore, serve } from '../src/server/index.ts';
import { encodeBatch } from '../src/wire/index.ts';
import {
  bootPostgres,
  type Cluster,
  killPostgres,
  onServer,
  OWNER,
  unpackPostgres,
} from '../test/support/postgres-cluster.ts';
import { batch, parseEach, post } from './ingest.ts';
import { pairs, rateGoal, stopwatch, timed, type Measured } from './measure.ts';

const BATCH = 1_000;
const BATCHES = 10;
const PAIRS = 5;
const PROCESSES = 2;
const SENDERS = 3;
const CROWD_BATCHES = 30;

/** G9 on PostgreSQL: the whole request path beside one bare bulk insert of the same rows, and two processes beside one. */
export async function benchPostgres(): Promise<readonly Measured[]> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-bench-postgres-'));
  const cluster = await bootPostgres(unpackPostgres(dir), dir);
  try {
    return [...(await besideBare(cluster)), ...(await besideOne(cluster))];
  } finally {
    await killPostgres(cluster);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function databaseOn(cluster: Cluster, name: string): Promise<string> {
  await onServer(cluster, (client) => client.query(`CREATE DATABASE ${name} OWNER ${OWNER}`));
  return `postgres://${OWNER}@127.0.0.1:${cluster.port}/${name}`;
}

async function besideBare(cluster: Cluster): Promise<readonly Measured[]> {
  const clock = systemClock();
  const options = { clock, ids: createIds(clock), files: systemFiles };
  const store = await openStore(await databaseOn(cluster, 'ours'), options);
  const bareUrl = await databaseOn(cluster, 'bare');
  await (await openStore(bareUrl, options)).close();
  const app = createApp(store, { clock, log: silentLog });
  const raw = await rawInsert(bareUrl.replace(OWNER, 'postgres'));
  let next = 0;
  const fresh = (): readonly (readonly Uint8Array[])[] => {
    const batches = Array.from({ length: BATCHES }, (_, n) => batch(next + n * BATCH));
    next += BATCH * BATCHES;
    return batches;
  };
  const ours = (): Promise<number> => {
    const bodies = fresh().map((events) => encodeBatch(events));
    return timed(async () => {
      for (const body of bodies) await post(app, body);
    });
  };
  const baseline = (before: (events: readonly Uint8Array[]) => void) => (): Promise<number> => {
    const batches = fresh();
    return timed(async () => {
      for (const events of batches) {
        before(events);
        await raw.insert(events);
      }
    });
  };
  await ours();
  const times = await pairs(
    PAIRS,
    ours,
    baseline(() => {}),
  );
  const parsing = await pairs(PAIRS, ours, baseline(parseEach));
  await raw.close();
  await store.close();
  const items = BATCH * BATCHES;
  return [
    rateGoal('G9', 'receiver ingest on PostgreSQL', times, { items, atLeast: 0.6 }),
    rateGoal('–', 'the same, beside JSON.parse and inserts', parsing, { items, atLeast: null }),
  ];
}

/** The plainest bulk insert: whole columns, the table's own indexes, no rows looked for, no wall between teams. */
async function rawInsert(url: string): Promise<{
  insert(events: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}> {
  const client = new Client(url);
  await client.connect();
  let n = 0;
  return {
    insert: async (events) => {
      const ids = events.map(() => {
        n += 1;
        return `RAW${String(n).padStart(23, '0')}`;
      });
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, category, sha256,
           occurred_at, received_at, payload)
         SELECT 'local', '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a', id, 'WPStatusChanged', 'WorkPackage', 'WP01',
           NULL, sha256, 1, 1, payload FROM unnest($1::text[], $2::text[], $3::bytea[]) AS g (id, sha256, payload)`,
        [
          ids,
          events.map((bytes) => hash('sha256', bytes, 'hex')),
          events.map((bytes) => Buffer.from(bytes)),
        ],
      );
      await client.query('COMMIT');
    },
    close: () => client.end(),
  };
}

/** Two processes take the same number of batches from three senders each, beside one process that takes them all. */
async function besideOne(cluster: Cluster): Promise<readonly Measured[]> {
  let round = 0;
  const crowd = (processes: number) => async (): Promise<number> => {
    round += 1;
    const url = await databaseOn(cluster, `crowd_${round}`);
    const receivers = await Promise.all(Array.from({ length: processes }, () => startServing(url)));
    const bodies = Array.from({ length: CROWD_BATCHES }, (_, n) => encodeBatch(batch(n * BATCH)));
    const queue = bodies.entries();
    const passed = stopwatch();
    await Promise.all(
      receivers.flatMap(({ url: address }) =>
        Array.from({ length: (SENDERS * PROCESSES) / processes }, async () => {
          for (const [, body] of queue) await send(address, body);
        }),
      ),
    );
    const ms = passed();
    for (const receiver of receivers) await receiver.stop();
    return ms;
  };
  const times = await pairs(3, crowd(PROCESSES), crowd(1));
  return [
    rateGoal('–', `${PROCESSES} receiver processes on one PostgreSQL, beside one`, times, {
      items: BATCH * CROWD_BATCHES,
      atLeast: null,
    }),
  ];
}

async function send(url: string, body: Buffer): Promise<void> {
  const response = await fetch(`${url}/api/v1/events/batch/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array(body),
  });
  if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
  await response.arrayBuffer();
}

/** A receiver in a process of its own, on a file or a PostgreSQL. */
export async function startServing(
  url: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const script = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, script, 'child', 'receiver', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const address = await new Promise<string>((resolve) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return {
    url: address,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The work of such a process: a receiver until it is killed. */
export async function serveInChild(address: string): Promise<void> {
  const clock = systemClock();
  const options = { clock, ids: createIds(clock), files: systemFiles };
  const store = await openStore(address, options);
  const { url } = await serve(store, { clock, log: silentLog, port: 0 });
  process.stdout.write(`${url}\n`);
  await new Promise<void>(() => {});
}
