import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  eventId,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  replyOf,
  send,
  startTrial,
} from '../../test/support/receiver-trial.ts';
import { sha256Hex } from '../base/index.ts';
import { isTerminalCode, MAX_EVENT_BYTES, parseEnvelope } from '../wire/index.ts';
import { listEvents, showEvent } from './operator.ts';

async function storedBytes(trial: Awaited<ReturnType<typeof startTrial>>, id: string) {
  const found = await showEvent(trial.store, id);
  return found.map((event) => Buffer.from(event.bytes).toString('utf8'));
}

it('answers success for what is new and duplicate for the same bytes again', async () => {
  const trial = await startTrial();
  const batch = [envelope(1), envelope(2)];
  const hashes = batch.map((bytes) => sha256Hex(bytes));
  expect(await send(trial, batch)).toEqual([
    { event_id: eventId(1), status: 'success', sha256: hashes[0] },
    { event_id: eventId(2), status: 'success', sha256: hashes[1] },
  ]);
  expect(await send(trial, [...batch, envelope(3)])).toMatchObject([
    { event_id: eventId(1), status: 'duplicate', sha256: hashes[0] },
    { event_id: eventId(2), status: 'duplicate', sha256: hashes[1] },
    { event_id: eventId(3), status: 'success' },
  ]);
  expect((await listEvents(trial.store)).items).toHaveLength(3);
});

it('answers conflict for a known id with other bytes and keeps the first', async () => {
  const trial = await startTrial();
  const first = envelope(1);
  const other = Buffer.from(first.toString('utf8').replace('"ann"', '"bob"'));
  await send(trial, [first]);
  const [result] = await send(trial, [other]);
  expect(result).toMatchObject({
    event_id: eventId(1),
    status: 'conflict',
    error_category: 'hash_conflict',
    sha256: sha256Hex(other),
  });
  expect(isTerminalCode(result?.error_category ?? '')).toBe(true);
  expect(await storedBytes(trial, eventId(1))).toEqual([first.toString('utf8')]);
});

it('decides between two elements of one batch as between two batches', async () => {
  const trial = await startTrial();
  const spaced = Buffer.from(`${envelope(1).toString('utf8').slice(0, -1)} }`);
  const results = await send(trial, [envelope(1), envelope(1), spaced]);
  expect(results.map((result) => result.status)).toEqual(['success', 'duplicate', 'conflict']);
  expect(await storedBytes(trial, eventId(1))).toEqual([envelope(1).toString('utf8')]);
});

it('keeps the same id of two projects apart', async () => {
  const trial = await startTrial();
  const results = await send(trial, [
    envelope(1),
    envelope(1, { project_uuid: OTHER_PROJECT }),
    envelope(1, { project_uuid: PROJECT.toUpperCase() }),
  ]);
  expect(results.map((result) => result.status)).toEqual(['success', 'success', 'conflict']);
  const projects = (await showEvent(trial.store, eventId(1))).map((event) => event.projectId);
  expect(projects).toEqual([PROJECT, OTHER_PROJECT]);
});

it('stores the bytes of an element exactly as they came', async () => {
  const trial = await startTrial();
  const text = [
    `{ "payload" : {"b":1.0,"a":12345678901234567890,"10":1e16,"2":-0,"e":"\\u00e9\\/é","x":1E400},`,
    `"event_type":"Anything","event_id":"${eventId(1)}","aggregate_id":"a","aggregate_type":"T",`,
    `"node_id":"n","lamport_clock":0,"timestamp":"2026-03-14T09:26:53.1234567Z","extra":[1.50],`,
    `"project_uuid":"${PROJECT}" }`,
  ].join('\n');
  const body = gzipSync(Buffer.from(`{"events" : [ \n ${text}\t ]}`));
  const reply = await replyOf(trial.app.fetch(postRequest(body, { 'content-encoding': 'gzip' })));
  expect(reply.json['results']).toEqual([
    {
      event_id: eventId(1),
      status: 'success',
      category: 'unknown_type',
      sha256: sha256Hex(text),
    },
  ]);
  expect(await storedBytes(trial, eventId(1))).toEqual([text]);
});

it('rejects one malformed element with a pointer and stores the others', async () => {
  const trial = await startTrial();
  const broken = envelope(2, { lamport_clock: -1, node_id: undefined });
  const doubled = Buffer.from(envelope(3).toString('utf8').replace('{', '{"event_id":"x",'));
  const results = await send(trial, [envelope(1), broken, Buffer.from('7'), doubled, envelope(4)]);
  expect(results.map((result) => result.status)).toEqual([
    'success',
    'rejected',
    'rejected',
    'rejected',
    'success',
  ]);
  expect(results[1]).toMatchObject({
    event_id: eventId(2),
    error_category: 'schema_invalid',
    sha256: sha256Hex(broken),
  });
  expect(results[1]?.error).toContain('/lamport_clock');
  expect(results[1]?.error).toContain('/node_id');
  expect(results[2]?.event_id).toBe('');
  expect(results[3]?.event_id).toBe('x');
  expect((await listEvents(trial.store)).items).toHaveLength(2);
});

it('rejects an event without a project, and one that alone is too large', async () => {
  const trial = await startTrial();
  const large = envelope(2, { payload: { text: 'x'.repeat(MAX_EVENT_BYTES) } });
  const results = await send(trial, [envelope(1, { project_uuid: null }), large]);
  expect(results).toMatchObject([
    { event_id: eventId(1), status: 'rejected', error_category: 'schema_invalid' },
    { event_id: eventId(2), status: 'rejected', error_category: 'payload_too_large' },
  ]);
  expect(results[0]?.error).toContain('project_uuid');
});

