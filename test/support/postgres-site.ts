import type { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { createIds, systemFiles } from '../../src/base/index.ts';
import { createApp } from '../../src/server/app.ts';
import { openPostgres, type PoolLimits } from '../../src/server/store/postgres/open.ts';
import type { StoreOptions } from '../../src/server/store/store.ts';
import { freshDatabase } from './postgres.ts';
import { type Cluster, onServer } from './postgres-cluster.ts';
import { seededRandom, startTrial, type Trial } from './receiver-trial.ts';

/** A receiver on a database of its own. */
export interface Site {
  readonly trial: Trial;
  readonly url: string;
  readonly name: string;
  /** Does something in the database as its superuser. */
  readonly admin: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
}

/** A database of its own, with a receiver on it. */
export async function siteOn(server: Cluster | null): Promise<Site> {
  if (server === null) throw new Error('there is no PostgreSQL');
  const url = await freshDatabase(server);
  const name = new URL(url).pathname.slice(1);
  const trial = await startTrial({}, url);
  return { trial, url, name, admin: (work) => onServer(server, work, name) };
}

/** What a second store of the same trial is opened with. */
export function optionsOf(trial: Trial): StoreOptions {
  return {
    clock: trial.clock,
    ids: createIds(trial.clock, seededRandom(9)),
    files: systemFiles,
  };
}

/** A second process's view of the same database, with limits of its own. */
export async function besides({ trial, url }: Site, limits: PoolLimits): Promise<Trial> {
  const store = await openPostgres(url, optionsOf(trial), limits);
  onTestFinished(() => store.close());
  return { ...trial, store, app: createApp(store, trial.options) };
}
