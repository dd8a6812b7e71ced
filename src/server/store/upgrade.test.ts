import path from 'node:path';
import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  PROJECT,
  seededRandom,
  send,
} from '../../../test/support/receiver-trial.ts';
import { tempDir } from '../../../test/support/temp-home.ts';
import {
  createIds,
  migrate,
  openDb,
  sha256Hex,
  silentLog,
  systemClock,
  systemFiles,
} from '../../base/index.ts';
import { createApp } from '../app.ts';
import { operatorScope } from '../auth.ts';
import { listProjects } from '../identity/administration.ts';
import { mintSecret } from '../login/machine-tokens.ts';
import { catchUp } from '../views/catch-up.ts';
import { producerHealth } from '../views/producers.ts';
import { countsOf } from '../views/tallies.ts';
import { RECEIVER_MIGRATIONS } from './migrations.ts';
import { openStore } from './store.ts';

it('takes over a store from before there were people: its tokens work on, its projects are the local team’s', async () => {
  const file = path.join(tempDir(), 'receiver.db');
  const clock = systemClock();
  const db = openDb(file, { clock });
  migrate(db, RECEIVER_MIGRATIONS.slice(0, 2), 0);
  const { text, prefix, hash } = mintSecret(seededRandom(5));
  db.run(
    `INSERT INTO tokens (token_id, team_id, prefix, hash, name, scope, all_projects, created_at)
     VALUES ('t', 'local', :prefix, :hash, 'old', 'ingest', 1, 0)`,
    { prefix, hash },
  );
  const payload = envelope(1);
  db.run(
    `INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, sha256, occurred_at,
       received_at, payload)
     VALUES ('local', :project, '01JM0000000000000000000001', 'WPAssigned', 'WorkPackage', 'WP01', :sha256, 0, 77,
       :payload)`,
    { project: PROJECT, sha256: sha256Hex(payload), payload },
  );
  db.close();
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  try {
    const app = createApp(store, { clock, log: silentLog });
    const results = await send({ app }, [payload, envelope(2)], bearer(text));
    expect(results.map(({ status }) => status)).toEqual(['duplicate', 'success']);
    expect(await listProjects(store, null)).toEqual([
      { id: PROJECT, claimedBy: 'local', claimedAt: 77 },
    ]);
  } finally {
    await store.close();
  }
});

it('folds the views of a store from before lags anew, once', async () => {
  const file = path.join(tempDir(), 'receiver.db');
  const clock = systemClock();
  const db = openDb(file, { clock });
  migrate(
    db,
    RECEIVER_MIGRATIONS.filter(({ number }) => number < 15),
    0,
  );
  const payload = envelope(1);
  db.run(
    `INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, sha256, occurred_at,
       received_at, payload)
     VALUES ('local', :project, '01JM0000000000000000000001', 'WPAssigned', 'WorkPackage', 'WP01', :sha256, 0, 77,
       :payload)`,
    { project: PROJECT, sha256: sha256Hex(payload), payload },
  );
  const [whose, values] = ['(team_id, project_id, ', `('local', '${PROJECT}', `];
  db.run(`INSERT INTO projects ${whose} claimed_by, claimed_at) VALUES ${values} 'local', 77)`);
  db.run(`INSERT INTO view_cursors ${whose} arrival) VALUES ${values} 1)`);
  db.run(
    `INSERT INTO tallies ${whose} topic, name, count) VALUES ${values} 'day', '1970-01-01', 1)`,
  );
  db.run(
    `INSERT INTO producers ${whose} node_id, events, last_seen_at, last_event_at)
     VALUES ${values} '0123456789ab', 1, 77, 0)`,
  );
  db.close();
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  const team = operatorScope('local');
  const scope = [team, PROJECT] as const;
  expect(await catchUp(store, team)).toBe(true);
  expect(await countsOf(store.driver, scope, 'day')).toEqual([{ name: '1970-01-01', count: 1 }]);
  expect(await producerHealth(store.driver, scope, 77)).toMatchObject([
    { nodeId: '0123456789ab', events: 1, lastLagMs: 77, lags: [{ withinMs: 1_000, events: 1 }] },
  ]);
  await store.close();
});