it('echoes of a refused element only what could be an id', async () => {
  const trial = await startTrial();
  const ids = ['x'.repeat(65), 'tab\there', 'é', 7, null, ['a']];
  const results = await send(
    trial,
    ids.map((id) => envelope(1, { event_id: id })),
  );
  expect(results.map((result) => result.event_id)).toEqual(ids.map(() => ''));
});

it('stores unknown types and unfitting payloads and says so', async () => {
  const trial = await startTrial();
  const batch = [envelope(1, { event_type: 'Novel' }), envelope(2, { payload: { wp_id: 'WP01' } })];
  const results = await send(trial, batch);
  expect(results.map(({ status, category }) => [status, category])).toEqual([
    ['success', 'unknown_type'],
    ['success', 'unvalidated'],
  ]);
  const { items } = await listEvents(trial.store);
  expect(items.map((item) => item.category)).toEqual(['unknown_type', 'unvalidated']);
  expect((await send(trial, batch)).map(({ status, category }) => [status, category])).toEqual([
    ['duplicate', 'unknown_type'],
    ['duplicate', 'unvalidated'],
  ]);
});

it('applies the catalogue when it is strict', async () => {
  const trial = await startTrial({ isStrict: true });
  const results = await send(trial, [
    envelope(1, { event_type: 'Novel' }),
    envelope(2, { event_type: 'ErrorLogged', payload: { error_message: 'no' } }),
    envelope(3),
  ]);
  expect(results).toMatchObject([
    { status: 'rejected', error_category: 'unknown_event_type' },
    { status: 'rejected', error_category: 'schema_invalid' },
    { status: 'success' },
  ]);
  expect(results[1]?.error).toContain('error_type');
  expect((await listEvents(trial.store)).items).toHaveLength(1);
});

it('refuses the projects that a token is not for, one by one', async () => {
  const trial = await startTrial();
  const token = await trial.token('ingest', [PROJECT]);
  const batch = [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })];
  expect(await send(trial, batch, bearer(token))).toMatchObject([
    { status: 'success' },
    { status: 'rejected', error_category: 'project_refused', event_id: eventId(2) },
  ]);
});

it('bounds the text of a refusal', async () => {
  const trial = await startTrial();
  const many = Object.fromEntries(
    ['team_slug', 'project_slug', 'git_branch', 'head_commit_sha', 'repo_slug', 'node_id'].map(
      (key) => [key, { deep: 1 }],
    ),
  );
  const [result] = await send(trial, [
    envelope(1, { ...many, timestamp: 7, lamport_clock: 'x', aggregate_id: [], payload: 1 }),
  ]);
  expect(Buffer.byteLength(result?.error ?? '')).toBeLessThanOrEqual(503);
});

function mostly<T, U>(good: fc.Arbitrary<T>, odd: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: odd });
}

it('stores whatever capture accepts', async () => {
  const trial = await startTrial();
  let number = 0;
  const name = fc.stringMatching(/^[!-~]{1,20}$/);
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
  const anything = fc.record(
    {
      event_type: mostly(name, fc.string({ maxLength: 130 })),
      aggregate_id: text,
      aggregate_type: mostly(name, text),
      payload: mostly(fc.dictionary(text, fc.jsonValue()), fc.jsonValue()),
      node_id: mostly(name, fc.integer()),
      lamport_clock: mostly(fc.maxSafeNat(), fc.double()),
      causation_id: mostly(fc.option(fc.constantFrom(eventId(1), PROJECT)), text),
      timestamp: mostly(
        fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        fc.constantFrom('2026-03-14T09:26:53+05:30', '0001-01-01T00:00:00Z', '2026-03-14', ''),
      ),
      team_slug: fc.option(text),
      extra: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(anything, async (members) => {
      number += 1;
      const bytes = envelope(number, members);
      const parsed = parseEnvelope(bytes);
      const [result] = await send(trial, [bytes]);
      expect(result?.status).toBe(parsed.ok ? 'success' : 'rejected');
      if (!parsed.ok) return;
      accepted += 1;
      expect(result?.sha256).toBe(parsed.value.sha256);
      expect(await storedBytes(trial, eventId(number))).toEqual([bytes.toString('utf8')]);
    }),
    { seed: 20_260_314, numRuns: 400 },
  );
  expect(accepted).toBeGreaterThan(50);
});

it('answers 32 parallel posts of one batch with one success an event', async () => {
  const trial = await startTrial();
  const batch = Array.from({ length: 20 }, (_, index) => envelope(index + 1));
  const answers = await Promise.all(Array.from({ length: 32 }, () => send(trial, batch)));
  for (const [index] of batch.entries()) {
    const statuses = answers.map((results) => results[index]?.status);
    expect(statuses.filter((status) => status === 'success')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'duplicate')).toHaveLength(31);
  }
  expect((await listEvents(trial.store)).items).toHaveLength(20);
});

it('logs one line for a batch, without payloads', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1), envelope(1), envelope(2, { event_type: 'Novel' })]);
  expect(trial.logged).toHaveLength(1);
  expect(trial.logged[0]).toMatchObject({
    event: 'receiver.ingest',
    team: 'local',
    token: null,
    events: 3,
    success: 2,
    duplicate: 1,
    unknown_type: 1,
  });
  expect(JSON.stringify(trial.logged)).not.toContain('agent_id');
});

it('takes 1000 events in one batch', async () => {
  const trial = await startTrial();
  const batch = Array.from({ length: 1000 }, (_, index) => envelope(index + 1));
  const results = await send(trial, batch);
  expect(results.filter((result) => result.status === 'success')).toHaveLength(1000);
  const page = await listEvents(trial.store, { limit: 1000 });
  expect(page.items.map((item) => item.eventId)).toEqual(results.map((result) => result.event_id));
});
