import { describe, expect, it } from 'vitest';
import { createIds, sha256Hex, systemFiles } from '../../src/base/index.ts';
import { createToken, listEvents, openStore, showEvent } from '../../src/server/index.ts';
import { flatIndexed, indexed, missing } from '../support/dossier-events.ts';
import {
  bearer,
  envelope,
  eventId,
  LIST_URL,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  type Reply,
  replyOf,
  seededRandom,
  send,
  startTrial,
  type Trial,
} from '../support/receiver-trial.ts';

const HOST = 'http://localhost';
const PUSH_URL = `${HOST}/api/dossier/push-content/`;
const WHERE = `project=${PROJECT}&mission=042-demo&branch=main&type=software-dev&manifest=1`;

/** Gives a new empty database for each test: its address, or null for a new file. */
export type FreshStore = () => Promise<string | null>;

/** What every database of the receiver must do, seen from outside. */
export function storeSuite(name: string, fresh: FreshStore): void {
  const trialOf = async (): Promise<Trial> => startTrial({}, await fresh());
  describe(`the receiver on ${name}`, () => {
    eventsSuite(trialOf);
    artifactsSuite(trialOf);
    storesSuite(trialOf);
  });
}

function eventsSuite(trialOf: () => Promise<Trial>): void {
  it('says of each event of a batch what became of it, and stores each once', async () => {
    const trial = await trialOf();
    const other = { aggregate_id: 'WP02' };
    const first = [envelope(2), envelope(1), envelope(2), envelope(1, other), envelope(3)];
    expect(statusesOf(await send(trial, first))).toEqual([
      'success',
      'success',
      'duplicate',
      'conflict',
      'success',
    ]);
    expect(statusesOf(await send(trial, [envelope(1), envelope(3, other), envelope(4)]))).toEqual([
      'duplicate',
      'conflict',
      'success',
    ]);
    expect(await cursorsOf(trial)).toEqual([
      [1, eventId(2)],
      [2, eventId(1)],
      [5, eventId(3)],
      [8, eventId(4)],
    ]);
    expect((await showEvent(trial.store, eventId(1))).map(textOf)).toEqual([
      envelope(1).toString(),
    ]);
  });

  it('keeps what came, whatever it says', async () => {
    const trial = await trialOf();
    const odd = ['ü😀\u{10ffff}', `'"; DROP TABLE events --`, '{"x":[1,null]}', '\\x00'];
    const batch = odd.map((aggregate_id, number) => envelope(number, { aggregate_id }));
    expect(new Set(statusesOf(await send(trial, batch)))).toEqual(new Set(['success']));
    const { items } = await listEvents(trial.store);
    expect(items.map((item) => item.aggregateId)).toEqual(odd);
    for (const [number, bytes] of batch.entries()) {
      const [event] = await showEvent(trial.store, eventId(number));
      expect(Buffer.from(event?.bytes ?? []).equals(bytes)).toBe(true);
    }
    const key = { context_diagnostics: { artifact_key: 'a\0b' } };
    expect(statusesOf(await send(trial, [indexed(7, { members: key })]))).toEqual(['success']);
    const listed = await (await get(trial, `/api/v1/artifacts/?${WHERE}`)).json();
    expect(listed).toMatchObject({ items: [{ artifact_key: 'a\u{fffd}b' }] });
    expect(await showEvent(trial.store, 'a\0b')).toEqual([]);
  });

  it('reads page by page, by project, and one id of two projects', async () => {
    const trial = await trialOf();
    const batch = Array.from({ length: 40 }, (_, number) =>
      envelope(number, number % 4 === 0 ? { project_uuid: OTHER_PROJECT } : {}),
    );
    await send(trial, [...batch, envelope(1, { project_uuid: OTHER_PROJECT })]);
    const first = await listEvents(trial.store, { limit: 30 });
    const second = await listEvents(trial.store, { limit: 30, after: first.nextCursor ?? 0 });
    expect([...first.items, ...second.items].map((item) => item.cursor)).toEqual(
      Array.from({ length: 41 }, (_, index) => index + 1),
    );
    expect(second.nextCursor).toBe(null);
    const ofOther = await listEvents(trial.store, { project: OTHER_PROJECT, after: 20 });
    expect(ofOther.items.map((item) => item.eventId)).toEqual([20, 24, 28, 32, 36, 1].map(eventId));
    const both = await showEvent(trial.store, eventId(1));
    expect(both.map((event) => event.projectId)).toEqual([PROJECT, OTHER_PROJECT]);
  });

  it('stores each event once however many senders say it in whatever order', async () => {
    const trial = await trialOf();
    const random = seededRandom(11);
    const senders = Array.from({ length: 8 }, () =>
      send(
        trial,
        shuffled(
          Array.from({ length: 300 }, (_, number) => envelope(number)),
          random,
        ),
      ),
    );
    const statuses = (await Promise.all(senders)).flatMap(statusesOf);
    expect(statuses.filter((status) => status === 'success')).toHaveLength(300);
    expect(statuses.filter((status) => status === 'duplicate')).toHaveLength(7 * 300);
    const { items } = await listEvents(trial.store, { limit: 1000 });
    expect(new Set(items.map((item) => item.eventId)).size).toBe(300);
    expect(items).toHaveLength(300);
  });
}

