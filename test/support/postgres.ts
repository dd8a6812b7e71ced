import { mkdtempSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { onTestFinished } from 'vitest';
import {
  bootPostgres,
  type Cluster,
  killPostgres,
  onServer,
  OWNER,
  startPostgres,
  unpackPostgres,
} from './postgres-cluster.ts';
import { onceARun } from './run-once.ts';

/** Names the directory of the run's one PostgreSQL. */
export const POSTGRES_DIR = 'TEST_POSTGRES_DIR';
/** Names the process whose end is the end of that PostgreSQL, however it comes. */
export const POSTGRES_RUN = 'TEST_POSTGRES_RUN';
const NONE = 'NOT CHECKED: no PostgreSQL runs here, so the store was checked on SQLite alone';

/** The PostgreSQL of this test run, started by whoever asks first; null, said aloud, where none can run. */
export async function runsPostgres(): Promise<Cluster | null> {
  const { cluster, reason } = await onceARun(process.env[POSTGRES_DIR] ?? '', boot);
  if (cluster === null) process.stderr.write(`${NONE}: ${reason}\n`);
  return cluster;
}

/** The databases that a test runs on: a name, and what makes a new place there; `undefined` is a SQLite file of the trial. */
export async function everyDatabase(): Promise<
  readonly (readonly [name: string, placeOf: () => Promise<string | undefined>])[]
> {
  const cluster = await runsPostgres();
  const sqlite = ['SQLite', () => Promise.resolve(undefined)] as const;
  return cluster === null
    ? [sqlite]
    : [sqlite, ['PostgreSQL', () => freshDatabase(cluster)] as const];
}

/** A PostgreSQL, or why there is none. */
export interface Outcome {
  readonly cluster: Cluster | null;
  readonly reason: string;
}

async function boot(dir: string): Promise<Outcome> {
  try {
    const cluster = await bootPostgres(unpackPostgres(dir), dir);
    watch(cluster, process.env[POSTGRES_RUN] ?? '');
    return { cluster, reason: '' };
  } catch (error) {
    return { cluster: null, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** A run that is killed tears nothing down, so somebody waits for its end beside it. */
function watch({ pid, dir }: Cluster, run: string): void {
  if (process.platform === 'win32') return;
  const script =
    'while kill -0 "$1" && kill -0 "$2"; do sleep 1; done; kill -0 "$1" || { kill -9 "$2"; rm -rf "$3"; }';
  spawn('sh', ['-c', script, 'sh', run, String(pid), dir], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env['PATH'] ?? '' },
  }).unref();
}

/** A new empty database that the ordinary login owns, dropped with the test; its address. */
export async function freshDatabase(cluster: Cluster): Promise<string> {
  const name = `t_${process.pid}_${process.hrtime.bigint().toString(36)}`;
  await onServer(cluster, (client) => client.query(`CREATE DATABASE ${name} OWNER ${OWNER}`));
  onTestFinished(async () => {
    await onServer(cluster, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  return `postgres://${OWNER}@127.0.0.1:${cluster.port}/${name}`;
}

/** A PostgreSQL of the test's own, to be killed and started again. */
export interface OwnPostgres {
  readonly cluster: Cluster;
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Starts one with an empty database. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'receiver-own-postgres-'));
  const native = unpackPostgres(dir);
  let cluster = await bootPostgres(native, dir);
  onTestFinished(async () => {
    await killPostgres(cluster);
    rmSync(dir, { recursive: true, force: true });
  });
  await onServer(cluster, (client) => client.query(`CREATE DATABASE own OWNER ${OWNER}`));
  return {
    cluster,
    url: `postgres://${OWNER}@127.0.0.1:${cluster.port}/own`,
    kill: () => killPostgres(cluster),
    start: async () => {
      cluster = await startPostgres(native, dir, cluster.port);
    },
  };
}
