import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { flatIndexed, indexed, missing, summed } from '../../../test/support/dossier-events.ts';
import {
  bearer,
  OTHER_PROJECT,
  PROJECT,
  type Reply,
  replyOf,
  postRequest,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { openDb, sha256Hex, systemClock } from '../../base/index.ts';
import { MAX_BODY_BYTES, MAX_PUSH_BYTES, parseBodyAnswer } from '../../wire/index.ts';
import { createApp } from '../app.ts';

const HOST = 'http://localhost';
const PUSH_URL = `${HOST}/api/dossier/push-content/`;
const WHERE = `project=${PROJECT}&mission=042-demo&branch=main&type=software-dev&manifest=1`;

function pushOf(text: string, changes: Readonly<Record<string, unknown>> = {}) {
  return {
    project_uuid: PROJECT,
    feature_slug: '042-demo',
    target_branch: 'main',
    mission_key: 'software-dev',
    manifest_version: '1',
    artifact_path: 'spec.md',
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
    ...changes,
  };
}

async function post(
  trial: Trial,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  return replyOf(trial.app.fetch(postRequest(bytes, headers, PUSH_URL)));
}

async function outcome(trial: Trial, body: unknown, headers = {}): Promise<readonly unknown[]> {
  const { status, json } = await post(trial, body, headers);
  return [status, json['error'] ?? json['status']];
}

async function get(trial: Trial, path: string, headers = {}): Promise<Response> {
  return trial.app.fetch(new Request(`${HOST}${path}`, { headers }));
}

async function raw(trial: Trial, path: string): Promise<Buffer> {
  const response = await get(trial, path);
  expect([path, response.status]).toEqual([path, 200]);
  return Buffer.from(await response.arrayBuffer());
}

async function items(trial: Trial, path: string): Promise<readonly Record<string, unknown>[]> {
  const { json } = await replyOf(get(trial, path));
  return json['items'] as readonly Record<string, unknown>[];
}

it('stores a text once that an event has indexed', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: 'one' })]);
  const echo = { artifact_path: 'spec.md', content_hash: sha256Hex('one') };
  const first = await post(trial, pushOf('one'));
  expect([first.status, first.json]).toEqual([
    201,
    { status: 'stored', ...echo, server_instance_id: trial.store.instanceId },
  ]);
  const again = await post(trial, pushOf('one'));
  expect([again.status, again.json]).toEqual([
    200,
    { status: 'already_exists', ...echo, server_instance_id: trial.store.instanceId },
  ]);
  expect(await raw(trial, `/api/v1/bodies/${sha256Hex('one')}?project=${PROJECT}`)).toEqual(
    Buffer.from('one'),
  );
  expect(trial.logged.filter(({ event }) => event === 'receiver.body')).toMatchObject([
    { status: 201, bytes: 3 },
    { status: 200, bytes: 3 },
  ]);
});

it('takes the later names, compressed requests, and the path without its slash', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: 'one' }), indexed(2, { text: '' })]);
  const later = pushOf('one', {
    feature_slug: undefined,
    mission_key: undefined,
    mission_slug: '042-demo',
    mission_type: 'software-dev',
  });
  expect(await outcome(trial, later)).toEqual([201, 'stored']);
  const zipped = gzipSync(JSON.stringify(pushOf('')));
  expect(await outcome(trial, zipped, { 'content-encoding': 'gzip' })).toEqual([201, 'stored']);
  const bare = postRequest(
    Buffer.from(JSON.stringify(pushOf('one'))),
    {},
    PUSH_URL.replace(/\/$/, ''),
  );
  expect((await trial.app.fetch(bare)).status).toBe(200);
});

it.each([
  ['a byte order mark and carriage returns', '\ufeff# Spec\r\n\r'],
  ['NUL and other controls', 'a\0b\u0001\u001f\u007f'],
  ['an emoji that ends at the limit', `${'x'.repeat(MAX_BODY_BYTES - 4)}😀`],
  ['nothing but control characters', '\u0001'.repeat(MAX_BODY_BYTES)],
])('gives the same bytes back: %s', async (_name, text) => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text })]);
  expect(await outcome(trial, pushOf(text))).toEqual([201, 'stored']);
  const bytes = await raw(trial, `/api/v1/bodies/?${WHERE}&path=spec.md`);
  expect(bytes.equals(Buffer.from(text))).toBe(true);
});