function artifactsSuite(trialOf: () => Promise<Trial>): void {
  it('takes the text of what events speak of, in either generation', async () => {
    const trial = await trialOf();
    await send(trial, [
      indexed(1, { text: 'one' }),
      indexed(2, { text: 'two', timestamp: '2026-03-15T00:00:00Z' }),
      flatIndexed(3, { path: 'plan.md', text: 'flat' }),
      indexed(4, { path: 'B.md', text: 'b' }),
      indexed(5, { path: 'a.md', text: 'a' }),
      missing(6, 'deleted', { path: 'a.md', timestamp: '2026-03-15T00:00:00Z' }),
    ]);
    const pushes = [push('one'), push('two'), push('two'), push('flat', 'plan.md'), push('x')];
    const statuses = [];
    for (const body of pushes) statuses.push((await post(trial, body)).status);
    expect(statuses).toEqual([201, 201, 200, 201, 404]);
    const listed = await (await get(trial, `/api/v1/artifacts/?${WHERE}`)).json();
    // In the order of their bytes: capitals before small letters.
    expect(listed).toMatchObject({
      items: [
        { path: 'B.md', stored: false, deleted: false },
        { path: 'a.md', stored: false, deleted: true },
        { path: 'plan.md', stored: true, content_hash: sha256Hex('flat') },
        {
          path: 'spec.md',
          stored: true,
          content_hash: sha256Hex('two'),
          versions: [{ content_hash: sha256Hex('one') }, { content_hash: sha256Hex('two') }],
        },
      ],
    });
    const body = await get(trial, `/api/v1/bodies/?${WHERE}&path=plan.md`);
    expect([body.status, await body.text()]).toEqual([200, 'flat']);
  });

  it('stores one text once when it is pushed at one moment many times', async () => {
    const trial = await trialOf();
    await send(trial, [flatIndexed(1, { text: 'same' })]);
    const replies = await Promise.all(Array.from({ length: 12 }, () => post(trial, push('same'))));
    const statuses = replies.map((reply) => reply.status).toSorted((a, b) => b - a);
    expect(statuses).toEqual([201, ...Array.from({ length: 11 }, () => 200)]);
  });

  it('indexes many artifacts from batches that come together', async () => {
    const trial = await trialOf();
    const random = seededRandom(5);
    const facts = Array.from({ length: 100 }, (_, number) =>
      indexed(number, { path: `research/${number % 20}.md`, text: `v${number}` }),
    );
    await Promise.all(Array.from({ length: 6 }, () => send(trial, shuffled(facts, random))));
    const listed = await (await get(trial, `/api/v1/artifacts/?${WHERE}`)).json();
    const { items } = listed as { items: readonly { content_hash: string; versions: unknown[] }[] };
    expect(items.map((item) => item.versions.length)).toEqual(Array.from({ length: 20 }, () => 5));
    expect(new Set(items.map((item) => item.content_hash))).toEqual(
      new Set(Array.from({ length: 20 }, (_, number) => sha256Hex(`v${80 + number}`))),
    );
  });
}

