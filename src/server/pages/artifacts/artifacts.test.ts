import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { indexed, missing } from '../../../../test/support/dossier-events.ts';
import { HOSTILE_TEXTS, INJECTIONS } from '../../../../test/support/hostile-texts.ts';
import { ORIGIN, PASSWORD, startLoginTrial } from '../../../../test/support/login-trial.ts';
import { allIn, type Element, readPage, rowsOf } from '../../../../test/support/page-view.ts';
import {
  bearer,
  envelope,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import { watchStatements, wholeScans } from '../../../../test/support/statement-watch.ts';
import { openDb, sha256Hex, systemClock } from '../../../base/index.ts';
import { isArtifactPath } from '../../../wire/index.ts';
import { operatorScope } from '../../auth.ts';
import { namespaceId } from '../../dossier.ts';
import { indexArtifacts } from '../../store/artifacts.ts';
import { sqliteDriver } from '../../store/sqlite.ts';
import {
  artifactRow,
  artifactRows,
  namespacesOfMission,
  pathsOf,
  versionRow,
  versionRows,
} from '../../views/artifacts.ts';

const MISSION = '042-demo';
const LIST = `/projects/${PROJECT}/missions/${MISSION}/artifacts`;

/** The headers of somebody who is known. */
type Who = Readonly<Record<string, string>>;

interface Sent {
  readonly path?: string;
  readonly minute?: number;
  readonly branch?: string;
  readonly isStored?: boolean;
}

/** Announces a text of the mission, and sends it. */
async function put(
  trial: Pick<Trial, 'app'>,
  text: string,
  sent: Sent = {},
  who: Who = {},
): Promise<string> {
  const { path = 'spec.md', minute = 0, branch = 'main', isStored = true } = sent;
  const timestamp = `2026-03-14T09:${String(minute).padStart(2, '0')}:00+00:00`;
  const number = Number.parseInt(sha256Hex(`${text}${path}${minute}${branch}`).slice(0, 8), 16);
  const namespace = { target_branch: branch };
  await send(trial, [indexed(number, { path, text, timestamp, lamport: minute, namespace })], who);
  if (isStored) expect(await push(trial, text, { path, branch, who })).toBe(201);
  return sha256Hex(text);
}

async function push(
  trial: Pick<Trial, 'app'>,
  text: string,
  { path, branch, who }: { readonly path: string; readonly branch: string; readonly who: Who },
): Promise<number> {
  const body = JSON.stringify({
    project_uuid: PROJECT,
    mission_slug: MISSION,
    target_branch: branch,
    mission_type: 'software-dev',
    manifest_version: '1',
    artifact_path: path,
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
  });
  const headers = { 'content-type': 'application/json', ...who };
  const request = new Request(`${ORIGIN}/api/dossier/push-content/`, {
    method: 'POST',
    body,
    headers,
  });
  return (await trial.app.fetch(request)).status;
}

async function get(trial: Trial, path: string): Promise<Response> {
  return trial.app.fetch(new Request(`${ORIGIN}${path}`, { headers: { accept: 'text/html' } }));
}

async function look(trial: Trial, path: string): Promise<Element> {
  const response = await get(trial, path);
  const text = await response.text();
  expect([path, response.status]).toEqual([path, 200]);
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src/);
  return readPage(text);
}

/** Where a link of a page leads. */
function linkTo(page: Element, words: string): string {
  const found = allIn(page, 'a').find(({ text }) => text === words);
  if (found === undefined) throw new Error(`no link says ${words}`);
  return found.attributes['href'] ?? '';
}

const PLACES = await everyDatabase();

