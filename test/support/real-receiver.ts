import path from 'node:path';
import { onTestFinished } from 'vitest';
import {
  createIds,
  silentLog,
  systemClock,
  systemFiles,
  systemRandom,
} from '../../src/base/index.ts';
import {
  createToken,
  listEvents,
  openStore,
  serve,
  type Store,
  type TokenScope,
} from '../../src/server/index.ts';
import { tempDir } from './temp-home.ts';

/** The product's own receiver, listening on this machine with a store of its own. */
export interface RealReceiver {
  readonly url: string;
  readonly instanceId: string;
  readonly store: Store;
  readonly file: string;
  /** Every stored event as `id sha256`, sorted by id. */
  holdings(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts a receiver on a port of the system's choice; it stops with the test. `file` may name a PostgreSQL. */
export async function realReceiver(
  options: { readonly isStrict?: boolean; readonly file?: string; readonly port?: number } = {},
): Promise<RealReceiver> {
  const clock = systemClock();
  const file = options.file ?? path.join(tempDir(), 'receiver.db');
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  const { isStrict = false, port = 0 } = options;
  const receiver = await serve(store, { clock, log: silentLog, isStrict, port });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await receiver.close();
    await store.close();
  };
  onTestFinished(stop);
  return {
    url: receiver.url,
    instanceId: receiver.instanceId,
    store,
    file,
    holdings: () => holdings(store),
    stop,
  };
}

async function holdings(store: Store): Promise<readonly string[]> {
  const held: string[] = [];
  let after = 0;
  for (;;) {
    const page = await listEvents(store, { after, limit: 1000 });
    held.push(...page.items.map((item) => `${item.eventId} ${item.sha256}`));
    if (page.nextCursor === null) return held.sort();
    after = page.nextCursor;
  }
}

/** A new token for every project; from now on the receiver wants one of everybody. */
export async function tokenFor(store: Store, scope: TokenScope): Promise<string> {
  const clock = systemClock();
  const made = await createToken(store, {
    name: scope,
    scope,
    projects: 'all',
    clock,
    ids: createIds(clock),
    random: systemRandom,
  });
  return made.secret;
}
