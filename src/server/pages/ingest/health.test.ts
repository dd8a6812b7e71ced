import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ORIGIN, PASSWORD, startLoginTrial } from '../../../../test/support/login-trial.ts';
import { allIn, type Element, readPage, rowsOf } from '../../../../test/support/page-view.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import {
  bearer,
  envelope,
  NOW,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { ruleOf } from './explain.ts';
import { RULES } from './rules.ts';

const DAY_MS = 86_400_000;
const HEALTH = `/projects/${PROJECT}/ingest`;

const PLACES = await everyDatabase();

async function look(trial: Pick<Trial, 'app'>, at: string, cookie = ''): Promise<Element> {
  const response = await trial.app.fetch(
    new Request(`${ORIGIN}${at}`, { headers: { accept: 'text/html', cookie } }),
  );
  const text = await response.text();
  expect([at, response.status, text.slice(0, 400)]).toEqual([at, 200, text.slice(0, 400)]);
  return readPage(text);
}

const byText = (one: unknown, other: unknown): number =>
  JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;

/** An event that happened so long before now. */
function late(number: number, ms: number, members: object = {}): Buffer {
  return envelope(number, { timestamp: new Date(NOW - ms).toISOString(), ...members });
}

it('says what would be shown where nothing was sent', async () => {
  const trial = await startTrial();
  const page = await look(trial, '/ingest');
  expect(page.text).toContain('Nothing needs a look.');
  expect(page.text).toContain('Nothing was sent in the last 30 days.');
  expect(page.text).toContain('Nothing was refused in the last 30 days.');
  expect(page.text).toContain('No project has sent anything yet.');
  expect((await look(trial, '/')).text).not.toContain('refused');
});

it.each(PLACES)('shows rates, refusals by rule, and who is late, on %s', async (_on, placeOf) => {
  const trial = await startTrial({}, await placeOf());
  const stale = late(1, 3_600_000, { lamport_clock: 1 });
  await send(trial, [
    stale,
    late(2, 1_500, { lamport_clock: 2 }),
    envelope(3, { lamport_clock: 7 }),
  ]);
  await send(trial, [
    stale,
    envelope(4, { event_type: undefined }),
    envelope(5, { timestamp: 'soon' }),
    late(6, 90_000, { node_id: 'bbbbbbbbbbbb' }),
    late(7, -3_600_000, { node_id: 'cccccccccccc' }),
  ]);
  await trial.app.fetch(postRequest(Buffer.from('{')));
  const team = await look(trial, '/ingest');
  expect(allIn(team, 'li', 'alert').map(({ text }) => text)).toEqual([
    '3 items were refused in the last day. More',
  ]);
  expect(rowsOf(team, /What came in/).map((cells) => [cells[0], cells[1], cells[4]])).toEqual([
    ['Batches taken', '2', '2'],
    ['Batches refused whole', '1', '1'],
    ['Events stored', '5', '5'],
    ['Events that were here already', '1', '1'],
    ['Events refused', '2', '2'],
    ['Texts taken', '0', '0'],
    ['Texts refused', '0', '0'],
    ['Snapshots taken', '0', '0'],
    ['Snapshots refused', '0', '0'],
    ['Bytes of all items', expect.stringMatching(/^\d\.\d KiB$/), expect.any(String)],
  ]);
  expect(
    rowsOf(team, /by rule/)
      .map((cells) => cells.slice(0, 4))
      .toSorted(byText),
  ).toEqual([
    ['bad_request it is no JSON', 'batch', '1', '1'],
    ['schema_invalid a member is missing', 'event', '1', '1'],
    ['schema_invalid a time is none, or has no zone', 'event', '1', '1'],
  ]);
  expect(rowsOf(team, /by project/)).toEqual([['demo', '5', '2', '2026-03-14 09:26 UTC']]);
  expect(allIn(team, 'svg')[0]?.attributes['aria-label']).toContain(
    '5 stored, 1 here already, 2 refused',
  );
  expect(rowsOf(team, /1 hour with events/)).toEqual([['2026-03-14 09:00 UTC', '5', '1', '2']]);
  const project = await look(trial, HEALTH);
  const producers = rowsOf(project, /Who sent/).map(([node, , ...cells]) => [node, ...cells]);
  expect(producers.toSorted(byText)).toEqual([
    ['0123456789ab', 'under 1 s', 'under 1 s', 'within 2 s', '1 h', '3', '1', '3 to 6'],
    ['bbbbbbbbbbbb', 'under 1 s', '1 min 30 s', 'within 2 min', '1 min 30 s', '1', '0', ''],
    ['cccccccccccc', 'under 1 s', 'clock 1 h ahead', 'none', 'clock 1 h ahead', '1', '0', ''],
  ]);
  expect(project.text).toContain('spec-kitty sync parked list');
  expect((await look(trial, '/')).text).toContain('3 items were refused in the last day.');
});

it('tells this hour, the one before, a day and a month apart', async () => {
  const trial = await startTrial();
  const { clock } = trial;
  const steps = [2 * DAY_MS, 25 * 3_600_000 - 3_600_000, 3_600_000, 0];
  for (const [number, step] of steps.entries()) {
    await send(trial, [envelope(2 * number), envelope(2 * number + 1)]);
    clock.move(step);
  }
  const cells = rowsOf(await look(trial, '/ingest'), /What came in/)[2];
  expect(cells).toEqual(['Events stored', '2', '2', '4', '8']);
  clock.move(31 * DAY_MS);
  expect((await look(trial, '/ingest')).text).toContain('Nothing was sent in the last 30 days.');
});