it.each(PLACES)(
  'leads from a mission to its artifacts, and says what is known of each, on %s',
  async (_on, placeOf) => {
    const trial = await startTrial({}, await placeOf());
    await send(trial, [
      envelope(1, {
        event_type: 'MissionCreated',
        payload: { mission_slug: MISSION, mission_type: 'x' },
      }),
    ]);
    const mission = await look(trial, `/projects/${PROJECT}/missions/${MISSION}`);
    const list = linkTo(mission, 'Its artifacts');
    expect(list).toBe(LIST);
    expect((await look(trial, list)).text).toContain(
      'No artifact of this mission has been announced',
    );
    await put(trial, '# One');
    await put(trial, '# Two, longer', { minute: 1 });
    await put(trial, 'x'.repeat(20_000), { path: 'research/big.md', isStored: false });
    await send(trial, [
      indexed(900, { path: 'gone.md' }),
      missing(901, 'deleted', { path: 'gone.md' }),
    ]);
    const page = await look(trial, list);
    expect(rowsOf(page, /3 artifacts/)).toEqual([
      ['gone.md', 'input', '', '1', '2026-03-14 09:26 UTC', 'deleted'],
      ['research/big.md', 'input', '19.5 KiB', '1', '2026-03-14 09:00 UTC', 'not yet'],
      ['spec.md', 'input', '13 bytes', '2', '2026-03-14 09:01 UTC', '2026-03-14 09:26 UTC'],
    ]);
    expect(page.text).toContain('main · software-dev · manifest 1');
    const spec = await look(trial, linkTo(page, 'spec.md'));
    expect(rowsOf(spec, /Texts that it had/)).toHaveLength(2);
    expect((await look(trial, linkTo(spec, 'since the one before'))).text).toContain('Two, longer');
  },
);

it('parts artifacts by branch, and long lists into pages', async () => {
  const trial = await startTrial();
  await put(trial, 'a', { branch: 'topic', isStored: false });
  const many = Array.from({ length: 201 }, (_, n) =>
    indexed(n, { path: `research/${String(n).padStart(3, '0')}.md`, text: String(n) }),
  );
  await send(trial, many);
  const page = await look(trial, LIST);
  expect(allIn(page, 'h2').map(({ text }) => text)).toEqual([
    'main · software-dev · manifest 1',
    'topic · software-dev · manifest 1',
  ]);
  expect(rowsOf(page, /200 artifacts, main/)).toHaveLength(200);
  expect(rowsOf(page, /1 artifact, topic/)).toHaveLength(1);
  const next = await look(trial, linkTo(page, 'The next artifacts'));
  expect(rowsOf(next, /1 artifact behind research\/199.md/).map(([path]) => path)).toEqual([
    'research/200.md',
  ]);
});

it('shows the present text of an artifact, and every other at an address of its own', async () => {
  const trial = await startTrial();
  const first = await put(trial, '# One\n');
  const second = await put(trial, '# Two\n', { minute: 1 });
  const page = await look(trial, linkTo(await look(trial, LIST), 'spec.md'));
  expect(['h1', 'h2'].map((name) => allIn(page, name).map(({ text }) => text))).toEqual([
    ['spec.md'],
    ['Two', 'Versions'],
  ]);
  expect(rowsOf(page, /Texts that it had/)).toEqual([
    [
      '2026-03-14 09:01 UTC (shown)',
      second.slice(0, 12),
      '6 bytes',
      '2026-03-14 09:26 UTC',
      'since the one before',
    ],
    ['2026-03-14 09:00 UTC', first.slice(0, 12), '6 bytes', '2026-03-14 09:26 UTC', ''],
  ]);
  const before = linkTo(page, '2026-03-14 09:00 UTC');
  expect(before).toContain(`version=${first}`);
  const old = await look(trial, before);
  expect(allIn(old, 'h2')[0]?.text).toBe('One');
  expect(old.text).toContain('This is not the present text');
  expect(allIn(await look(trial, linkTo(old, 'look at that one')), 'h2')[0]?.text).toBe('Two');
  const source = await look(trial, linkTo(old, 'Source'));
  expect(allIn(source, 'ol', 'lines')[0]?.text).toBe('# One');
  expect(linkTo(source, 'Rendered')).toBe(before);
});

it('says what is deleted, and what has not arrived', async () => {
  const trial = await startTrial();
  await put(trial, '# Kept\n');
  await send(trial, [missing(900, 'deleted', { timestamp: '2026-03-14T10:00:00+00:00' })]);
  const gone = await look(trial, linkTo(await look(trial, LIST), 'spec.md'));
  expect(gone.text).toContain('Deleted 2026-03-14 10:00 UTC');
  expect(gone.text).toContain('what is here is a text that it had.');
  expect(allIn(gone, 'h2')[0]?.text).toBe('Kept');
  await put(trial, 'late', { path: 'late.md', isStored: false });
  const late = await look(trial, linkTo(await look(trial, LIST), 'late.md'));
  expect(late.text).toContain('This text has not arrived.');
  expect(allIn(late, 'nav', 'ways')).toEqual([]);
});