it('tells what is not indexed from what nothing was said about', async () => {
  const trial = await startTrial();
  expect(await outcome(trial, pushOf('one'))).toEqual([404, 'namespace_not_found']);
  await send(trial, [summed(1), indexed(2, { namespace: { target_branch: 'next' }, text: 'one' })]);
  const notYet = await post(trial, pushOf('one'));
  expect([notYet.status, notYet.json]).toMatchObject([
    404,
    {
      error: 'index_entry_not_found',
      error_code: 'index_entry_not_found',
      status: 'rejected',
      artifact_path: 'spec.md',
      content_hash: sha256Hex('one'),
    },
  ]);
  await send(trial, [indexed(3, { text: 'one' })]);
  expect(await outcome(trial, pushOf('two'))).toEqual([404, 'index_entry_not_found']);
  expect(await outcome(trial, pushOf('one', { artifact_path: 'plan.md' }))).toEqual([
    404,
    'index_entry_not_found',
  ]);
  for (const key of ['feature_slug', 'target_branch', 'mission_key', 'manifest_version']) {
    const other = pushOf('one', { [key]: 'other' });
    expect([key, await outcome(trial, other)]).toEqual([key, [404, 'namespace_not_found']]);
  }
  expect(await outcome(trial, pushOf('one'))).toEqual([201, 'stored']);
});

it('keeps earlier contents of a path, and those of deleted ones', async () => {
  const trial = await startTrial();
  await send(trial, [
    indexed(1, { text: 'one' }),
    indexed(2, { text: 'two' }),
    missing(3, 'deleted'),
  ]);
  expect(await outcome(trial, pushOf('two'))).toEqual([201, 'stored']);
  expect(await outcome(trial, pushOf('one'))).toEqual([201, 'stored']);
  const [spec] = await items(trial, `/api/v1/artifacts/?${WHERE}`);
  expect(spec).toMatchObject({ path: 'spec.md', content_hash: null, deleted: true, stored: false });
  expect(spec?.['versions']).toHaveLength(2);
  expect((await get(trial, `/api/v1/bodies/?${WHERE}&path=spec.md`)).status).toBe(404);
  await send(trial, [indexed(4, { text: 'one' })]);
  expect(await raw(trial, `/api/v1/bodies/?${WHERE}&path=spec.md`)).toEqual(Buffer.from('one'));
});

it('keeps one content in two namespaces apart, and stores it once', async () => {
  const trial = await startTrial();
  const next = { target_branch: 'next' };
  await send(trial, [indexed(1, { text: 'one' }), indexed(2, { text: 'one', namespace: next })]);
  expect(await outcome(trial, pushOf('one'))).toEqual([201, 'stored']);
  const [unstored] = await items(trial, `/api/v1/artifacts/?${WHERE.replace('main', 'next')}`);
  expect(unstored).toMatchObject({ stored: false });
  expect(await outcome(trial, pushOf('one', next))).toEqual([201, 'stored']);
  expect(await trial.store.driver.all('SELECT count(*) AS n FROM bodies')).toEqual([{ n: 1 }]);
});

it('finds what the first generation indexed, which knows the mission alone', async () => {
  const trial = await startTrial();
  await send(trial, [flatIndexed(1, { text: 'one' })]);
  expect(await outcome(trial, pushOf('two'))).toEqual([404, 'index_entry_not_found']);
  expect(await outcome(trial, pushOf('one', { feature_slug: 'x' }))).toEqual([
    404,
    'namespace_not_found',
  ]);
  expect(await outcome(trial, pushOf('one'))).toEqual([201, 'stored']);
  expect(await outcome(trial, pushOf('one'))).toEqual([200, 'already_exists']);
  expect(await items(trial, `/api/v1/artifacts/?${WHERE}`)).toMatchObject([
    { path: 'spec.md', stored: true, artifact_class: 'runtime' },
  ]);
});

it.each([
  ['a wrong hash', pushOf('one', { content_hash: 'a'.repeat(64) }), '/content_hash'],
  ['a path outside', pushOf('one', { artifact_path: '../../etc/passwd' }), '/artifact_path'],
  ['no slug', pushOf('one', { feature_slug: undefined }), '/mission_slug'],
  ['no object', [], ''],
  ['no JSON', Buffer.from('{'), ''],
  ['half a pair', Buffer.from('{"content_body":"\\ud800"}'), '/content_body'],
])('answers 400 with details to %s', async (_name, body, pointer) => {
  const trial = await startTrial();
  const { status, json } = await post(trial, body);
  expect(status).toBe(400);
  expect(json).toMatchObject({ error: 'validation_error', status: 'rejected' });
  expect((json['details'] as { pointer: string }[]).map((each) => each.pointer)).toContain(pointer);
  expect(parseBodyAnswer(Buffer.from(JSON.stringify(json)))?.detail).toMatch(`${pointer}: `);
});

