import { expect, it } from 'vitest';
import { everyDatabase, freshDatabase, runsPostgres } from '../../../test/support/postgres.ts';
import {
  bearer,
  envelope,
  EVENTS_URL,
  listenTrial,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  replyOf,
  seededRandom,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { createIds, systemFiles } from '../../base/index.ts';
import { createApp } from '../app.ts';
import { operatorScope } from '../auth.ts';
import { limitTeam } from '../operations/quotas.ts';
import { rebuildViews } from '../views/catch-up.ts';
import { erase } from '../operations/erasing.ts';
import type { Driver } from '../store/driver.ts';
import { openStore, type Store } from '../store/store.ts';
import { createStatistics, forgetOld } from './statistics.ts';
import { HOUR_MS, hourOf, sumsOf } from './tally.ts';

const LOCAL = operatorScope('local');
const NOBODYS = '99999999-8888-4777-8666-555555555555';

const cluster = await runsPostgres();
const PLACES = await everyDatabase();

/** What is written, as `project stream result rule` to counts and bytes, all hours together. */
async function written({ store }: { readonly store: Store }): Promise<Map<string, string>> {
  type Row = Readonly<Record<'project_id' | 'stream' | 'result' | 'rule', string>> &
    Readonly<Record<'count' | 'bytes', number>>;
  const rows = await store.driver.of(LOCAL).all<Row>(
    `SELECT project_id, stream, result, rule, sum(count) AS count, sum(bytes) AS bytes FROM ingest_counts
       WHERE team_id = 'local' GROUP BY project_id, stream, result, rule`,
  );
  return new Map(
    rows.map((row) => [
      [names.get(row.project_id) ?? row.project_id, row.stream, row.result, row.rule].join(' '),
      `${row.count} ${row.bytes}`,
    ]),
  );
}

const names = new Map([
  ['', 'all'],
  [PROJECT, 'demo'],
  [OTHER_PROJECT, 'other'],
]);

/** A table of expectations that is added up beside the receiver. */
function expectation(): {
  readonly add: (key: string, bytes?: number) => void;
  readonly sums: () => Map<string, string>;
} {
  const counts = new Map<string, { count: number; bytes: number }>();
  return {
    add: (key, bytes = 0) => {
      const known = counts.get(key) ?? { count: 0, bytes: 0 };
      counts.set(key, { count: known.count + 1, bytes: known.bytes + bytes });
    },
    sums: () =>
      new Map([...counts].map(([key, { count, bytes }]) => [key, `${count} ${bytes}`] as const)),
  };
}

/** An element, what becomes of it, and the project that it counts for. */
type Element = readonly [bytes: Buffer, end: string, whose: string | null];

/** Batches in which it is known beforehand what becomes of each element. */
async function sendAtRandom(
  trial: Pick<Trial, 'app'>,
  { add }: ReturnType<typeof expectation>,
  { seed, from, batches }: { seed: number; from: number; batches: number },
): Promise<void> {
  const random = seededRandom(seed);
  const roll = (sides: number): number => (random(1)[0] ?? 0) % sides;
  const sent: { readonly bytes: Buffer; readonly project: string }[] = [];
  let next = from;
  for (let batch = 0; batch < batches; batch += 1) {
    const projects = new Set<string>();
    const elements: Buffer[] = [];
    const count = 1 + roll(40);
    for (let index = 0; index < count; index += 1) {
      const project = roll(3) === 0 ? 'other' : 'demo';
      const project_uuid = project === 'demo' ? PROJECT : OTHER_PROJECT;
      next += 1;
      const old = sent[roll(Math.max(1, sent.length))];
      const isKnown = old !== undefined && roll(2) === 0;
      const fresh: Element = [envelope(next, { project_uuid }), 'success ', project];
      const broken = (members: object, end: string): Element => [
        envelope(next, { project_uuid, ...members }),
        `schema_invalid ${end}`,
        project,
      ];
      const kinds: readonly Element[] = [
        fresh,
        isKnown ? [old.bytes, 'duplicate ', old.project] : fresh,
        isKnown ? [changed(old.bytes), 'hash_conflict ', old.project] : fresh,
        broken({ event_type: undefined }, 'required'),
        broken({ timestamp: 'soon' }, 'not-a-timestamp'),
        [envelope(next, { project_uuid: null }), 'schema_invalid required', null],
        [Buffer.from('[1]'), 'schema_invalid wrong-type', null],
      ];
      const [bytes, end, whose] = kinds[roll(kinds.length)] ?? fresh;
      elements.push(bytes);
      add(`all events ${end}`, bytes.length);
      if (whose !== null) {
        projects.add(whose);
        add(`${whose} events ${end}`, bytes.length);
      }
      if (end === 'success ' && whose !== null) sent.push({ bytes, project: whose });
    }
    for (const whose of ['all', ...projects]) add(`${whose} batches success `);
    await send(trial, elements);
  }
}

function changed(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString().replace('"phase":"implementation"', '"phase":"review"'));
}