it('follows links from one text to another of its mission', async () => {
  const trial = await startTrial();
  await put(trial, '# Goal\n');
  await put(trial, '[the goal](../spec.md#goal)', { path: 'tasks/WP01.md' });
  const page = await look(trial, linkTo(await look(trial, LIST), 'tasks/WP01.md'));
  const [address = '', fragment] = linkTo(page, 'the goal').split('#');
  const goal = await look(trial, address);
  expect(allIn(goal, 'h2')[0]).toMatchObject({ text: 'Goal', attributes: { id: fragment } });
});

it('compares two texts that a form chooses', async () => {
  const trial = await startTrial();
  const hashes = [
    await put(trial, 'a\nb\n'),
    await put(trial, 'a\nc\n', { minute: 1 }),
    await put(trial, 'a\nc\nd\n', { minute: 2 }),
  ];
  const page = await look(trial, linkTo(await look(trial, LIST), 'spec.md'));
  const [form] = allIn(page, 'form', 'compare');
  expect(form?.attributes['method']).toBe('get');
  const hidden = allIn(form ?? page, 'input').map(({ attributes }) => [
    attributes['name'],
    attributes['value'],
  ]);
  const chosen = allIn(form ?? page, 'option').filter(({ attributes }) => 'selected' in attributes);
  expect(chosen.map(({ attributes }) => attributes['value'])).toEqual([hashes[1], hashes[2]]);
  const query = new URLSearchParams(Object.fromEntries(hidden) as Record<string, string>);
  const [from = '', , to = ''] = hashes;
  const address = `${form?.attributes['action'] ?? ''}?${query.toString()}&from=${from}&to=${to}`;
  const shown = await look(trial, address);
  expect(
    rowsOf(shown, /2 lines added \(\+\), 1 line removed/).map(([, , sign, line]) => [sign, line]),
  ).toEqual([
    ['…', 'from line 1 before, 1 after'],
    ['', 'a'],
    ['−', 'b'],
    ['+', 'c'],
    ['+', 'd'],
  ]);
  const since = await look(trial, linkTo(page, 'since the one before'));
  expect(since.text).toContain('1 line added (+), 0 lines removed (−)');
});

it('gives a text away exactly as it came, as a file that no browser shows', async () => {
  const trial = await startTrial();
  const text = '\u{FEFF}<script>alert(1)</script>\r\n\0é\u{1F600}';
  await put(trial, text, { path: 'contracts/a "b".html' });
  const page = await look(trial, linkTo(await look(trial, LIST), 'contracts/a "b".html'));
  const download = allIn(page, 'a').find((each) => each.text === 'Download');
  expect(download?.attributes).toHaveProperty('download');
  const response = await get(trial, download?.attributes['href'] ?? '');
  expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(text));
  const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
  expect(Object.fromEntries(headers)).toEqual({
    'cache-control': 'no-store',
    'content-disposition': `attachment; filename="a _b_.html"; filename*=UTF-8''a%20%22b%22.html`,
    'content-security-policy': "sandbox; default-src 'none'",
    'content-type': 'text/plain; charset=utf-8',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  });
});

it('finds nothing where nothing is', async () => {
  const trial = await startTrial();
  const hash = await put(trial, '# One\n');
  const late = await put(trial, 'late', { minute: 1, isStored: false });
  const place = linkTo(await look(trial, LIST), 'spec.md').split('?')[1] ?? '';
  const none = sha256Hex('nobody wrote this');
  for (const [address, status] of [
    [`${LIST}/view?${place}`, 200],
    [`${LIST}/view?${place}&version=${hash}`, 200],
    [`${LIST}/view?${place}&version=${none}`, 404],
    [`${LIST}/view?${place}&version=`, 404],
    [`${LIST}/view?${place.replace('spec.md', 'none.md')}`, 404],
    [`${LIST}/view?path=spec.md`, 404],
    [`${LIST}/view`, 404],
    [`${LIST.replace(MISSION, 'other')}/view?${place}`, 404],
    [LIST.replace(MISSION, 'other'), 404],
    [`${LIST}/raw?${place}`, 404],
    [`${LIST}/raw?${place}&version=${hash}`, 200],
    [`${LIST}/raw?${place}&version=${none}`, 404],
    [`${LIST}/diff?${place}&from=${hash}&to=${hash}`, 200],
    [`${LIST}/diff?${place}&from=${hash}&to=${late}`, 200],
    [`${LIST}/diff?${place}&from=${hash}&to=${none}`, 404],
    [`${LIST}/diff?${place}&from=${hash}`, 404],
  ] as const) {
    expect([address, (await get(trial, address)).status]).toEqual([address, status]);
  }
});

