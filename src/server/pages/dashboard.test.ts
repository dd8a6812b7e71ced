import { expect, it } from 'vitest';
import { HOSTILE_TEXTS } from '../../../test/support/hostile-texts.ts';
import {
  type LoginTrial,
  ORIGIN,
  PASSWORD,
  startLoginTrial,
} from '../../../test/support/login-trial.ts';
import { missing } from '../../../test/support/dossier-events.ts';
import { allIn, type Element, readPage, rowsOf } from '../../../test/support/page-view.ts';
import { requirePlain } from '../../../test/support/plain-page.ts';
import {
  bearer,
  envelope,
  listenTrial,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../test/support/receiver-trial.ts';
import { ROUTES, type RouteSpec } from '../routes.ts';
import { SECTIONS } from './sections.ts';
import { COLOURS } from './style.ts';

const MISSION = '042-demo';

function move(number: number, wp_id: string, to_lane: string, more: object = {}): Buffer {
  return envelope(number, {
    event_type: 'WPStatusChanged',
    payload: { mission_slug: MISSION, wp_id, from_lane: 'planned', to_lane, actor: 'ann', ...more },
    timestamp: `2026-03-14T09:${String(number % 60).padStart(2, '0')}:00+00:00`,
  });
}

async function look(trial: Pick<Trial, 'app'>, path: string, cookie = ''): Promise<Element> {
  const response = await trial.app.fetch(
    new Request(`${ORIGIN}${path}`, { headers: { accept: 'text/html', cookie } }),
  );
  const text = await response.text();
  expect([path, response.status, text.slice(0, 400)]).toEqual([path, 200, text.slice(0, 400)]);
  expect(headersOf(response)).toEqual(HEADERS);
  return readPage(text);
}

/** What every page says, beside the id of its request. */
const HEADERS = [
  'cache-control: no-store',
  "content-security-policy: default-src 'none'; style-src 'sha256-…'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'content-type: text/html; charset=utf-8',
  'cross-origin-opener-policy: same-origin',
  'cross-origin-resource-policy: same-origin',
  'referrer-policy: same-origin',
  'x-content-type-options: nosniff',
  'x-frame-options: DENY',
];

function headersOf({ headers }: Response): readonly string[] {
  return [...headers]
    .filter(([name]) => name !== 'x-request-id')
    .map(([name, value]) => `${name}: ${value}`.replace(/sha256-[\w+/=]+/, 'sha256-…'));
}

const mission = `/projects/${PROJECT}/missions/${MISSION}`;

it('shows this machine what arrived, as long as nobody is known', async () => {
  const trial = await startTrial();
  expect((await look(trial, '/')).text).toContain('Nothing has arrived yet');
  await send(trial, [
    envelope(1, {
      event_type: 'MissionCreated',
      payload: { mission_slug: MISSION, mission_type: 'research', friendly_name: 'A & <b>' },
    }),
    envelope(2, {
      event_type: 'WPCreated',
      payload: { mission_slug: MISSION, wp_id: 'WP03', wp_title: 'Only made', actor: 'ann' },
    }),
    move(3, 'WP01', 'done'),
    move(4, 'WP02', 'claimed'),
    move(5, 'WP01', 'limbo'),
    envelope(6, { project_uuid: OTHER_PROJECT, project_slug: 'other' }),
  ]);
  const overview = await look(trial, '/');
  expect(rowsOf(overview, /2 projects/)).toEqual([
    ['demo', '1', '5', '2026-03-14 09:26 UTC', 'none'],
    ['other', '0', '1', '2026-03-14 09:26 UTC', 'none'],
  ]);
  expect(allIn(overview, 'rect', 'bar').at(-1)?.text).toBe('2026-03-14: 6');
  const project = await look(trial, `/projects/${PROJECT}`);
  expect(rowsOf(project, /1 mission/)).toEqual([
    [`A & <b> ${MISSION}`, 'research', '1 claimed, 1 done', '', '5', '2026-03-14 09:26 UTC'],
  ]);
  expect(rowsOf(project, /are odd/)).toEqual([
    ['missing_evidence approved or done without saying why', '1'],
    ['unknown_lane none of the ten lanes, so nothing moved', '1'],
    ['unvalidated has members that the type does not have, or lacks some that it has', '2'],
  ]);
  expect(rowsOf(project, /Who sent/).map((cells) => cells.slice(0, 3))).toEqual([
    ['0123456789ab', '5', '0'],
  ]);
  const page = await look(trial, mission);
  expect(allIn(page, 'h1')[0]?.text).toBe('A & <b>');
  expect(allIn(page, 'section', 'lane').map((lane) => lane.text)).toEqual([
    'genesis 1 WP03 Only made',
    'planned 0',
    'claimed 1 WP02',
    'in_progress 0',
    'for_review 0',
    'in_review 0',
    'approved 0',
    'done 1 WP01',
    'blocked 0',
    'canceled 0',
  ]);
  expect(rowsOf(page, /3 changes/).map((cells) => cells.slice(1))).toEqual([
    ['WP01', 'planned → limbo', 'ann'],
    ['WP02', 'planned → claimed', 'ann'],
    ['WP01', 'planned → done', 'ann'],
  ]);
  expect(page.text).toContain('Burn-up: 1 of 2 work packages done');
  expect(rowsOf(page, /What is odd/).map((cells) => cells.slice(0, 3))).toContainEqual([
    'unknown_lane none of the ten lanes, so nothing moved',
    'WP01 to limbo',
    '1',
  ]);
});

it('names each thing a reader needs to move about by keyboard', async () => {
  const trial = await startTrial();
  await send(trial, [move(1, 'WP01', 'done')]);
  for (const path of ['/', `/projects/${PROJECT}`, mission, `${mission}/packages/WP01`]) {
    const page = await look(trial, path);
    expect(allIn(page, 'html')[0]?.attributes['lang']).toBe('en');
    expect(allIn(page, 'a')[0]?.attributes['href']).toBe('#main');
    expect(allIn(page, 'main')[0]?.attributes['id']).toBe('main');
    expect(allIn(page, 'h1')).toHaveLength(1);
    const scrolled = allIn(page, 'div').filter(({ attributes }) => 'tabindex' in attributes);
    expect(scrolled.every(({ attributes }) => attributes['aria-label'] !== '')).toBe(true);
    for (const picture of allIn(page, 'svg'))
      expect(picture.attributes['aria-label']).toMatch(/\d/);
  }
});

it('leads from every page to the sections, and says which one is looked at', async () => {
  const trial = await startTrial();
  await send(trial, [move(1, 'WP01', 'done')]);
  const paths = SECTIONS.map(({ path }) => path);
  const routes: readonly RouteSpec[] = Object.values(ROUTES);
  for (const path of paths) expect(routes).toContainEqual({ method: 'GET', path, gate: 'page' });
  for (const at of [...paths, `/projects/${PROJECT}`, mission]) {
    const links = allIn(allIn(await look(trial, at), 'nav', 'sections')[0] ?? EMPTY, 'a');
    expect([at, links.map(({ attributes }) => attributes['href'])]).toEqual([at, paths]);
    const current = links.filter(({ attributes }) => attributes['aria-current'] === 'page');
    expect(current.map(({ attributes }) => attributes['href'])).toEqual(
      paths.filter((path) => path === at),
    );
  }
});

const EMPTY: Element = { name: '', attributes: {}, children: [], text: '' };

async function enter(trial: LoginTrial, email: string, team?: string): Promise<string> {
  const { cookie } = await trial.page('/login', { username: email, password: PASSWORD });
  if (team === undefined) return cookie;
  const page = await look(trial, '/', cookie);
  const key = allIn(page, 'input')[0]?.attributes['value'] ?? '';
  const moved = await trial.page('/team', { team, form_key: key }, { cookie });
  expect([moved.status, moved.headers.get('location')]).toEqual([303, '/']);
  return cookie;
}

async function neighbours(): Promise<LoginTrial> {
  const trial = await startLoginTrial();
  await trial.person('ann@kitty.example', { harbour: 'read-only' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const zoe = await trial.login('zoe@kitty.example', 'orchard');
  const theirs = [
    move(1, 'WP01', 'done'),
    move(2, 'WP02', 'done', { mission_slug: 'their' }),
    missing(4, 'not_found', { path: 'their.md', members: { manifest_step: 'plan' } }),
  ];
  await send(trial, [...theirs, envelope(3, { project_uuid: OTHER_PROJECT })], bearer(zoe.access));
  await trial.person('ben@kitty.example', { harbour: 'member' });
  const ben = await trial.login('ben@kitty.example', 'harbour');
  await send(trial, [move(11, 'WP07', 'claimed')], bearer(ben.access));
  return trial;
}

it('shows a team what is its own, and of another team not even that it is there', async () => {
  const trial = await neighbours();
  const cookie = await enter(trial, 'ann@kitty.example', 'harbour');
  const overview = await look(trial, '/', cookie);
  expect(
    rowsOf(overview, /1 project/).map(([name, missions, events, , dossiers]) => [
      name,
      missions,
      events,
      dossiers,
    ]),
  ).toEqual([['demo', '1', '1', 'none']]);
  expect(allIn(overview, 'option').map(({ text }) => text)).toContain('harbour');
  const page = await look(trial, mission, cookie);
  expect(page.text).toContain('claimed 1 WP07');
  expect(page.text).toContain('No event has spoken of the artifacts of this mission yet');
  const nobodys = '99999999-8888-4777-8666-555555555555';
  const cells = [
    [`/projects/${OTHER_PROJECT}`, `/projects/${nobodys}`],
    [`/projects/${OTHER_PROJECT.toUpperCase()}`, `/projects/${nobodys.toUpperCase()}`],
    [`/projects/${OTHER_PROJECT}/missions/${MISSION}`, `/projects/${nobodys}/missions/${MISSION}`],
    [`/projects/${PROJECT}/missions/their`, `/projects/${PROJECT}/missions/nobodys`],
    [`/projects/${OTHER_PROJECT}/ingest`, `/projects/${nobodys}/ingest`],
    [`${mission}/packages/WP01`, `${mission}/packages/WP99`],
    [
      `/projects/${PROJECT}/missions/their/packages/WP02`,
      `/projects/${PROJECT}/missions/nobodys/packages/WP02`,
    ],
  ] as const;
  for (const [theirs, none] of cells) {
    const [given, wanted] = [
      await trial.page(theirs, null, { cookie, accept: 'text/html' }),
      await trial.page(none, null, { cookie, accept: 'text/html' }),
    ];
    expect([theirs, given.status, given.text]).toEqual([theirs, 404, wanted.text]);
  }
  // A new page that says an object belongs into the cells, here or beside it.
  const named = Object.entries(ROUTES).filter(([, { gate }]) => gate === 'page');
  const pages = ['overviewPage', 'projectPage', 'missionPage', 'packagePage'];
  const artifacts = ['artifactsPage', 'artifactPage', 'artifactDiff', 'artifactRaw'];
  const live = ['tailPage', 'streamEvents', 'exportEvents'];
  const events = ['eventsPage', ...live, 'eventPage', 'eventBytes'];
  const ingest = ['ingestPage', 'projectIngestPage'];
  // The pages of people name nothing in their addresses.
  const people = ['membersPage', 'tokensPage', 'auditPage'];
  expect(named.map(([name]) => name)).toEqual([
    ...pages,
    ...artifacts,
    ...events,
    ...ingest,
    ...people,
  ]);
});

it('lets nobody look for a team they are not in, nor from another site', async () => {
  const trial = await neighbours();
  const cookie = await enter(trial, 'ann@kitty.example');
  const key = allIn(await look(trial, '/', cookie), 'input')[0]?.attributes['value'] ?? '';
  const turn = (fields: Readonly<Record<string, string>>, origin = ORIGIN) =>
    trial.page('/team', fields, { cookie, origin });
  expect((await turn({ team: 'orchard', form_key: key })).status).toBe(404);
  expect((await turn({ team: 'harbour', form_key: 'x' })).status).toBe(403);
  expect((await turn({ team: 'harbour', form_key: key }, 'https://evil.example')).status).toBe(403);
  expect((await look(trial, '/', cookie)).text).toContain('Nothing has arrived yet');
});

it('sends who is not logged in to the login, and back', async () => {
  const trial = await neighbours();
  for (const cookie of ['', 'receiver_session=skb_x']) {
    const page = await trial.page(mission, null, { cookie });
    expect(page.status).toBe(303);
    expect(page.headers.get('location')).toBe(`/login?next=${encodeURIComponent(mission)}`);
  }
  const fields = { username: 'ann@kitty.example', password: PASSWORD, next: mission };
  expect((await trial.page('/login', fields)).headers.get('location')).toBe(mission);
});

it('shows who comes from elsewhere nothing while nobody is known', async () => {
  const trial = await startTrial();
  await send(trial, [move(1, 'WP01', 'done')]);
  const headers = { accept: 'text/html', 'x-forwarded-for': '203.0.113.9' };
  // Beside a socket of this machine, a header of a proxy says that the client is another one.
  const { url } = await listenTrial(trial);
  const response = await fetch(`${url}${mission}`, { headers });
  expect(response.status).toBe(401);
  expect(await response.text()).not.toContain('WP01');
});

it('renders 500 hostile texts as texts', async () => {
  const trial = await startTrial();
  const texts = HOSTILE_TEXTS.slice(0, 500);
  await send(
    trial,
    texts.flatMap((text, n) => [
      envelope(2 * n, {
        event_type: 'MissionCreated',
        payload: { mission_slug: text, friendly_name: text, mission_type: text },
        node_id: String(n % 60).padStart(12, '0'),
        project_slug: text,
      }),
      move(2 * n + 1, text, n % 2 === 0 ? 'done' : text, {
        actor: { name: text },
        from_lane: text,
      }),
    ]),
  );
  await send(
    trial,
    texts.slice(0, 100).flatMap((text, n) => aboutDossiers(3 * n, text)),
  );
  const project = await look(trial, `/projects/${PROJECT}`);
  const links = allIn(project, 'a').map(({ attributes }) => attributes['href'] ?? '');
  const missions = links.filter((href) => href.startsWith('/projects/'));
  expect(missions.length).toBeGreaterThan(450);
  const pages = [project, await look(trial, '/'), await look(trial, mission)];
  for (const href of missions.slice(0, 50)) pages.push(await look(trial, href));
  const cards = allIn(pages[2] ?? project, 'a').map(({ attributes }) => attributes['href'] ?? '');
  const packages = cards.filter((href) => href.includes('/packages/'));
  expect(packages.length).toBeGreaterThan(200);
  for (const href of packages.slice(0, 25)) pages.push(await look(trial, href));
  for (const page of pages) requirePlain(page);
  const shown = pages.map(({ text }) => text).join(' ');
  expect(texts.filter((text) => !/[\0\t]/.test(text) && !shown.includes(text))).toEqual([]);
});

/** What hostile clients say of artifacts; none of it is within the schema. */
function aboutDossiers(number: number, text: string): readonly Buffer[] {
  const namespace = { mission_slug: MISSION, mission_type: text };
  const said = (offset: number, what: string, payload: object) =>
    envelope(10_000 + number + offset, {
      event_type: `MissionDossier${what}`,
      payload: { namespace, ...payload },
    });
  const expected_identity = { path: `a/${text}`, artifact_class: text };
  return [
    said(0, 'ArtifactMissing', {
      expected_identity,
      context_diagnostics: { reason_code: text, artifact_key: text, required_status: 'required' },
    }),
    said(1, 'SnapshotComputed', { snapshot_hash: text }),
    said(2, 'ParityDriftDetected', { drift_kind: text, expected_hash: text, actual_hash: 'x' }),
  ];
}

it.each(Object.entries(COLOURS))('keeps %s texts readable (WCAG AA)', (_name, colours) => {
  const { ground, card, text, quiet, link, alert, done } = colours;
  for (const behind of [ground, card]) {
    for (const colour of [text, quiet, link, alert]) {
      expect(contrast(colour, behind)).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(done, behind)).toBeGreaterThanOrEqual(3);
  }
});

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const value = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
