import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { indexed, NAMESPACE } from '../../../test/support/dossier-events.ts';
import { everyDatabase } from '../../../test/support/postgres.ts';
import {
  envelope,
  eventId,
  NOW,
  OTHER_PROJECT,
  PROJECT,
  replyOf,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { sha256Hex } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { readAudit } from '../identity/administration.ts';
import { LOCAL_TEAM } from '../store/store.ts';
import { erase, type Erasure } from './erasing.ts';
import { limitTeam, listQuotas } from './quotas.ts';

const team = operatorScope(LOCAL_TEAM);
const ORIGIN = 'http://localhost';
const SECRET = 'the-key-that-nobody-should-have-sent';

function secret(number: number, project = PROJECT): Buffer {
  return envelope(number, {
    project_uuid: project,
    aggregate_id: SECRET,
    payload: { wp_id: 'WP01', agent_id: SECRET, phase: 'implementation' },
  });
}

async function take(trial: Trial, what: Omit<Erasure, 'team'>) {
  return erase(trial.store, { team, ...what }, trial.clock);
}

async function push(trial: Trial, text: string): Promise<number> {
  const body = {
    project_uuid: PROJECT,
    feature_slug: NAMESPACE.mission_slug,
    target_branch: 'main',
    mission_key: 'software-dev',
    manifest_version: '1',
    artifact_path: 'plan.md',
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
  };
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  return (await trial.app.fetch(new Request(`${ORIGIN}/api/dossier/push-content/`, init))).status;
}

const PLACES = await everyDatabase();

it.each(PLACES)('erases an event for good, and keeps its id and hash, on %s', async (on, place) => {
  const trial = await startTrial({}, await place());
  await send(trial, [secret(1), envelope(2), secret(1, OTHER_PROJECT)]);
  expect(await take(trial, { eventId: eventId(1), project: PROJECT })).toMatchObject({ events: 1 });
  const again = await send(trial, [secret(1), envelope(2), secret(1, OTHER_PROJECT)]);
  expect(again).toMatchObject([
    { status: 'rejected', error_category: 'erased', sha256: sha256Hex(secret(1)) },
    { status: 'duplicate' },
    { status: 'duplicate' },
  ]);
  // Whoever changes the bytes does not get in under the same id either.
  const changed = envelope(1, { lamport_clock: 99 });
  expect(await send(trial, [changed])).toMatchObject([{ error_category: 'erased' }]);
  expect(await take(trial, { eventId: eventId(1) })).toMatchObject({ events: 1 });
  const shown = await replyOf(
    trial.app.fetch(new Request(`${ORIGIN}/api/v1/events/${eventId(1)}`)),
  );
  expect([shown.status, shown.json['error_code']]).toEqual([410, 'erased']);
  const list = await trial.app.fetch(new Request(`${ORIGIN}/api/v1/events/`));
  const text = await list.text();
  expect(text).not.toContain(SECRET);
  expect(text).toContain(sha256Hex(secret(1)));
  expect(text.match(/"erased_at"/g)).toHaveLength(2);
  if (on === 'SQLite') {
    const files = ['', '-wal'].map((end) => readFileSync(`${trial.file}${end}`).toString('latin1'));
    expect(files.join('')).not.toContain(SECRET);
  }
  const { entries, brokenAt } = await readAudit(trial.store, 10);
  expect(entries.filter(({ action }) => action === 'event.erased')).toHaveLength(2);
  expect(brokenAt).toBeNull();
});

it.each(PLACES)('erases a project with all that was made of it, on %s', async (_on, place) => {
  const trial = await startTrial({}, await place());
  const events = [indexed(1, { path: 'plan.md', text: 'our plan' }), envelope(2)];
  await send(trial, [...events, envelope(3, { project_uuid: OTHER_PROJECT })]);
  expect(await push(trial, 'our plan')).toBe(201);
  const erased = await take(trial, { project: PROJECT.toUpperCase() });
  expect(erased.events).toBe(2);
  expect(erased.rows).toBeGreaterThanOrEqual(4);
  expect((await send(trial, events)).map((each) => each.error_category)).toEqual([
    'erased',
    'erased',
  ]);
  // The event that indexed it does not come back, so neither does the text.
  expect(await push(trial, 'our plan')).toBe(404);
  const bodies = await trial.store.driver.of(team).all('SELECT sha256 FROM bodies');
  expect(bodies).toEqual([]);
  expect(
    await send(trial, [envelope(3, { project_uuid: OTHER_PROJECT }), envelope(4)]),
  ).toMatchObject([{ status: 'duplicate' }, { status: 'success' }]);
});

it.each(PLACES)('erases an indexed text with its event, on %s', async (_on, place) => {
  const trial = await startTrial({}, await place());
  await send(trial, [indexed(1, { path: 'plan.md', text: 'our plan' })]);
  await push(trial, 'our plan');
  await take(trial, { eventId: eventId(1) });
  for (const table of ['bodies', 'artifacts', 'artifact_versions']) {
    expect(await trial.store.driver.of(team).all(`SELECT 1 AS one FROM ${table}`)).toEqual([]);
  }
});

it.each(PLACES)('erases what is older than a moment, on %s', async (_on, place) => {
  const trial = await startTrial({}, await place());
  await send(
    trial,
    Array.from({ length: 700 }, (_, index) => envelope(index + 1)),
  );
  trial.clock.move(86_400_000);
  await send(trial, [envelope(1_001)]);
  expect(await take(trial, { before: NOW })).toMatchObject({ events: 0 });
  expect(await take(trial, { before: NOW + 1 })).toMatchObject({ events: 700, rows: 0 });
  expect(await take(trial, { before: NOW + 1 })).toMatchObject({ events: 0 });
  expect(await send(trial, [envelope(700), envelope(1_001)])).toMatchObject([
    { error_category: 'erased' },
    { status: 'duplicate' },
  ]);
});

it.each([{}, { project: 'demo' }, { eventId: eventId(1), before: NOW }])(
  'refuses to guess what is meant by %j',
  async (what) => {
    const trial = await startTrial();
    await expect(take(trial, what)).rejects.toMatchObject({ code: 'usage' });
  },
);

it.each(PLACES)(
  'stores up to a team’s limit, and says 507 beyond it, on %s',
  async (_on, place) => {
    const trial = await startTrial({}, await place());
    const { store, clock } = trial;
    await send(trial, [envelope(1)]);
    const size = envelope(1).length;
    const first = await limitTeam(store, { team, maxBytes: 3 * size }, clock);
    expect(first).toMatchObject({ usedBytes: size, maxBytes: 3 * size });
    await send(trial, [envelope(2)]);
    expect(await listQuotas(store)).toMatchObject([{ usedBytes: 2 * size, state: 'ok' }]);
    const body = JSON.stringify({
      events: [3, 4].map((n): unknown => JSON.parse(String(envelope(n)))),
    });
    const refused = await replyOf(
      trial.app.fetch(
        new Request(`${ORIGIN}/api/v1/events/batch/`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        }),
      ),
    );
    expect([refused.status, refused.json['error_code']]).toEqual([507, 'quota_exceeded']);
    expect(refused.headers.get('retry-after')).toBe('300');
    expect(refused.json['quota']).toEqual({
      used_bytes: 2 * size,
      max_bytes: 3 * size,
      asked_bytes: 2 * size,
    });
    // Nothing of the batch is stored; what is there already costs nothing, and what fits is taken.
    expect(await send(trial, [envelope(1), envelope(3)])).toMatchObject([
      { status: 'duplicate' },
      { status: 'success' },
    ]);
    expect(await listQuotas(store)).toMatchObject([{ usedBytes: 3 * size, state: 'full' }]);
    await take(trial, { eventId: eventId(1) });
    expect(await listQuotas(store)).toMatchObject([{ usedBytes: 2 * size, state: 'ok' }]);
    expect(await send(trial, [envelope(4)])).toMatchObject([{ status: 'success' }]);
    await limitTeam(store, { team, maxBytes: null }, clock);
    expect(await listQuotas(store)).toEqual([]);
    expect(await send(trial, [envelope(5)])).toMatchObject([{ status: 'success' }]);
  },
);
