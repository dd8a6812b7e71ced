import { expect, it } from 'vitest';
import { HOSTILE_TEXTS } from '../../../../test/support/hostile-texts.ts';
import { ORIGIN, PASSWORD, startLoginTrial } from '../../../../test/support/login-trial.ts';
import { allIn, type Element, readPage } from '../../../../test/support/page-view.ts';
import { requirePlain } from '../../../../test/support/plain-page.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import {
  bearer,
  envelope,
  eventId,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { operatorScope } from '../../auth.ts';
import { erase } from '../../operations/erasing.ts';
import { rebuildViews } from '../../views/catch-up.ts';

const PLACES = await everyDatabase();

async function show(trial: Pick<Trial, 'app'>, path: string, cookie = ''): Promise<Element> {
  const headers = { accept: 'text/html', cookie };
  let response = await trial.app.fetch(new Request(`${ORIGIN}${path}`, { headers }));
  if (response.status === 303) {
    const next = `${ORIGIN}${response.headers.get('location') ?? ''}`;
    response = await trial.app.fetch(new Request(next, { headers }));
  }
  const text = await response.text();
  expect([path, response.status, text.slice(0, 300)]).toEqual([path, 200, text.slice(0, 300)]);
  return readPage(text);
}

/** The ids of the events that a page lists, in its order. */
function idsOn(page: Element): readonly string[] {
  return allIn(page, 'tbody')
    .flatMap((body) => allIn(body, 'a'))
    .flatMap(({ attributes }) => /\/events\/([^/]+)$/.exec(attributes['href'] ?? '')?.[1] ?? []);
}

function stepOn(page: Element, name: string): string | null {
  const steps = allIn(page, 'ul', 'steps').flatMap((list) => allIn(list, 'a'));
  return steps.find(({ text }) => text === name)?.attributes['href'] ?? null;
}

/** Small numbers that look random and repeat with the seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % sides;
  };
}

/** An event as it is sent, and what one would look for it by. */
interface Sent {
  readonly id: string;
  readonly at: number;
  readonly by: Readonly<Record<string, string>>;
  readonly odd: readonly string[];
  readonly bytes: Buffer;
}

const DAY = Date.UTC(2026, 2, 14);
const MINUTE = 60_000;

function sent(number: number, roll: (sides: number) => number): Sent {
  const project = roll(4) === 0 ? OTHER_PROJECT : PROJECT;
  const mission = `00${roll(3)}-demo`;
  const wp = `WP0${roll(3)}`;
  const node = `00000000000${roll(3)}`;
  const to_lane = ['claimed', 'limbo', 'done'][roll(3)] ?? '';
  const at = DAY + roll(120) * MINUTE;
  const move = { mission_slug: mission, wp_id: wp, from_lane: 'planned', to_lane, actor: 'ann' };
  const oddOfMove = { limbo: 'unknown_lane', done: 'missing_evidence' }[to_lane];
  const kinds = [
    ['WPStatusChanged', move, oddOfMove, [mission, wp]],
    ['SomethingNew', { mission_slug: mission }, 'unknown_type', [mission, 'WP01']],
    ['WPAssigned', { wp_id: 'WP02', agent_id: 'ann', phase: 'implementation' }, '', ['', 'WP02']],
  ] as const;
  const [type, payload, odd, [slug, about]] = kinds[roll(3)] ?? kinds[0];
  const unvalidated = odd === 'unknown_lane' || odd === 'missing_evidence' ? ['unvalidated'] : [];
  return {
    id: eventId(number),
    at,
    by: { project, mission: slug, wp: about, type, node },
    odd: odd === '' || odd === undefined ? [] : [odd, ...unvalidated],
    bytes: envelope(number, {
      event_type: type,
      payload,
      project_uuid: project,
      node_id: node,
      timestamp: new Date(at).toISOString(),
    }),
  };
}

/** The newest first, as the explorer says it. */
function inOrder(events: readonly Sent[]): readonly string[] {
  return events
    .toSorted((one, other) => other.at - one.at || (one.id < other.id ? 1 : -1))
    .map(({ id }) => id);
}

/** Everything that an address leads to, page by page. */
async function walk(trial: Trial, path: string, name = 'Older'): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let next: string | null = path; next !== null; ) {
    const page = await show(trial, next);
    const here = idsOn(page);
    ids.push(...(name === 'Older' ? here : here.toReversed()));
    next = stepOn(page, name);
  }
  return ids;
}

