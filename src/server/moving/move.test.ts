import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { indexed, NAMESPACE } from '../../../test/support/dossier-events.ts';
import { freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import {
  bearer,
  envelope,
  LIST_URL,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  replyOf,
  seededRandom,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { tempDir } from '../../../test/support/temp-home.ts';
import { createIds, IntegrityError, sha256Hex, systemFiles } from '../../base/index.ts';
import { createApp } from '../app.ts';
import { addUser, createTeam, readAudit } from '../identity/administration.ts';
import { setTeamMember } from '../identity/membership.ts';
import { createToken, listEvents } from '../operator.ts';
import type { Driver } from '../store/driver.ts';
import { openStore, type Store } from '../store/store.ts';
import { operatorScope } from '../auth.ts';
import { moveStore } from './move.ts';
import { tablesInOrder } from './tables.ts';

const cluster = await runsPostgres();
const EVENTS = 700;
const TEXT = '# Spec ü😀\n';

interface Inhabited {
  readonly trial: Trial;
  readonly token: string;
  readonly teamId: string;
}

/** A receiver with two teams, people, tokens, events of two projects and texts. */
async function inhabited(address: string | null = null): Promise<Inhabited> {
  const trial = await startTrial({}, address);
  const { store, clock } = trial;
  const random = seededRandom(4);
  const ids = createIds(clock, random);
  const identity = { store, clock, ids, random };
  await send(
    trial,
    Array.from({ length: EVENTS }, (_, number) =>
      envelope(number, number % 3 === 0 ? { project_uuid: OTHER_PROJECT } : {}),
    ),
  );
  await send(trial, [envelope(1), indexed(EVENTS, { text: TEXT }), envelope(EVENTS + 1)]);
  await trial.app.fetch(
    postRequest(pushOf(TEXT), {}, 'http://localhost/api/dossier/push-content/'),
  );
  await addUser(identity, { email: 'ann@example.org', name: 'Ann' });
  const { id: teamId } = await createTeam(identity, 'cats');
  await setTeamMember(identity, { team: 'cats', email: 'ann@example.org', role: 'owner' });
  const token = await createToken(store, {
    name: 'laptop',
    scope: 'ingest',
    projects: [PROJECT],
    team: operatorScope(teamId),
    clock,
    ids,
    random,
  });
  await send(trial, [envelope(1, { aggregate_id: 'theirs' })], bearer(token.secret));
  await trial.app.statistics.write();
  return { trial, token: token.secret, teamId };
}

function pushOf(text: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      ...NAMESPACE,
      artifact_path: 'spec.md',
      content_hash: sha256Hex(text),
      hash_algorithm: 'sha256',
      content_body: text,
    }),
  );
}

async function empty(trial: Trial, address: string | null = null): Promise<Store> {
  const store = await openStore(address ?? path.join(tempDir(), 'moved.db'), {
    clock: trial.clock,
    ids: createIds(trial.clock, seededRandom(99)),
    files: systemFiles,
  });
  onTestFinished(() => store.close());
  return store;
}

/** What the receiver shows of everything, whichever store it has. */
async function shown(store: Store, { trial, token, teamId }: Inhabited): Promise<unknown> {
  const app = createApp(store, trial.options);
  const duplicate = await replyOf(
    app.fetch(postRequest([envelope(1, { aggregate_id: 'theirs' })], bearer(token))),
  );
  const known = await replyOf(app.fetch(new Request(LIST_URL)));
  return {
    instance: store.instanceId,
    local: (await listEvents(store, { limit: 1000 })).items,
    cats: (await listEvents(store, {}, operatorScope(teamId))).items,
    audit: await readAudit(store, 100),
    duplicate: duplicate.json['results'],
    known: known.status,
  };
}

const ways = [
  ['SQLite', 'SQLite'],
  ...(cluster === null
    ? []
    : [['SQLite', 'PostgreSQL'] as const, ['PostgreSQL', 'SQLite'] as const]),
] as const;