function storesSuite(trialOf: () => Promise<Trial>): void {
  it('lets in whom it gave a token, and nobody whose token was revoked', async () => {
    const trial = await trialOf();
    const secret = await trial.token('ingest', [PROJECT]);
    const allowed = [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })];
    expect(statusesOf(await send(trial, allowed, bearer(secret)))).toEqual(['success', 'rejected']);
    const refused = await replyOf(trial.app.fetch(new Request(LIST_URL)));
    expect(refused.status).toBe(401);
  });

  it('is the same receiver for everybody who opens it, at one moment or later', async () => {
    const trial = await trialOf();
    const address = trial.store.path.startsWith('postgres') ? trial.store.path : trial.file;
    const stores = await Promise.all(
      Array.from({ length: 4 }, (_, seed) =>
        openStore(address, {
          clock: trial.clock,
          ids: createIds(trial.clock, seededRandom(seed)),
          files: systemFiles,
          mustExist: true,
        }),
      ),
    );
    expect(new Set(stores.map((store) => store.instanceId))).toEqual(
      new Set([trial.store.instanceId]),
    );
    await Promise.all(stores.map((store) => store.close()));
  });

  it('keeps nothing of a transaction that fails', async () => {
    const trial = await trialOf();
    const failing = trial.store.driver.tx(async (sql) => {
      await sql.all(INSERT_INSTANCE);
      throw new Error('after the first statement');
    });
    await expect(failing).rejects.toThrow('after the first statement');
    const kept = await trial.store.driver.all('SELECT created_at FROM instance');
    expect(kept).toEqual([{ created_at: trial.clock.now() }]);
  });

  it('counts and adds in numbers', async () => {
    const trial = await trialOf();
    await createToken(trial.store, {
      name: 'one',
      scope: 'read',
      projects: 'all',
      clock: trial.clock,
      ids: createIds(trial.clock, seededRandom(2)),
      random: seededRandom(3),
    });
    expect(
      await trial.store.driver.all(
        'SELECT count(*) AS n, sum(created_at) AS total, max(created_at) AS most FROM tokens',
      ),
    ).toEqual([{ n: 1, total: trial.clock.now(), most: trial.clock.now() }]);
  });
}

const INSERT_INSTANCE = 'UPDATE instance SET created_at = 0 RETURNING one';

function push(text: string, path = 'spec.md'): Readonly<Record<string, unknown>> {
  return {
    project_uuid: PROJECT,
    feature_slug: '042-demo',
    target_branch: 'main',
    mission_key: 'software-dev',
    manifest_version: '1',
    artifact_path: path,
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
  };
}

async function post(trial: Trial, body: unknown): Promise<Reply> {
  const bytes = Buffer.from(JSON.stringify(body));
  return replyOf(trial.app.fetch(postRequest(bytes, {}, PUSH_URL)));
}

async function get(trial: Trial, path: string): Promise<Response> {
  return trial.app.fetch(new Request(`${HOST}${path}`));
}

async function cursorsOf(trial: Trial): Promise<readonly (readonly [number, string])[]> {
  const { items } = await listEvents(trial.store);
  return items.map((item) => [item.cursor, item.eventId]);
}

function statusesOf(results: Awaited<ReturnType<typeof send>>): readonly unknown[] {
  return results.map((result) => result['status']);
}

function textOf({ bytes }: { readonly bytes: Uint8Array }): string {
  return Buffer.from(bytes).toString();
}

function shuffled<T>(items: readonly T[], random: (bytes: number) => Uint8Array): readonly T[] {
  return items
    .map((item) => [random(4).reduce((sum, byte) => sum * 256 + byte, 0), item] as const)
    .toSorted(([one], [other]) => one - other)
    .map(([, item]) => item);
}
