import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  ARTIFACTS,
  createMachine,
  EXAMPLE_MISSIONS,
  type Machine,
  sampleMissions,
} from '../support/command-line.ts';
import { allIn, type Element, readPage, rowsOf } from '../support/page-view.ts';
import { type RealReceiver, realReceiver } from '../support/real-receiver.ts';

const MISSION = '001-tide-clock';

async function look({ url }: RealReceiver, at: string): Promise<Element> {
  const response = await fetch(`${url}${at}`, { headers: { accept: 'text/html' } });
  expect([at, response.status]).toEqual([at, 200]);
  return readPage(await response.text());
}

interface Trial {
  readonly receiver: RealReceiver;
  readonly machine: Machine;
  readonly root: string;
}

async function deliver(missions: string): Promise<Trial> {
  const receiver = await realReceiver();
  const machine = createMachine(ARTIFACTS);
  const root = await machine.project('repo', missions);
  const mode = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await machine.run(mode, { cwd: root })).exit).toBe(0);
  await sync({ receiver, machine, root });
  return { receiver, machine, root };
}

async function sync({ machine, root }: Trial): Promise<void> {
  const { exit, stderr } = await machine.run(['sync', 'now'], { cwd: root });
  expect([exit, stderr]).toEqual([0, '']);
}

/** Where the first project of the overview leads. */
async function project(receiver: RealReceiver): Promise<string> {
  const links = allIn(await look(receiver, '/'), 'a').map((link) => link.attributes['href'] ?? '');
  return links.find((href) => href.startsWith('/projects/')) ?? '';
}

/** What the project's page says of each mission's dossier, by what the mission is called there. */
async function dossiers(receiver: RealReceiver): Promise<ReadonlyMap<string, string>> {
  const page = await look(receiver, await project(receiver));
  return new Map(rowsOf(page, /missions?$/).map((cells) => [cells[0] ?? '', cells[3] ?? '']));
}

/** Writes the file that says what a mission is expected to be. */
function expectHash(root: string, hash: string): void {
  const config = readFileSync(path.join(root, '.kittify/config.yaml'), 'utf8');
  const value = (key: string): string => new RegExp(`${key}: (.+)`).exec(config)?.[1] ?? '';
  const folder = path.join(root, '.kittify/dossiers', MISSION);
  mkdirSync(folder, { recursive: true });
  const baseline = {
    baseline_key: {
      project_uuid: value('uuid'),
      node_id: value('node_id'),
      mission_slug: MISSION,
      target_branch: 'main',
      mission_type: 'software-dev',
      manifest_version: '1',
    },
    parity_hash_sha256: hash,
  };
  writeFileSync(path.join(folder, 'parity-baseline.json'), JSON.stringify(baseline));
}

it('shows what became of a mission’s artifacts at home', async () => {
  const trial = await deliver(EXAMPLE_MISSIONS);
  const { receiver, root } = trial;
  const at = `${await project(receiver)}/missions/${MISSION}`;
  const folder = path.join(root, 'kitty-specs', MISSION);
  const whole = await look(receiver, at);
  expect(whole.text).toContain('3 of 3 required artifacts are there');
  expect(whole.text).toContain('The text of every indexed artifact whose text is sent has arrived');
  expect((await dossiers(receiver)).get(MISSION)).toBe('complete');
  const hash = /The last snapshot of .* is ([0-9a-f]{64})/.exec(whole.text)?.[1] ?? '';

  expectHash(root, hash);
  const plan = readFileSync(path.join(folder, 'plan.md'));
  rmSync(path.join(folder, 'plan.md'));
  await sync(trial);
  const torn = await look(receiver, at);
  expect(rowsOf(torn, /1 required artifact missing/).map((cells) => cells.slice(0, 3))).toEqual([
    ['plan.md', 'output', 'deleted'],
  ]);
  expect(torn.text).toContain('2 of 3 required artifacts are there');
  expect(torn.text).toMatch(/Drifting from its baseline since [-\d: ]+UTC : anomaly_introduced/);
  expect((await dossiers(receiver)).get(MISSION)).toBe('2 of 3 , drift');
  expect((await look(receiver, '/')).text).toContain('1 incomplete, 1 drifting');

  writeFileSync(path.join(folder, 'plan.md'), plan);
  await sync(trial);
  expect((await look(receiver, at)).text).toContain('and no longer does');
  expect((await dossiers(receiver)).get(MISSION)).toBe('complete');
});

it('leads from the board to a page for each work package', async () => {
  const { receiver } = await deliver(EXAMPLE_MISSIONS);
  const at = `${await project(receiver)}/missions/${MISSION}`;
  const cards = allIn(await look(receiver, at), 'li').flatMap((card) => allIn(card, 'a'));
  const links = cards.map(({ attributes }) => attributes['href'] ?? '');
  const packages = links.filter((href) => href.startsWith(`${at}/packages/`));
  expect(packages).toHaveLength(2);
  const page = await look(receiver, `${at}/packages/WP01`);
  expect(page.text).toContain('in lane done');
  expect(page.text).toContain('tasks/WP01-predict-turns.md');
  const artifact = allIn(page, 'a').find(({ text }) => text === 'tasks/WP01-predict-turns.md');
  expect((await look(receiver, artifact?.attributes['href'] ?? '')).text).toContain('WP01');
  expect(rowsOf(page, /from its first move to its end/).map(([lane]) => lane)).toEqual([
    'planned',
    'claimed',
    'in_progress',
    'for_review',
    'approved',
    'done',
  ]);
});

const samples = sampleMissions();

it.skipIf(samples === null)(
  'finds the dossiers of a real repository whole',
  async () => {
    const missions = samples ?? '';
    const { receiver } = await deliver(missions);
    const known = await dossiers(receiver);
    expect(known.size).toBe(readdirSync(missions).length);
    expect(new Set(known.values())).toEqual(new Set(['complete']));
    expect((await look(receiver, '/')).text).toContain('No mission lacks an artifact or drifts.');
    const at = await project(receiver);
    for (const slug of readdirSync(missions)) {
      const page = await look(receiver, `${at}/missions/${slug}`);
      expect([slug, page.text.includes('has arrived')]).toEqual([slug, true]);
    }
  },
  60_000,
);
