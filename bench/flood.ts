import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { createIds, systemClock, systemFiles, systemRandom } from '../src/base/index.ts';
import { createTeam, createToken, openStore, teamForOperator } from '../src/server/index.ts';
import { encodeBatch } from '../src/wire/index.ts';
import {
  bootPostgres,
  killPostgres,
  onServer,
  OWNER,
  unpackPostgres,
} from '../test/support/postgres-cluster.ts';
import { limitGoal, type Measured, quantile } from './measure.ts';
import { startServing } from './postgres.ts';
import { bytesOf } from './world.ts';

const FLOOD_SECONDS = Number(process.env['BENCH_FLOOD_SECONDS'] ?? '10');
const SOCKETS = 32;
const FLOOD_BATCHES = 400;
const FULL_BATCH = 1_000;
/** Waits for the transaction of a full one, which cannot be divided: no goal. */
const SMALL_BATCH = 100;
/** Between two batches of the team that does not flood: it wants less than half of the receiver. */
const REST_MS = 100;

/** How long a team's batches take while another floods the receiver, beside how long they take alone. */
export async function benchFlood(): Promise<readonly Measured[]> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-bench-flood-'));
  const onSqlite = await besideFlood('SQLite', path.join(dir, 'flood.db'));
  const cluster = await bootPostgres(unpackPostgres(dir), dir);
  try {
    await onServer(cluster, (client) => client.query(`CREATE DATABASE flood OWNER ${OWNER}`));
    const url = `postgres://${OWNER}@127.0.0.1:${cluster.port}/flood`;
    return [...onSqlite, ...(await besideFlood('PostgreSQL', url))];
  } finally {
    await killPostgres(cluster);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function besideFlood(database: string, address: string): Promise<readonly Measured[]> {
  const [greedy, modest] = await twoTokens(address);
  const receiver = await startServing(address);
  let next = 0;
  const measure = async (size: number): Promise<readonly number[]> => {
    // A socket that has rested since the last time may be closed from the other side just now.
    const agent = new Agent({ keepAlive: true });
    const send = sender(receiver.url, modest, agent);
    const waits: number[] = [];
    const began = performance.now();
    while (performance.now() - began < FLOOD_SECONDS * 1_000) {
      const body = batchOf(next, size);
      next += size;
      const sent = performance.now();
      const status = await send(body);
      if (status !== 200) throw new Error(`HTTP ${status}`);
      waits.push(performance.now() - sent);
      await pause(REST_MS);
    }
    agent.destroy();
    return waits;
  };
  const lines: Measured[] = [];
  await measure(FULL_BATCH);
  for (const [size, name, hasGoal] of [
    [FULL_BATCH, 'full batches', true],
    [SMALL_BATCH, `batches of ${SMALL_BATCH}`, false],
  ] as const) {
    const alone = await measure(size);
    const flood = await startFlood(receiver.url, greedy, String(lines.length));
    const beside = await measure(size);
    const told = await flood.told;
    process.stderr.write(`${database}, the flood beside ${name}: ${told}\n`);
    for (const share of [0.5, 0.99]) {
      const [ours, baseline] = [quantile(beside, share), quantile(alone, share)];
      const values = { ours, baseline, ratio: ours / baseline };
      const what = `p${share * 100} of one team’s ${name} beside a flood, ${database}`;
      const line = limitGoal('H14', what, values, { unit: 'ms', atMost: 2 });
      lines.push(hasGoal ? line : { ...line, target: '–', reached: true });
    }
  }
  await receiver.stop();
  return lines;
}

async function twoTokens(address: string): Promise<readonly [string, string]> {
  const clock = systemClock();
  const [ids, random] = [createIds(clock), systemRandom];
  const store = await openStore(address, { clock, ids, files: systemFiles });
  const secretOf = async (name: string): Promise<string> => {
    await createTeam({ store, clock, ids, random }, name);
    const team = await teamForOperator(store, name);
    const rules = { name, scope: 'ingest', projects: 'all', team, clock, ids, random } as const;
    return (await createToken(store, rules)).secret;
  };
  const secrets = [await secretOf('greedy'), await secretOf('modest')] as const;
  await store.close();
  return secrets;
}

/** Another process, given a token and the number of its flood, that sends full batches over many sockets, as fast as they are taken, until its time is over. */
async function startFlood(
  url: string,
  ...words: readonly string[]
): Promise<{ readonly told: Promise<string> }> {
  const script = process.argv[1] ?? '';
  const argv = [...process.execArgv, script, 'child', 'flood', url, ...words];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const began = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve();
    });
  });
  const told = new Promise<string>((resolve) => {
    child.on('close', () => resolve(text.split('\n')[1] ?? ''));
  });
  await began;
  return { told };
}

/** The work of that process: it says when it begins, and at its end how often it was taken and refused. */
export async function floodInChild(words: readonly string[]): Promise<void> {
  const [url = '', token = '', round = '0'] = words;
  const from = Number(round) * FLOOD_BATCHES * FULL_BATCH;
  const bodies = Array.from({ length: FLOOD_BATCHES }, (_, n) =>
    batchOf(from + n * FULL_BATCH, FULL_BATCH),
  );
  const send = sender(url, token, new Agent({ keepAlive: true, maxSockets: SOCKETS }));
  const counts = new Map<number, number>();
  process.stdout.write('begun\n');
  const end = performance.now() + FLOOD_SECONDS * 1_000;
  let next = 0;
  await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      while (performance.now() < end) {
        const status = await send(bodies[next++ % FLOOD_BATCHES] ?? Buffer.of());
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    }),
  );
  process.stdout.write([...counts].map(([status, count]) => `${status} × ${count}`).join(', '));
  process.exit(0);
}

function batchOf(from: number, size: number): Buffer {
  return gzipSync(encodeBatch(Array.from({ length: size }, (_, n) => bytesOf(from + n))), {
    level: 1,
  });
}

function sender(url: string, token: string, agent: Agent): (body: Buffer) => Promise<number> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-encoding': 'gzip',
  };
  return (body) =>
    new Promise((resolve, reject) => {
      const options = { method: 'POST', agent, headers };
      const sent = request(`${url}/api/v1/events/batch/`, options, (answer) => {
        answer.on('end', () => resolve(answer.statusCode ?? 0)).resume();
      });
      sent.on('error', reject).end(body);
    });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
