import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { killPostgres } from './postgres-cluster.ts';
import { type Outcome, POSTGRES_DIR, POSTGRES_RUN } from './postgres.ts';
import { madeInRun } from './run-once.ts';

/** Gives the run's PostgreSQL a place; the first test that asks starts it, and here it ends with the run. */
export function setup(): () => Promise<void> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'receiver-postgres-'));
  process.env[POSTGRES_DIR] = dir;
  process.env[POSTGRES_RUN] = String(process.pid);
  return async () => {
    const cluster = madeInRun<Outcome>(dir)?.cluster ?? null;
    if (cluster !== null) await killPostgres(cluster);
    rmSync(dir, { recursive: true, force: true });
  };
}