it('shows a team nothing of another one’s texts, not even that they are there', async () => {
  const trial = await startLoginTrial();
  await trial.person('ann@kitty.example', { harbour: 'read-only' });
  await trial.person('ben@kitty.example', { harbour: 'member' });
  await trial.person('zoe@kitty.example', { orchard: 'owner' });
  const zoe = bearer((await trial.login('zoe@kitty.example', 'orchard')).access);
  const ben = bearer((await trial.login('ben@kitty.example', 'harbour')).access);
  const theirs = [
    await put(trial, 'their a', {}, zoe),
    await put(trial, 'their b', { minute: 1 }, zoe),
  ];
  await put(trial, 'ours', { path: 'plan.md' }, ben);
  const { cookie } = await trial.page('/login', {
    username: 'ann@kitty.example',
    password: PASSWORD,
  });
  const ask = async (address: string): Promise<readonly unknown[]> => {
    const { status, text } = await trial.page(address, null, { cookie, accept: 'text/html' });
    return [status, text];
  };
  const form = (await trial.page('/', null, { cookie })).text;
  const key = /name="form_key" value="([0-9a-f]+)"/.exec(form)?.[1] ?? '';
  await trial.page('/team', { team: 'harbour', form_key: key }, { cookie });
  const own = await ask(LIST);
  expect(own).toEqual([200, expect.stringContaining('plan.md')]);
  expect(own[1]).not.toContain('spec.md');
  const namespace = /in=(ns_[0-9a-f]+)/.exec(String(own[1]))?.[1] ?? '';
  const none = sha256Hex('nobody wrote this');
  const [from = '', to = ''] = theirs;
  for (const page of ['view', 'raw', 'diff']) {
    for (const path of ['spec.md', 'plan.md']) {
      const where = (name: string, hashes: readonly string[]): string =>
        `${LIST}/${page}?in=${namespace}&path=${name}&version=${hashes[0]}&from=${hashes[0]}&to=${hashes[1]}`;
      const given = await ask(where(path, [from, to]));
      expect([page, path, given[0]]).toEqual([page, path, 404]);
      expect(given).toEqual(await ask(where(path === 'spec.md' ? 'none.md' : path, [none, none])));
    }
  }
});

/** What stands on these pages beside texts. */
const PAGE_TAGS = new Set(
  'html head meta title style body a header div span nav ol ul li main h1 h2 p table caption thead tbody tr th td time code article form label select option button input pre'.split(
    ' ',
  ),
);