it('echoes the path and hash of a push that it refuses', async () => {
  const trial = await startTrial();
  const { json } = await post(trial, pushOf('one', { content_hash: 'abc', artifact_path: '../x' }));
  expect(json).toMatchObject({ artifact_path: '../x', content_hash: 'abc' });
});

it('answers 413 above the limit of a text and of a request', async () => {
  const trial = await startTrial();
  const text = 'x'.repeat(MAX_BODY_BYTES + 1);
  await send(trial, [indexed(1, { text })]);
  const over = await post(trial, pushOf(text));
  expect([over.status, over.json]).toMatchObject([
    413,
    {
      error: 'payload_too_large',
      limits: { max_body_bytes: MAX_BODY_BYTES },
      content_hash: sha256Hex(text),
    },
  ]);
  const bomb = gzipSync(Buffer.alloc(MAX_PUSH_BYTES + 1, 0x20));
  expect((await post(trial, bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
  expect((await post(trial, Buffer.alloc(MAX_PUSH_BYTES + 1, 0x20))).status).toBe(413);
});

it('takes JSON in one layer of the encodings it knows, by POST alone', async () => {
  const trial = await startTrial();
  const body = pushOf('one');
  expect((await post(trial, body, { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await post(trial, body, { 'content-encoding': 'zstd' })).status).toBe(415);
  expect((await post(trial, body, { 'content-encoding': 'gzip' })).status).toBe(400);
  const wrong = await get(trial, '/api/dossier/push-content/');
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
});

it('lets a token push for its own projects', async () => {
  const trial = await startTrial();
  const ours = await trial.token('ingest', [PROJECT]);
  const other = await trial.token('ingest', [OTHER_PROJECT]);
  const reader = await trial.token('read');
  await send(trial, [indexed(1, { text: 'one' })], bearer(ours));
  expect(await outcome(trial, pushOf('one'))).toEqual([401, 'authentication_required']);
  const echo = { artifact_path: 'spec.md', content_hash: sha256Hex('one'), status: 'rejected' };
  const foreign = await post(trial, pushOf('one'), bearer(other));
  expect([foreign.status, foreign.json]).toMatchObject([
    403,
    { error: 'project_refused', ...echo },
  ]);
  const reading = await post(trial, pushOf('one'), bearer(reader));
  expect([reading.status, reading.json]).toMatchObject([403, { error_code: 'scope_refused' }]);
  expect(await outcome(trial, pushOf('one'), bearer(ours))).toEqual([201, 'stored']);
});

it('answers 503 and stores nothing while the store is locked', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: 'one' })]);
  const db = openDb(trial.file, { clock: systemClock() });
  db.exec('BEGIN IMMEDIATE');
  expect((await post(trial, pushOf('one'))).status).toBe(503);
  db.exec('ROLLBACK');
  db.close();
  expect(await outcome(trial, pushOf('one'))).toEqual([201, 'stored']);
});

it('stores a text and notes it together or not at all', async () => {
  const trial = await startTrial();
  await send(trial, [indexed(1, { text: 'one' })]);
  const db = openDb(trial.file, { clock: systemClock() });
  db.exec(`CREATE TRIGGER failing BEFORE UPDATE ON artifact_versions
    BEGIN SELECT RAISE(ABORT, 'the second half fails'); END`);
  expect((await post(trial, pushOf('one'))).status).toBe(500);
  expect(await trial.store.driver.all('SELECT sha256 FROM bodies')).toEqual([]);
  db.exec('DROP TRIGGER failing');
  db.close();
  expect(await outcome(trial, pushOf('one'))).toEqual([201, 'stored']);
});

it('says in its health that it takes bodies', async () => {
  const trial = await startTrial();
  const { json } = await replyOf(
    createApp(trial.store, trial.options).fetch(new Request(`${HOST}/api/v1/sync/health/`)),
  );
  expect(json['capabilities']).toMatchObject({ bodies: true });
});