it.each(PLACES)(
  'lists what a look at all events would find, whatever is asked for, on %s',
  async (_on, placeOf) => {
    const trial = await startTrial({}, await placeOf());
    const roll = dice(41);
    const events = Array.from({ length: 700 }, (_, number) => sent(number, roll));
    await send(
      trial,
      events.map(({ bytes }) => bytes),
    );
    await rebuildViews(trial.store);
    expect(await walk(trial, '/events')).toEqual(inOrder(events));
    let found = 0;
    for (let turn = 0; turn < 40; turn += 1) {
      const one = events[roll(events.length)] ?? events[0];
      const parts = Object.entries(one?.by ?? {}).filter(
        ([name, text]) => text !== '' && roll(name === 'project' ? 2 : 3) === 0,
      );
      const [finding] = roll(3) === 0 ? (one?.odd ?? []) : [];
      const [from, to] = [DAY + roll(60) * MINUTE, DAY + (60 + roll(60)) * MINUTE];
      const isTimed = roll(2) === 0;
      const wanted = events.filter(
        ({ at, by, odd }) =>
          parts.every(([name, text]) => by[name] === text) &&
          (finding === undefined || odd.includes(finding)) &&
          (!isTimed || (at >= from && at < to)),
      );
      const query = new URLSearchParams([
        ...parts,
        ...(finding === undefined ? [] : [['finding', finding]]),
        ...(isTimed
          ? [
              ['from', momentText(from)],
              ['to', momentText(to)],
            ]
          : []),
      ] as [string, string][]);
      const ids = await walk(trial, `/events?${String(query)}`);
      expect([String(query), ids]).toEqual([String(query), inOrder(wanted)]);
      found += ids.length;
    }
    expect(found).toBeGreaterThan(1_000);
  },
  120_000,
);