it('shows hostile paths, branches and hashes as texts', async () => {
  const trial = await startTrial();
  // What is no path, and no name, is refused at the door.
  const paths = [...HOSTILE_TEXTS, ...INJECTIONS]
    .filter((text) => isArtifactPath(text) && text.length < 1_000 && !/\p{Cs}/u.test(text))
    .map((text, n) => `${text}.${n}`);
  expect(paths.length).toBeGreaterThan(400);
  const events = paths.map((path, n) => indexed(n, { path, namespace: { target_branch: 'main' } }));
  await send(trial, events);
  const branches = paths
    .slice(0, 15)
    .map((target_branch, n) => indexed(5_000 + n, { namespace: { target_branch } }));
  await send(trial, branches);
  const pages: Element[] = [];
  const [first = ''] = allIn(await look(trial, LIST), 'a').flatMap(({ text, attributes }) =>
    text === 'The next artifacts' ? [attributes['href'] ?? ''] : [],
  );
  const shown = new Set<string>();
  for (let next: string | null = first.replace(/&after=.*/, ''); next !== null; ) {
    const list: Element = await look(trial, next);
    pages.push(list);
    const links = allIn(list, 'a');
    for (const { text, attributes } of links.filter(({ attributes: { href = '' } }) =>
      href.includes('/view?'),
    )) {
      shown.add(text);
      if (shown.size % 10 === 0) pages.push(await look(trial, attributes['href'] ?? ''));
    }
    next = links.find(({ text }) => text === 'The next artifacts')?.attributes['href'] ?? null;
  }
  pages.push(await look(trial, LIST));
  expect(paths.filter((path) => !shown.has(path.replaceAll(/\s+/g, ' ').trim()))).toEqual([]);
  expect(pages.length).toBeGreaterThan(45);
  const odd = pages.flatMap((page) => [...namesIn(page)]).filter((name) => !PAGE_TAGS.has(name));
  expect(odd).toEqual([]);
  const links = pages.flatMap((page) =>
    allIn(page, 'a').map(({ attributes }) => attributes['href'] ?? ''),
  );
  expect(links.filter((href) => !/^(?:\/(?![/\\])|#main$)/.test(href))).toEqual([]);
  for (const text of HOSTILE_TEXTS.slice(0, 60)) {
    const where = new URLSearchParams({
      in: text,
      path: text,
      version: text,
      after: text,
      from: text,
      to: text,
    });
    for (const page of ['', '/view', '/raw', '/diff']) {
      const response = await get(trial, `${LIST}${page}?${where.toString()}`);
      expect(response.status).toBe(page === '' ? 200 : 404);
      expect(await response.text()).not.toMatch(/<script|<img|<svg|<iframe/i);
    }
  }
});

function* namesIn(element: Element): Generator<string> {
  for (const child of element.children) {
    yield child.name;
    yield* namesIn(child);
  }
}

it('loads what reads texts when one is looked at, and not before', () => {
  const sources = new Map<string, string>();
  const waiting = [fileURLToPath(new URL('../../index.ts', import.meta.url))];
  const packages = new Set<string>();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (sources.has(file) || !file.endsWith('.ts')) continue;
    const source = readFileSync(file, 'utf8');
    sources.set(file, source);
    for (const [, typeOnly, from = ''] of source.matchAll(
      /^(?:import|export) (type )?[^;]*?from '([^']+)';/gms,
    )) {
      if (typeOnly !== undefined) continue;
      if (from.startsWith('.')) waiting.push(resolve(dirname(file), from));
      else packages.add(from.split('/', 1)[0] ?? '');
    }
  }
  expect(packages).toContain('hono');
  const readers = ['markdown-it', 'highlight.js', 'yaml', 'papaparse', 'diff'];
  expect(readers.filter((name) => packages.has(name))).toEqual([]);
});

it('reads an index of 12,000 artifacts through its keys', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  const driver = sqliteDriver(db);
  const namespace = {
    missionSlug: MISSION,
    targetBranch: 'main',
    missionType: 't',
    manifestVersion: '1',
  };
  const team = operatorScope('local');
  const facts = Array.from({ length: 12_000 }, (_, n) => ({
    projectId: PROJECT,
    namespace,
    artifact: {
      path: `research/${n % 6_000}.md`,
      artifactClass: 'evidence',
      artifactKey: null,
      requiredStatus: null,
      sha256: sha256Hex(String(n)),
      sizeBytes: 4,
    },
    occurredAt: n,
    lamport: n,
    eventId: `event ${n}`,
  }));
  await driver.tx((sql) => indexArtifacts(sql, team, facts));
  const watched = watchStatements(db);
  const key = [team, PROJECT, namespaceId(namespace)] as const;
  expect(await namespacesOfMission(driver, [team, PROJECT], MISSION)).toHaveLength(1);
  const rows = await artifactRows(driver, key, { after: 'research/5', limit: 100 });
  expect([rows.length, rows[0]?.versions]).toEqual([100, 2]);
  const path = 'research/7.md';
  expect(await artifactRow(driver, key, path)).toMatchObject({ path, versions: 2, storedAt: null });
  expect(await versionRows(driver, key, path)).toHaveLength(2);
  expect(await versionRow(driver, key, { path, sha256: sha256Hex('7') })).not.toBeNull();
  expect((await pathsOf(driver, key)).size).toBe(2_000);
  const statements = watched();
  expect(statements.length).toBeGreaterThan(5);
  expect(statements.flatMap((each) => wholeScans(db, each))).toEqual([]);
  await driver.close();
});