it.each(ways)('moves everything from %s to %s and goes on there', async (one, other) => {
  const fresh = async (kind: string): Promise<string | null> =>
    kind === 'PostgreSQL' && cluster !== null ? freshDatabase(cluster) : null;
  const home = await inhabited(await fresh(one));
  const { trial } = home;
  const target = await fresh(other);
  const to = await empty(trial, target);
  const moved = await moveStore(trial.store, to, trial.clock);
  const counts = new Map(moved.tables.map(({ table, rows }) => [table, rows]));
  expect(counts.get('events')).toBe(EVENTS + 3);
  expect(counts.get('bodies')).toBe(1);
  expect(counts.get('memberships')).toBe(2);
  // Of both teams: batches and events of them and their projects, a duplicate, a text.
  expect(counts.get('ingest_counts')).toBe(14);
  expect(moved.tables.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
  await to.close();
  const again = await openStore(target ?? to.path, {
    clock: trial.clock,
    ids: createIds(trial.clock),
    files: systemFiles,
    mustExist: true,
  });
  onTestFinished(() => again.close());
  expect(await shown(again, home)).toEqual(await shown(trial.store, home));
  const next = { ...trial, store: again, app: createApp(again, trial.options) };
  expect(await send(next, [envelope(9_999)], bearer(home.token))).toMatchObject([
    { status: 'success' },
  ]);
  const { items } = await listEvents(again, {}, operatorScope(home.teamId));
  expect(items.at(-1)?.cursor).toBeGreaterThan(EVENTS + 3);
});

it('goes on where it was interrupted, and changes nothing the third time', async () => {
  const { trial } = await inhabited();
  const to = await empty(trial);
  const broken = { ...to, driver: failingAt(to.driver, 6) };
  await expect(moveStore(trial.store, broken, trial.clock)).rejects.toThrow('pulled');
  const second = await moveStore(trial.store, to, trial.clock);
  const events = second.tables.find(({ table }) => table === 'events');
  expect(events?.rows).toBe(EVENTS + 3);
  expect(events?.written).toBeLessThan(EVENTS + 3);
  const third = await moveStore(trial.store, to, trial.clock);
  expect(third.tables.map(({ sha256 }) => sha256)).toEqual(
    second.tables.map(({ sha256 }) => sha256),
  );
  expect(third.tables.find(({ table }) => table === 'events')?.written).toBe(0);
});

/** The same store until so many transactions were begun. */
function failingAt(driver: Driver, last: number): Driver {
  let begun = 0;
  const failing: Driver = {
    ...driver,
    of: () => failing,
    tx: (work) => {
      begun += 1;
      return begun > last ? Promise.reject(new Error('the plug was pulled')) : driver.tx(work);
    },
  };
  return failing;
}

it('refuses a store that is somebody else’s already', async () => {
  const { trial } = await inhabited();
  const { trial: other } = await inhabited();
  const used = { ...other.store, instanceId: 'another' };
  await other.store.driver.all(`UPDATE instance SET server_instance_id = 'another' RETURNING one`);
  await expect(moveStore(trial.store, used, trial.clock)).rejects.toMatchObject({ code: 'usage' });
});

it('notices bytes that are not what they hash to, and a row that differs', async () => {
  const { trial } = await inhabited();
  const to = await empty(trial);
  await moveStore(trial.store, to, trial.clock);
  await to.driver.all(`UPDATE events SET type = 'Other' WHERE arrival = 7 RETURNING arrival`);
  await expect(moveStore(trial.store, to, trial.clock)).rejects.toThrow(/events differs/);
  await trial.store.driver.all(
    `UPDATE events SET payload = x'00' WHERE arrival = 3 RETURNING arrival`,
  );
  await expect(moveStore(trial.store, to, trial.clock)).rejects.toThrow(IntegrityError);
});

it('knows every table, each behind what it refers to', async () => {
  const trial = await startTrial();
  const tables = tablesInOrder(trial.clock);
  const names = tables.map(({ name }) => name);
  expect(names).toContain('events');
  expect(names.indexOf('users')).toBeLessThan(names.indexOf('teams'));
  expect(names.indexOf('tokens')).toBeLessThan(names.indexOf('token_projects'));
  expect(tables.filter(({ isNumbered }) => isNumbered).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['events', 'audit']),
  );
});
