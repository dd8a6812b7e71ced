import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  sampleMissions,
} from '../support/command-line.ts';
import { allIn, type Element, readPage, rowsOf } from '../support/page-view.ts';
import { type RealReceiver, realReceiver } from '../support/real-receiver.ts';

async function look({ url }: RealReceiver, at: string): Promise<Element> {
  const response = await fetch(`${url}${at}`, { headers: { accept: 'text/html' } });
  expect([at, response.status]).toEqual([at, 200]);
  return readPage(await response.text());
}

async function deliver(missions: string): Promise<RealReceiver> {
  const receiver = await realReceiver();
  const machine = createMachine();
  const root = await machine.project('repo', missions);
  const mode = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await machine.run(mode, { cwd: root })).exit).toBe(0);
  expect((await machine.run(['sync', 'now'], { cwd: root })).exit).toBe(0);
  return receiver;
}

/** Where the first project of the overview leads. */
async function project(receiver: RealReceiver): Promise<string> {
  const links = allIn(await look(receiver, '/'), 'a').map((link) => link.attributes['href'] ?? '');
  return links.find((href) => href.startsWith('/projects/')) ?? '';
}

it('leads from the overview to the board of a delivered mission', async () => {
  const receiver = await deliver(EXAMPLE_MISSIONS);
  const at = await project(receiver);
  const [overview] = rowsOf(await look(receiver, '/'), /1 project/);
  expect(overview?.slice(1, 3)).toEqual(['2', String(EXAMPLE_FACTS)]);
  const page = await look(receiver, at);
  expect(
    rowsOf(page, /2 missions/)
      .map(([name = '']) => name)
      .toSorted((one, other) => (one < other ? -1 : 1)),
  ).toEqual(['001-tide-clock', 'Harbour notices 002-harbour-notices']);
  const mission = await look(receiver, `${at}/missions/001-tide-clock`);
  const lanes = allIn(mission, 'section', 'lane');
  expect(lanes).toHaveLength(10);
  const cards = lanes.flatMap((lane) => allIn(lane, 'li'));
  expect(cards.length).toBeGreaterThan(1);
  expect(mission.text).toContain(`of ${cards.length} work packages done`);
  expect(rowsOf(mission, /changes?,/).length).toBeGreaterThan(cards.length);
});

const samples = sampleMissions();

it.skipIf(samples === null)('shows each mission of a real repository', async () => {
  const missions = samples ?? '';
  const receiver = await deliver(missions);
  const at = await project(receiver);
  const page = await look(receiver, at);
  const links = allIn(page, 'a')
    .map((link) => link.attributes['href'] ?? '')
    .filter((href) => href.startsWith(`${at}/missions/`));
  expect(links).toHaveLength(readdirSync(missions).length);
  let cards = 0;
  for (const href of links) cards += allIn(await look(receiver, href), 'li').length;
  expect(cards).toBeGreaterThan(50);
});