it.each(PLACES)(
  'counts exactly what was sent and what became of it, on %s',
  async (_on, placeOf) => {
    const trial = await startTrial({}, await placeOf());
    const expected = expectation();
    await send(trial, [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })]);
    for (const key of ['all', 'demo', 'other']) {
      expected.add(`${key} batches success `);
      expected.add(`${key} events success `, envelope(1).length);
    }
    expected.add('all events success ', envelope(1).length);
    await sendAtRandom(trial, expected, { seed: 1, from: 100, batches: 30 });
    await trial.app.statistics.write();
    await sendAtRandom(trial, expected, { seed: 2, from: 10_000, batches: 10 });
    await Promise.all([trial.app.statistics.write(), trial.app.statistics.write()]);
    const given = await written(trial);
    expect(given).toEqual(expected.sums());
    expect(given.size).toBeGreaterThan(12);
    await rebuildViews(trial.store);
    expect(await written(trial)).toEqual(given);
  },
  60_000,
);

it.runIf(cluster !== null)(
  'adds up what two processes on one PostgreSQL count',
  async () => {
    const place = cluster === null ? null : await freshDatabase(cluster);
    const one = await startTrial({}, place);
    const other = await startTrial({}, place);
    const expected = expectation();
    await send(one, [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })]);
    for (const key of ['all', 'demo', 'other']) {
      expected.add(`${key} batches success `);
      expected.add(`${key} events success `, envelope(1).length);
    }
    expected.add('all events success ', envelope(1).length);
    const over = new AbortController();
    const writing = [one, other].map(async ({ app }) => {
      while (!over.signal.aborted) {
        await app.statistics.write();
        await one.clock.sleep(2);
      }
    });
    await Promise.all([
      sendAtRandom(one, expected, { seed: 3, from: 100, batches: 25 }),
      sendAtRandom(other, expected, { seed: 4, from: 50_000, batches: 25 }),
    ]);
    over.abort();
    await Promise.all(writing);
    await Promise.all([one.app.statistics.write(), other.app.statistics.write()]);
    expect(await written(one)).toEqual(expected.sums());
  },
  60_000,
);

it('counts what is refused whole by its code, where a team is known', async () => {
  const trial = await startTrial();
  const ingest = bearer(await trial.token('ingest'));
  const read = bearer(await trial.token('read'));
  const ask = async (status: number, request: Request): Promise<void> => {
    expect((await replyOf(trial.app.fetch(request))).status).toBe(status);
  };
  const bodies = 'http://localhost/api/dossier/push-content/';
  const snapshots = 'http://localhost/api/v1/connectors/trackers/snapshots/';
  const garbage = Buffer.from('{');
  await ask(401, postRequest([envelope(1)], bearer('skt_none')));
  await ask(403, postRequest([envelope(1)], read));
  await ask(415, postRequest([envelope(1)], { ...ingest, 'content-type': 'text/plain' }));
  await ask(415, postRequest([envelope(1)], { ...ingest, 'content-encoding': 'zip' }));
  await ask(400, postRequest([], ingest));
  await ask(400, postRequest(garbage, ingest));
  await ask(
    413,
    postRequest(
      Array.from({ length: 1_001 }, (_, n) => envelope(n)),
      ingest,
    ),
  );
  await ask(400, postRequest(garbage, ingest, bodies));
  await ask(400, postRequest(garbage, ingest, snapshots));
  await limitTeam(trial.store, { team: LOCAL, maxBytes: 10 }, trial.clock);
  await ask(507, postRequest([envelope(1)], ingest));
  await trial.app.statistics.write();
  expect([...(await written(trial)).keys()].toSorted()).toEqual([
    'all batches bad_request empty',
    'all batches bad_request invalid-json',
    'all batches quota_exceeded ',
    'all batches scope_refused ',
    'all batches sync_batch_too_large ',
    'all batches unsupported_content_encoding ',
    'all batches unsupported_media_type ',
    'all bodies validation_error invalid-json',
    'all snapshots bad_request invalid-json',
  ]);
});

it('counts who asks too often', async () => {
  const trial = await startTrial({ requestsPerSecond: 1 });
  const token = bearer(await trial.token());
  const statuses: number[] = [];
  for (let number = 0; number < 15; number += 1) {
    statuses.push((await trial.app.fetch(postRequest([envelope(number)], token))).status);
  }
  const refused = statuses.filter((status) => status === 429).length;
  expect(refused).toBeGreaterThan(0);
  await trial.app.statistics.write();
  expect((await written(trial)).get('all batches rate_limited ')).toBe(`${refused} 0`);
});