function momentText(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

it.each(PLACES)(
  'walks back and forth while events arrive, without a double or a loss, on %s',
  async (_on, placeOf) => {
    const trial = await startTrial({}, await placeOf());
    const roll = dice(42);
    const early = Array.from({ length: 230 }, (_, number) => sent(number, roll));
    await send(
      trial,
      early.map(({ bytes }) => bytes),
    );
    const seen: string[] = [];
    let number = 1_000;
    let path: string | null = `/events?project=${PROJECT}`;
    let last = path;
    while (path !== null) {
      // Some of what arrives happened before what is on the page, some after.
      const late = Array.from({ length: 20 }, () => sent((number += 1), roll));
      await send(
        trial,
        late.map(({ bytes }) => bytes),
      );
      const page = await show(trial, path);
      seen.push(...idsOn(page));
      last = path;
      path = stepOn(page, 'Older');
    }
    expect(new Set(seen).size).toBe(seen.length);
    const ours = early.filter(({ by }) => by['project'] === PROJECT);
    expect(ours.filter(({ id }) => !seen.includes(id))).toEqual([]);
    const back = await walk(trial, last, 'Newer');
    expect(new Set(back).size).toBe(back.length);
    expect(ours.filter(({ id }) => !back.includes(id))).toEqual([]);
  },
  60_000,
);

it('looks at a part of what is many, and says from where to look on', async () => {
  const trial = await startTrial();
  const count = 5_600;
  for (let from = 0; from < count; from += 1_000) {
    const numbers = Array.from({ length: Math.min(1_000, count - from) }, (_, n) => from + n);
    await send(
      trial,
      numbers.map((n) =>
        envelope(n, {
          timestamp: new Date(DAY + n * 1_000).toISOString(),
          ...(n === 3 ? { payload: { wp_id: 'WP77', agent_id: 'ann', phase: 'review' } } : {}),
        }),
      ),
    );
  }
  await rebuildViews(trial.store);
  const first = await show(trial, `/events?project=${PROJECT}&wp=WP77`);
  expect(first.text).toContain('None of the events that were looked at is one of those.');
  const on = stepOn(first, 'Look further back');
  expect(idsOn(await show(trial, on ?? ''))).toEqual([eventId(3)]);
});

it('shows every field of an event, its payload as a tree, and what it belongs to', async () => {
  const trial = await startTrial();
  const payload = {
    mission_slug: '042-demo',
    wp_id: 'WP01',
    from_lane: 'planned',
    to_lane: 'limbo',
    deep: { list: [1, { x: null }], empty: [] },
  };
  await send(trial, [
    envelope(1, {
      event_type: 'MissionCreated',
      payload: { mission_slug: '042-demo', mission_type: 'docs', friendly_name: 'Demo' },
    }),
    envelope(2, {
      event_type: 'WPStatusChanged',
      payload,
      causation_id: eventId(1),
      correlation_id: eventId(99),
      build_id: { ci: 'x' },
    }),
  ]);
  const page = await show(trial, `/projects/${PROJECT}/events/${eventId(2)}`);
  const rows = Object.fromEntries(
    allIn(page, 'tr').map((row) => allIn(row, 'td').map(({ text }) => text)),
  ) as Record<string, string>;
  expect(rows).toMatchObject({
    event_id: `"${eventId(2)}"`,
    event_type: '"WPStatusChanged"',
    lamport_clock: '2',
    causation_id: `"${eventId(1)}"`,
    correlation_id: `"${eventId(99)}"`,
    team_slug: 'null',
    build_id: 'ci "x"',
    Arrived: '2026-03-14 09:26:53',
  });
  expect(Object.keys(rows)).toHaveLength(1 + 14 + 2 + 5);
  const hrefs = allIn(page, 'a').map(({ attributes }) => attributes['href']);
  expect(hrefs).toContain(`/projects/${PROJECT}/events/${eventId(1)}`);
  expect(hrefs).not.toContain(`/projects/${PROJECT}/events/${eventId(99)}`);
  expect(hrefs).toContain(`/projects/${PROJECT}/missions/042-demo`);
  expect(hrefs).toContain(`/events?project=${PROJECT}&mission=042-demo&wp=WP01`);
  expect(page.text).toContain('deep 2 members list 2 items 1 1 2 1 member x null empty 0 items');
  expect(page.text).toContain('WP01 to limbo unknown_lane none of the ten lanes');
});

it('hands out the bytes of an event as a file, and of an erased one its tombstone', async () => {
  const trial = await startTrial();
  const bytes = envelope(1, { payload: { secret: 'swordfish <b>' } });
  await send(trial, [bytes]);
  const path = `/projects/${PROJECT}/events/${eventId(1)}`;
  const raw = await trial.app.fetch(new Request(`${ORIGIN}${path}/raw`));
  expect(Buffer.from(await raw.arrayBuffer())).toEqual(bytes);
  expect(raw.headers.get('content-disposition')).toBe(
    `attachment; filename="event-${eventId(1)}.json"`,
  );
  expect(raw.headers.get('x-content-type-options')).toBe('nosniff');
  expect(raw.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
  await erase(trial.store, { team: operatorScope('local'), eventId: eventId(1) }, trial.clock);
  const page = await show(trial, path);
  expect(page.text).toContain('This event was erased on 2026-03-14 09:26:53 .');
  expect(page.text).not.toContain('swordfish');
  expect(idsOn(await show(trial, '/events'))).toEqual([eventId(1)]);
  const gone = await trial.app.fetch(new Request(`${ORIGIN}${path}/raw`));
  expect(gone.status).toBe(410);
});

it('finds an event by its id, in however many projects it is', async () => {
  const trial = await startTrial();
  await send(trial, [envelope(1), envelope(2), envelope(2, { project_uuid: OTHER_PROJECT })]);
  const search = (id: string): Promise<Response> =>
    Promise.resolve(
      trial.app.fetch(
        new Request(`${ORIGIN}/events?project=&event=%20${id}`, {
          headers: { accept: 'text/html' },
        }),
      ),
    );
  const one = await search(eventId(1));
  expect(one.headers.get('location')).toBe(`/projects/${PROJECT}/events/${eventId(1)}`);
  const two = readPage(await (await search(eventId(2))).text());
  expect(allIn(two, 'li').map(({ text }) => text)).toContain(
    `WPAssigned of project ${OTHER_PROJECT}`,
  );
  for (const none of [eventId(3), 'x', '%3Cb%3E']) expect((await search(none)).status).toBe(404);
});

it('says what an address must say, and leads a form to the address that people pass on', async () => {
  const trial = await startTrial();
  const answer = async (query: string) =>
    trial.app.fetch(new Request(`${ORIGIN}/events?${query}`, { headers: { accept: 'text/html' } }));
  for (const query of ['project=x', 'from=yesterday', 'to=2026-13-40', 'before=1', 'after=x_y_z']) {
    expect([query, (await answer(query)).status]).toEqual([query, 400]);
  }
  const full = await answer(`project=&mission=&type=A%20b&from=2026-03-14T09:26&to=&before=`);
  expect(full.headers.get('location')).toBe('/events?type=A+b&from=2026-03-14T09%3A26');
});

it('shows of another team neither events nor that they are there', async () => {
  const trial = await startLoginTrial();
  await trial.person('ann@kitty.example', { harbour: 'read-only' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const zoe = await trial.login('zoe@kitty.example', 'orchard');
  await send(
    trial,
    [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })],
    bearer(zoe.access),
  );
  await trial.person('ben@kitty.example', { harbour: 'member' });
  const ben = await trial.login('ben@kitty.example', 'harbour');
  await send(trial, [envelope(7)], bearer(ben.access));
  const { cookie } = await trial.page('/login', {
    username: 'ann@kitty.example',
    password: PASSWORD,
  });
  const key = allIn(await show(trial, '/', cookie), 'input')[0]?.attributes['value'] ?? '';
  await trial.page('/team', { team: 'harbour', form_key: key }, { cookie });
  expect(idsOn(await show(trial, '/events', cookie))).toEqual([eventId(7)]);
  expect(idsOn(await show(trial, `/events?project=${OTHER_PROJECT}`, cookie))).toEqual([]);
  const nobodys = '99999999-8888-4777-8666-555555555555';
  const cells = [
    [`/projects/${PROJECT}/events/${eventId(1)}`, `/projects/${PROJECT}/events/${eventId(9)}`],
    [
      `/projects/${OTHER_PROJECT}/events/${eventId(2)}`,
      `/projects/${nobodys}/events/${eventId(2)}`,
    ],
    [
      `/projects/${OTHER_PROJECT}/events/${eventId(7)}`,
      `/projects/${nobodys}/events/${eventId(7)}`,
    ],
    [
      `/projects/${PROJECT}/events/${eventId(1)}/raw`,
      `/projects/${PROJECT}/events/${eventId(9)}/raw`,
    ],
    [`/events?event=${eventId(1)}`, `/events?event=${eventId(9)}`],
  ] as const;
  for (const [theirs, none] of cells) {
    const [given, wanted] = [
      await trial.page(theirs, null, { cookie, accept: 'text/html' }),
      await trial.page(none, null, { cookie, accept: 'text/html' }),
    ];
    const text = wanted.text.replaceAll(eventId(9), eventId(1));
    expect([theirs, given.status, given.text]).toEqual([theirs, 404, text]);
  }
});

it('renders hostile texts as texts', async () => {
  const trial = await startTrial();
  // One page of them, of every kind that there is.
  const every = Math.ceil(HOSTILE_TEXTS.length / 50);
  const texts = HOSTILE_TEXTS.filter((_text, n) => n % every === 0);
  const results = await send(
    trial,
    texts.map((text, n) =>
      envelope(n, {
        event_type: text.replaceAll(/[^!-~]/g, ''),
        payload: { mission_slug: text, wp_id: text, [text]: [text, { [text]: text }] },
        node_id: text.replaceAll(/[^!-~]/g, ''),
        aggregate_id: text.replaceAll(/\p{Cc}/gu, ''),
        git_branch: text.replaceAll(/\p{Cc}/gu, ''),
        [text]: text,
      }),
    ),
  );
  expect(results.filter(({ status }) => status !== 'success')).toEqual([]);
  const list = await show(trial, '/events');
  const pages = [list];
  expect(idsOn(list)).toHaveLength(texts.length);
  for (const id of idsOn(list)) {
    pages.push(await show(trial, `/projects/${PROJECT}/events/${id}`));
  }
  for (const text of texts) {
    const query = new URLSearchParams({ project: PROJECT, mission: text, type: text, event: '' });
    pages.push(await show(trial, `/events?${String(query)}`));
  }
  for (const page of pages) requirePlain(page);
  const shown = pages.map(({ text }) => text).join(' ');
  expect(texts.filter((text) => !/\p{Cc}/u.test(text) && !shown.includes(text))).toEqual([]);
});
