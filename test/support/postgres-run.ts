import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type Cluster, killPostgres } from './postgres-cluster.ts';
import { POSTGRES_DIR, POSTGRES_RUN, READY } from './postgres.ts';

/** Gives the run's PostgreSQL a place; the first test that asks starts it, and here it ends with the run. */
export function setup(): () => Promise<void> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'receiver-postgres-'));
  process.env[POSTGRES_DIR] = dir;
  process.env[POSTGRES_RUN] = String(process.pid);
  return async () => {
    const ready = path.join(dir, READY);
    if (existsSync(ready)) {
      const { cluster } = JSON.parse(readFileSync(ready, 'utf8')) as { cluster: Cluster | null };
      if (cluster !== null) await killPostgres(cluster);
    }
    rmSync(dir, { recursive: true, force: true });
  };
}