it('names no project that is not the team’s, and counts what names it for the team', async () => {
  const trial = await startTrial();
  const token = bearer(await trial.token('ingest', [PROJECT]));
  await send(trial, [envelope(1), envelope(2, { project_uuid: NOBODYS })], token);
  await trial.app.statistics.write();
  expect([...(await written(trial)).keys()].toSorted()).toEqual([
    'all batches success ',
    'all events project_refused ',
    'all events success ',
    'demo batches success ',
    'demo events success ',
  ]);
});

it('holds a bounded number of projects that somebody makes up', async () => {
  const { store, clock, log } = await startTrial();
  const statistics = createStatistics(store, { clock, log });
  let asked = 0;
  const counting: Store = { ...store, driver: watching(store.driver, () => (asked += 1)) };
  const bounded = createStatistics(counting, { clock, log });
  for (let number = 0; number < 10_000; number += 1) {
    const projectId = `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const fate = { projectId, result: 'schema_invalid', rule: 'required', bytes: 3 };
    bounded.note(LOCAL, sumsOf('events', [fate]));
  }
  await bounded.write();
  await statistics.write();
  expect(asked).toBeGreaterThan(1_900);
  expect(asked).toBeLessThan(2_100);
  expect(await written({ store })).toEqual(
    new Map([['all events schema_invalid required', '10000 30000']]),
  );
});

function watching(driver: Driver, see: () => void): Driver {
  return {
    ...driver,
    of: (team) => watching(driver.of(team), see),
    tx: (work) =>
      driver.tx((sql) =>
        work({
          ...sql,
          all: (text, params) => {
            see();
            return sql.all(text, params);
          },
        }),
      ),
  };
}

it('keeps what cannot be written now, and says so in the log', async () => {
  const { store, clock, log, logged } = await startTrial();
  let isDown = true;
  const driver = (inner: Driver): Driver => ({
    ...inner,
    of: (team) => driver(inner.of(team)),
    tx: (work) => (isDown ? Promise.reject(new Error('gone')) : inner.tx(work)),
  });
  const statistics = createStatistics({ ...store, driver: driver(store.driver) }, { clock, log });
  const fate = { projectId: null, result: 'rate_limited', rule: '', bytes: 0 };
  statistics.note(LOCAL, sumsOf('batches', [fate]));
  await statistics.write();
  expect(logged).toContainEqual(
    expect.objectContaining({ event: 'receiver.statistics', error: 'gone' }),
  );
  statistics.note(LOCAL, sumsOf('batches', [fate, fate]));
  isDown = false;
  await statistics.write();
  expect((await written({ store })).get('all batches rate_limited ')).toBe('3 0');
});

it('forgets hours that are too old, of every team, and no others', async () => {
  const trial = await startTrial();
  const { store, clock, app } = trial;
  for (let day = 0; day < 4; day += 1) {
    await send(trial, [envelope(day)]);
    await app.statistics.write();
    clock.move(24 * HOUR_MS);
  }
  const before = hourOf(clock.now()) - 2 * 24 * HOUR_MS;
  await forgetOld(store, before, new AbortController().signal);
  const rows = await store.driver.all<{ readonly hour: number }>(
    'SELECT DISTINCT hour FROM ingest_counts ORDER BY hour',
  );
  expect(rows.map(({ hour }) => hour)).toEqual([before, before + 24 * HOUR_MS]);
});

it('takes a project’s figures away with the project, and leaves the team’s', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })]);
  await trial.app.statistics.write();
  await erase(trial.store, { team: LOCAL, project: PROJECT }, trial.clock);
  const whose = new Set([...(await written(trial)).keys()].map((key) => key.split(' ')[0]));
  expect(whose).toEqual(new Set(['all', 'other']));
});

it('is written while a receiver runs, and the rest when it is closed', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const post = async (number: number): Promise<void> => {
    const { body, headers } = postRequest([envelope(number)]);
    const url = EVENTS_URL.replace('http://localhost', receiver.url);
    const init = { method: 'POST', body, headers, duplex: 'half' } as const;
    expect((await fetch(url, init)).status).toBe(200);
  };
  await post(1);
  const started = performance.now();
  while ((await written(trial)).size === 0) {
    expect(performance.now() - started).toBeLessThan(10_000);
    await trial.clock.sleep(50);
  }
  await post(2);
  await receiver.close();
  expect((await written(trial)).get('demo batches success ')).toBe('2 0');
}, 20_000);

it('is the same store for a receiver that comes later', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  await trial.app.statistics.write();
  const { clock, log, file } = trial;
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  const app = createApp(store, { clock, log });
  await send({ app }, [envelope(1), envelope(2)]);
  await app.statistics.write();
  expect((await written({ store })).get('all events success ')?.split(' ')[0]).toBe('2');
  await store.close();
});