it('names producers that went silent, until nobody waits for them any more', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1), envelope(2, { node_id: 'bbbbbbbbbbbb' })]);
  trial.clock.move(6 * DAY_MS);
  await send(trial, [envelope(3)]);
  expect((await look(trial, '/')).text).not.toContain('silent');
  trial.clock.move(2 * DAY_MS);
  const overview = await look(trial, '/');
  expect(overview.text).toContain('1 producer has been silent for more than 7 days.');
  const page = await look(trial, '/ingest');
  expect(rowsOf(page, /not in the last 7/).map((cells) => cells.slice(0, 2))).toEqual([
    ['bbbbbbbbbbbb', 'demo'],
  ]);
  trial.clock.move(30 * DAY_MS);
  expect((await look(trial, '/')).text).not.toContain('silent');
});

it('says on an overview without projects that everything was refused', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1, { event_type: undefined })]);
  const overview = await look(trial, '/');
  expect(overview.text).toContain('Nothing has arrived yet.');
  expect(overview.text).toContain('1 item was refused in the last day.');
  expect(allIn(overview, 'a').map(({ attributes }) => attributes['href'])).toContain('/ingest');
});

it('does not call for anybody where the sender comes through by itself', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  const many = Array.from({ length: 1_001 }, (_, number) => envelope(number));
  expect((await trial.app.fetch(postRequest(many))).status).toBe(413);
  const page = await look(trial, '/ingest');
  expect(page.text).toContain('Nothing needs a look.');
  expect(rowsOf(page, /by rule/)[0]?.slice(0, 2)).toEqual(['sync_batch_too_large', 'batch']);
});

it('shows each team its own figures', async () => {
  const trial = await startLoginTrial();
  await trial.person('ann@kitty.example', { harbour: 'read-only' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const zoe = await trial.login('zoe@kitty.example', 'orchard');
  await send(
    trial,
    [envelope(1, { event_type: undefined }), envelope(2, { project_uuid: OTHER_PROJECT })],
    bearer(zoe.access),
  );
  const enter = async (email: string, team: string): Promise<string> => {
    const { cookie } = await trial.page('/login', { username: email, password: PASSWORD });
    const key = allIn(await look(trial, '/', cookie), 'input')[0]?.attributes['value'] ?? '';
    await trial.page('/team', { team, form_key: key }, { cookie });
    return cookie;
  };
  const theirs = await look(trial, '/ingest', await enter('zoe@kitty.example', 'orchard'));
  expect(theirs.text).toContain('1 item was refused in the last day.');
  const cookie = await enter('ann@kitty.example', 'harbour');
  const ours = await look(trial, '/ingest', cookie);
  expect(ours.text).toContain('Nothing was sent in the last 30 days.');
  expect(ours.text).not.toMatch(/schema_invalid|7d1c0b5e/);
  const asked = await trial.page(`/projects/${OTHER_PROJECT}/ingest`, null, { cookie });
  expect(asked.status).toBe(404);
  const stranger = await trial.page('/ingest', null, {});
  expect([stranger.status, stranger.headers.get('location')]).toEqual([
    303,
    '/login?next=%2Fingest',
  ]);
});

it('shows hostile names as texts', async () => {
  const trial = await startTrial();
  const names = ['<script>alert(1)</script>', '"><img src=x>', '&amp;<b>', "' OR 1=1 --", '../../'];
  await send(
    trial,
    names.map((name, number) =>
      envelope(number, { project_slug: name, event_type: undefined, [name]: name }),
    ),
  );
  await send(
    trial,
    names.map((project_slug, number) => envelope(100 + number, { project_slug })),
  );
  for (const at of ['/ingest', HEALTH, '/']) {
    const page = await look(trial, at);
    for (const name of ['script', 'img', 'b']) expect(allIn(page, name)).toEqual([]);
    for (const { attributes } of allIn(page, 'a')) expect(attributes['href']).toMatch(/^[/#]/);
  }
  expect((await look(trial, HEALTH)).text).toContain('../../');
});

it('has a word for every code, and one for those that there are not', () => {
  const unknown = ruleOf('constructor');
  for (const code of Object.keys(RULES)) {
    expect([code, ruleOf(code).meaning, ruleOf(code).advice]).toEqual([
      code,
      expect.stringMatching(/\.$/),
      expect.stringMatching(/[.:]$/),
    ]);
    expect(ruleOf(code).meaning).not.toBe(unknown.meaning);
  }
});

// Where requests that send something are refused, item by item or whole.
const REFUSING = [
  'ingest.ts',
  'http/body.ts',
  'http/bodies.ts',
  'http/post.ts',
  'http/refusal.ts',
  'http/snapshots.ts',
  'operations/quotas.ts',
  'operations/rates.ts',
  'sharing/shares.ts',
];
const CODE =
  /(?:new HttpError\(\s*\d+,\s*|refusal\(\d+, \{ code: |code: |refused\(\w+, )'([a-z_]+)'/g;

it('explains every code that the sources of taking name', () => {
  const server = path.resolve(import.meta.dirname, '../..');
  const codes = REFUSING.flatMap((file) =>
    [...readFileSync(path.join(server, file), 'utf8').matchAll(CODE)].map(([, code]) => code ?? ''),
  );
  // What is asked for and is not there concerns who reads; of a failure of our own only the log can say more.
  const others = new Set(['not_found', 'internal_error']);
  expect(codes.length).toBeGreaterThan(10);
  const missing = codes.filter((code) => !others.has(code) && !Object.hasOwn(RULES, code));
  expect(missing).toEqual([]);
});
