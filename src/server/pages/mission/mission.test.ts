import { expect, it } from 'vitest';
import {
  drifted,
  flatIndexed,
  indexed,
  missing,
  summed,
} from '../../../../test/support/dossier-events.ts';
import { ORIGIN } from '../../../../test/support/login-trial.ts';
import { allIn, type Element, readPage, rowsOf } from '../../../../test/support/page-view.ts';
import {
  envelope,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import { sha256Hex } from '../../../base/index.ts';
import { spanOf } from '../duration.ts';

const MISSION = `/projects/${PROJECT}/missions/042-demo`;
const BASE = sha256Hex('as it should be');
const MINE = sha256Hex('as it is');

async function look({ app }: Trial, path: string): Promise<Element> {
  const response = await app.fetch(
    new Request(`${ORIGIN}${path}`, { headers: { accept: 'text/html' } }),
  );
  expect([path, response.status]).toEqual([path, 200]);
  return readPage(await response.text());
}

/** A minute of the day on which everything in these tests happens. */
function at(minute: number): { readonly timestamp: string } {
  return { timestamp: `2026-03-14T09:${String(minute).padStart(2, '0')}:00+00:00` };
}

function move(minute: number, wp_id: string, to_lane: string, more: object = {}): Buffer {
  return envelope(500 + minute, {
    event_type: 'WPStatusChanged',
    payload: {
      mission_slug: '042-demo',
      wp_id,
      from_lane: 'planned',
      to_lane,
      actor: 'ann',
      ...more,
    },
    ...at(minute),
  });
}

async function pushText({ app }: Trial, path: string, text: string): Promise<void> {
  const push = {
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
  const response = await app.fetch(
    new Request(`${ORIGIN}/api/dossier/push-content/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(push),
    }),
  );
  expect(response.status).toBe(201);
}

it('says of a mission that nobody described what would fill its dossier', async () => {
  const trial = await startTrial();
  await send(trial, [move(1, 'WP01', 'claimed')]);
  const page = await look(trial, MISSION);
  expect(page.text).toContain('No event has spoken of the artifacts of this mission yet.');
  expect(rowsOf(await look(trial, `/projects/${PROJECT}`), /1 mission/)[0]?.[3]).toBe('');
  expect((await look(trial, '/')).text).toContain('No mission lacks an artifact or drifts.');
});

it('names what is missing, and counts it up to the overview', async () => {
  const trial = await startTrial();
  await send(trial, [
    indexed(1, at(1)),
    indexed(2, { path: 'notes.md', ...at(1) }),
    missing(3, 'not_found', { path: 'plan.md', members: { manifest_step: 'plan' }, ...at(2) }),
    missing(4, 'unreadable', { path: 'extra.md', ...at(3) }),
  ]);
  const page = await look(trial, MISSION);
  expect(allIn(page, 'meter').map(({ attributes }) => attributes['aria-label'])).toEqual([
    '2 of 3 required artifacts are there',
  ]);
  expect(rowsOf(page, /required artifact missing/)).toEqual([
    ['plan.md', 'input', 'not_found', '2026-03-14 09:02 UTC'],
  ]);
  expect(page.text).toContain('branch main, software-dev, manifest 1, 2 artifacts');
  expect(page.text).toContain('Nobody has reported a difference');
  expect(rowsOf(await look(trial, `/projects/${PROJECT}`), /1 mission/)[0]?.[3]).toBe('2 of 3');
  const overview = await look(trial, '/');
  expect(rowsOf(overview, /1 project/)[0]?.at(-1)).toBe('1 incomplete');
  expect(overview.text).toContain('1 mission lacks a required artifact or drifts from a baseline');
});

it('says since when a mission drifts, and when it no longer does', async () => {
  const trial = await startTrial();
  const hashes = { expected: BASE, actual: MINE };
  const snapshot = (number: number, hash: string, minute: number) =>
    summed(number, { ...at(minute), members: { snapshot_hash: hash, artifact_count: 7 } });
  await send(trial, [
    snapshot(1, MINE, 1),
    drifted(2, hashes, { ...at(2), kind: 'artifact_added' }),
    drifted(3, hashes, { ...at(3), kind: 'artifact_mutated' }),
  ]);
  const page = await look(trial, MISSION);
  expect(page.text).toContain(
    `Drifting from its baseline since 2026-03-14 09:02 UTC : artifact_added , artifact_mutated . The baseline is ${BASE} , the dossier was ${MINE} .`,
  );
  expect(page.text).toContain(
    `The last snapshot of 7 artifacts, taken 2026-03-14 09:01 UTC , is ${MINE}`,
  );
  expect(rowsOf(await look(trial, `/projects/${PROJECT}`), /1 mission/)[0]?.[3]).toBe(
    'unknown, drift',
  );
  expect(rowsOf(await look(trial, '/'), /1 project/)[0]?.at(-1)).toBe('1 drifting');
  await send(trial, [snapshot(4, sha256Hex('another'), 4)]);
  expect((await look(trial, MISSION)).text).toContain('It has changed since then; nobody has said');
  await send(trial, [snapshot(5, BASE, 5)]);
  expect((await look(trial, MISSION)).text).toContain(
    'from 2026-03-14 09:02 UTC to 2026-03-14 09:05 UTC , and no longer does',
  );
  expect(rowsOf(await look(trial, '/'), /1 project/)[0]?.at(-1)).toBe('none');
});

it('says which texts are not here as the index has them', async () => {
  const trial = await startTrial();
  await send(trial, [
    indexed(1, { text: 'one', ...at(1) }),
    indexed(2, { path: 'plan.md', text: 'a plan', ...at(1) }),
    indexed(3, { path: 'tasks.md', text: 'tasks', ...at(1) }),
    // Clients do not send the texts of these.
    indexed(4, { path: 'status.events.jsonl', text: '{}', ...at(1) }),
    indexed(5, { path: 'research.md', text: '', ...at(1) }),
    indexed(6, { path: 'research/big.md', content: { size_bytes: 600_000 }, ...at(1) }),
  ]);
  await pushText(trial, 'spec.md', 'one');
  await pushText(trial, 'plan.md', 'a plan');
  await send(trial, [indexed(7, { text: 'another', ...at(2) })]);
  expect(rowsOf(await look(trial, MISSION), /texts not here/)).toEqual([
    ['spec.md', '7', 'another version'],
    ['tasks.md', '5', 'nothing'],
  ]);
  await pushText(trial, 'spec.md', 'another');
  await pushText(trial, 'tasks.md', 'tasks');
  expect((await look(trial, MISSION)).text).toContain('The text of every indexed artifact whose');
});

it('shows the namespace that was spoken of last, and names the others', async () => {
  const trial = await startTrial();
  const branch = { namespace: { target_branch: 'next' } };
  await send(trial, [
    flatIndexed(1, at(1)),
    indexed(2, { ...branch, ...at(2) }),
    missing(3, 'deleted', { ...branch, members: { manifest_step: 'specify' }, ...at(3) }),
    indexed(4, at(4)),
  ]);
  const page = await look(trial, MISSION);
  expect(page.text).toContain('branch main, software-dev, manifest 1, 1 artifact,');
  expect(rowsOf(page, /2 other namespaces/)).toEqual([
    ['branch next, software-dev, manifest 1', '0 of 1', '2026-03-14 09:03 UTC'],
    ['no branch named', 'complete', '2026-03-14 09:01 UTC'],
  ]);
  // What is shown is what counts.
  expect(rowsOf(await look(trial, `/projects/${PROJECT}`), /1 mission/)[0]?.[3]).toBe('complete');
  expect(rowsOf(await look(trial, '/'), /1 project/)[0]?.at(-1)).toBe('none');
});

it('tells the story of a work package', async () => {
  const trial = await startTrial();
  await send(trial, [
    envelope(1, {
      event_type: 'WPCreated',
      payload: { mission_slug: '042-demo', wp_id: 'WP01', wp_title: 'Tides & <b>', actor: 'ann' },
    }),
    move(1, 'WP01', 'claimed', { from_lane: '' }),
    move(2, 'WP01', 'in_progress'),
    move(12, 'WP01', 'limbo'),
    move(32, 'WP01', 'for_review'),
    move(42, 'WP01', 'in_progress'),
    move(43, 'WP01', 'done', { actor: { name: 'zoe' } }),
    move(44, 'WP02', 'claimed'),
    move(45, 'WP03', 'limbo'),
    indexed(3, { path: 'tasks/WP01-tides.md', ...at(1) }),
    indexed(4, { path: 'tasks/WP010.md', ...at(1) }),
  ]);
  const board = await look(trial, MISSION);
  const links = allIn(board, 'a').map(({ attributes }) => attributes['href']);
  expect(links).toContain(`${MISSION}/packages/WP01`);
  const page = await look(trial, `${MISSION}/packages/WP01`);
  expect(allIn(page, 'h1')[0]?.text).toBe('Tides & <b>');
  expect(page.text).toContain('WP01, in lane done since 2026-03-14 09:43 UTC');
  expect(page.text).toContain('Its artifact: tasks/WP01-tides.md Time');
  expect(rowsOf(page, /42 min from its first move to its end/)).toEqual([
    ['claimed', '1 min', '1', '2 %'],
    ['in_progress', '31 min', '2', '74 %'],
    ['for_review', '10 min', '1', '24 %'],
    ['done', '', '1', '0 %'],
  ]);
  expect(allIn(page, 'meter').map(({ attributes }) => attributes['aria-label'])).toEqual([
    '2 %',
    '74 %',
    '24 %',
    '0 %',
  ]);
  expect(rowsOf(page, /6 changes/).map((cells) => cells.slice(0, 3))).toEqual([
    ['2026-03-14 09:43 UTC', 'planned → done', 'zoe'],
    ['2026-03-14 09:42 UTC', 'planned → in_progress', 'ann'],
    ['2026-03-14 09:32 UTC', 'planned → for_review', 'ann'],
    ['2026-03-14 09:12 UTC', 'planned → limbo', 'ann'],
    ['2026-03-14 09:02 UTC', 'planned → in_progress', 'ann'],
    ['2026-03-14 09:01 UTC', 'claimed', 'ann'],
  ]);
  const odd = rowsOf(page, /What is odd/).map((cells) => cells[0]?.split(' ')[0]);
  expect(odd).toContain('unknown_lane');
  expect(rowsOf(page, /What is odd/).join(' ')).not.toMatch(/WP0[23]/);
});

it('has a page for a package that has a title alone, or was sent to no lane there is', async () => {
  const trial = await startTrial();
  trial.clock.move(-1000 * 60 * 26.9);
  await send(trial, [
    envelope(1, {
      event_type: 'WPCreated',
      payload: { mission_slug: '042-demo', wp_id: 'a/b ?#', wp_title: 'Odd name', actor: 'ann' },
    }),
    move(2, 'WP02', 'claimed'),
    move(45, 'WP03', 'limbo'),
  ]);
  const path = `${MISSION}/packages/${encodeURIComponent('a/b ?#')}`;
  expect((await look(trial, path)).text).toContain('a/b ?#, in lane genesis');
  expect((await look(trial, path)).text).toContain('It has not moved yet.');
  expect((await look(trial, `${MISSION}/packages/WP03`)).text).toContain('WP03, in lane genesis');
  // It is still there: time goes on, but never backwards.
  expect(rowsOf(await look(trial, `${MISSION}/packages/WP02`), /from its first move on/)).toEqual([
    ['claimed', expect.stringMatching(/ s$/), '1', '0 %'],
  ]);
});

it.each([
  [0, 'under 1 s'],
  [999, 'under 1 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_661_000, '1 h 1 min'],
  [86_400_000, '1 d'],
  [90_000_000, '1 d 1 h'],
])('says %i ms in two units', (time, words) => {
  expect(spanOf(time)).toBe(words);
});
