import { describe, expect, it } from 'vitest';
import { everyDatabase } from '../../../test/support/postgres.ts';
import {
  OTHER_PROJECT,
  PROJECT,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { createIds, sha256Hex, systemRandom } from '../../base/index.ts';
import { MAX_SNAPSHOT_BYTES, PATHS } from '../../wire/index.ts';
import { listResources, mapResource } from '../identity/resources.ts';

const KEY = 'a'.repeat(64);

function documentOf(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    provider: 'jira',
    workspace: 'acme.atlassian.net',
    external_resource_type: 'jira_project',
    external_resource_id: 'ACME',
    doctrine_mode: 'external_authoritative',
    doctrine_field_owners: {},
    project_uuid: PROJECT,
    project_slug: 'demo',
    issues: [{ ref: { id: '1' }, title: 'é' }],
    mappings: [],
    checkpoint: { cursor: null, updated_since: null },
    ...change,
  });
}

interface Sent {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

async function post(
  { app }: Trial,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Sent> {
  const response = await app.fetch(
    new Request(`http://localhost${PATHS.snapshots}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': KEY, ...headers },
      body,
    }),
  );
  return { status: response.status, json: (await response.json()) as Sent['json'] };
}

async function get({ app }: Trial, path: string, token?: string): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return app.fetch(new Request(`http://localhost${path}`, { headers }));
}

interface Page {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: number | null;
}

async function list(trial: Trial, query = '', token?: string): Promise<Page> {
  return (await (await get(trial, `${PATHS.snapshots}${query}`, token)).json()) as Page;
}

const PLACES = await everyDatabase();

describe.each(PLACES)('a snapshot on %s', (_name, placeOf) => {
  it('is stored once for its key and its bytes', async () => {
    const trial = await startTrial({}, await placeOf());
    const body = documentOf();
    const answer = { idempotency_key: KEY, content_hash: sha256Hex(body), resolved_by: 'manual' };
    expect(await post(trial, body)).toMatchObject({
      status: 201,
      json: { ...answer, status: 'stored', project: null },
    });
    const repeated = await Promise.all(
      Array.from({ length: 8 }, () => post(trial, body, { 'x-content-sha256': sha256Hex(body) })),
    );
    expect(
      new Set(repeated.map(({ status, json }) => `${status} ${String(json['status'])}`)),
    ).toEqual(new Set(['200 already_exists']));
    expect((await list(trial)).items).toMatchObject([{ id: 1, content_hash: sha256Hex(body) }]);
  });

  it('with the key of another one and other bytes is another state, and the newest counts', async () => {
    const trial = await startTrial({}, await placeOf());
    const [first, second] = [documentOf(), documentOf({ issues: [{ title: 'edited' }] })];
    expect((await post(trial, first)).status).toBe(201);
    expect((await post(trial, second)).status).toBe(201);
    expect((await post(trial, first)).status).toBe(200);
    const { items } = await list(trial);
    expect(items.map((item) => item['content_hash'])).toEqual(
      [first, second].map((each) => sha256Hex(each)).reverse(),
    );
    const newest = await get(trial, `${PATHS.snapshots}${String(items.at(-1)?.['id'])}`);
    expect(await newest.text()).toBe(first);
  });

  it('is taken from clients that do not send the two fields, or a key', async () => {
    const trial = await startTrial({}, await placeOf());
    const old = documentOf({ external_resource_type: undefined, external_resource_id: undefined });
    expect(await post(trial, old)).toMatchObject({ status: 201 });
    const beads = { provider: 'beads', workspace: 'my-workspace', issues: [], mappings: [] };
    const { app } = trial;
    const bare = await app.fetch(
      new Request(`http://localhost${PATHS.snapshots}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(beads),
      }),
    );
    expect(await bare.json()).toMatchObject({
      idempotency_key: '85b17797e411431bb897437482620e97a45887ee24ce20056f0361f9add1aac7',
    });
  });

  it.each([
    ['[]', {}, 400, 'bad_request'],
    [documentOf({ external_resource_id: null }), {}, 400, 'bad_request'],
    [documentOf({ issues: null }), {}, 400, 'bad_request'],
    [documentOf(), { 'idempotency-key': 'short' }, 400, 'bad_request'],
    [documentOf(), { 'x-content-sha256': KEY }, 422, 'hash_mismatch'],
    [documentOf(), { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['x'.repeat(MAX_SNAPSHOT_BYTES + 1), {}, 413, 'payload_too_large'],
  ])('like %.40s with %o is refused with %i', async (body, headers, status, code) => {
    const trial = await startTrial({}, await placeOf());
    expect(await post(trial, body, headers)).toMatchObject({ status, json: { error_code: code } });
    expect((await list(trial)).items).toEqual([]);
  });

  it('needs a token that may send for its project, and one that may read to be seen', async () => {
    const trial = await startTrial({}, await placeOf());
    const [mine, theirs] = [
      await trial.token('ingest', [PROJECT]),
      await trial.token('ingest', [OTHER_PROJECT]),
    ];
    const as = (token: string): Readonly<Record<string, string>> => ({
      authorization: `Bearer ${token}`,
    });
    expect(await post(trial, documentOf())).toMatchObject({ status: 401 });
    expect(await post(trial, documentOf(), as(theirs))).toMatchObject({
      status: 403,
      json: { error_code: 'project_refused' },
    });
    expect(await post(trial, documentOf({ project_uuid: null }), as(mine))).toMatchObject({
      status: 403,
    });
    expect(await post(trial, documentOf(), as(mine))).toMatchObject({ status: 201 });
    const [reader, stranger] = [
      await trial.token('read', [PROJECT]),
      await trial.token('read', [OTHER_PROJECT]),
    ];
    expect((await list(trial, '', reader)).items).toHaveLength(1);
    expect((await list(trial, '', stranger)).items).toEqual([]);
    expect((await get(trial, `${PATHS.snapshots}1`, reader)).status).toBe(200);
    expect((await get(trial, `${PATHS.snapshots}1`, stranger)).status).toBe(404);
    expect((await get(trial, `${PATHS.snapshots}x`, reader)).status).toBe(404);
    expect((await get(trial, PATHS.snapshots, mine)).status).toBe(403);
  });
});

describe.each(PLACES)('a resource on %s', (_name, placeOf) => {
  it('belongs to the project said of it, else of its workspace, else it waits for somebody to say it', async () => {
    const trial = await startTrial({}, await placeOf());
    const { store, clock } = trial;
    const identity = { store, clock, ids: createIds(clock), random: systemRandom };
    const place = { team: null, provider: 'jira', workspace: 'acme.atlassian.net' };
    await post(trial, documentOf());
    expect(await listResources(store, null)).toMatchObject({
      mappings: [],
      unmapped: [
        { resource: { type: 'jira_project', id: 'ACME' }, snapshots: 1, statedProject: PROJECT },
      ],
    });
    await mapResource(identity, { ...place, resource: null, project: OTHER_PROJECT });
    expect((await post(trial, documentOf())).json).toMatchObject({
      resolved_by: 'workspace',
      project: OTHER_PROJECT,
    });
    const resource = { type: 'jira_project', id: 'ACME' };
    await mapResource(identity, { ...place, resource, project: PROJECT });
    expect((await post(trial, documentOf())).json).toMatchObject({
      resolved_by: 'resource',
      project: PROJECT,
    });
    const old = documentOf({ external_resource_type: null, external_resource_id: null });
    expect((await post(trial, old)).json).toMatchObject({
      resolved_by: 'workspace',
      project: OTHER_PROJECT,
    });
    expect((await list(trial, `?project=${PROJECT}`)).items).toHaveLength(1);
    expect((await list(trial, `?project=${OTHER_PROJECT}`)).items).toHaveLength(1);
    expect(await listResources(store, null)).toMatchObject({
      mappings: [{ resource: null }, { resource }],
      unmapped: [],
    });
  });

  it('is listed page by page', async () => {
    const trial = await startTrial({}, await placeOf());
    for (const id of ['A', 'B', 'C']) await post(trial, documentOf({ external_resource_id: id }));
    const first = await list(trial, '?limit=2');
    expect(first).toMatchObject({
      items: [{ external_resource_id: 'A' }, { external_resource_id: 'B' }],
      next_cursor: 2,
    });
    const rest = await list(trial, `?limit=2&after=${String(first.next_cursor)}`);
    expect(rest).toMatchObject({ items: [{ external_resource_id: 'C' }], next_cursor: null });
  });
});
