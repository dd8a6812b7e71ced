import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { FaultPoint } from '../../src/base/index.ts';
import { rollDice, type Dice } from '../sim/dice.ts';
import { proveBodies } from '../support/body-proof.ts';
import {
  ARTIFACTS,
  copyMissions,
  createMachine,
  EXAMPLE_MISSIONS,
  sampleMissions,
  type Machine,
} from '../support/command-line.ts';
import { realReceiver, type RealReceiver } from '../support/real-receiver.ts';
import { bundlePrograms, inParallel, runScript, scratchDir, start } from './programs.ts';
import { createSite, environmentOf, type Site } from './site.ts';
import { isFull, say, seedOfRun, size } from './sizes.ts';

// `sync now` dies while it indexes, keeps, opens, pushes and records the texts of missions, at named points and at
// random moments while the missions are edited. Then it is simply run again: the receiver holds what the tree
// holds, byte by byte, each text once, and a further run sends nothing. CRASH=full takes the sample missions.

const LONG = 900_000;
const AT_ONCE = 2;
const MISSIONS = (isFull() ? sampleMissions() : null) ?? EXAMPLE_MISSIONS;
const LONGEST_LIFE_MS = 900;

/** The first batch is of events; those after it are of texts. */
const POINTS: Partial<Readonly<Record<FaultPoint, readonly number[]>>> = {
  'prepare.file': isFull() ? [1, 2, 40, 150, 290] : [1, 7],
  'capture.append': isFull() ? [400, 600] : [25],
  'capture.commit': isFull() ? [17, 20, 28] : [4],
  'capture.acknowledge': isFull() ? [17, 20, 28] : [4],
  'open.commit': isFull() ? [1, 2] : [2],
  'batch.begin': isFull() ? [1, 2, 3, 7] : [2],
  'batch.send': isFull() ? [1, 2, 3, 7] : [2],
  'batch.answer': isFull() ? [1, 2, 3, 7] : [2],
  'record.append': isFull() ? [1, 2, 3, 7] : [2],
  'record.commit': isFull() ? [1, 2, 3, 7] : [2],
  'record.done': isFull() ? [1, 2, 3, 7] : [2],
};

const scratch = scratchDir(true);
const { cli } = await bundlePrograms(scratch);

interface Story {
  readonly site: Site;
  readonly env: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly receiver: RealReceiver;
}

async function begin(name: string): Promise<Story> {
  const site = createSite(path.join(scratch, name));
  copyMissions(MISSIONS, site.root);
  const { SPEC_KITTY_SYNC_ARTIFACTS: _narrow, ...env } = environmentOf(site);
  const story = {
    site,
    env,
    machine: createMachine({ ...env, ...ARTIFACTS }),
    receiver: await realReceiver(),
  };
  expect(await point(story, story.receiver)).toBe(0);
  return story;
}

async function point({ machine, site }: Story, { url }: RealReceiver): Promise<number> {
  const line = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url];
  return (await machine.run(line, { cwd: site.root })).exit;
}

/** Runs the commands again and answers what is wrong then; empty is good. */
async function goOn({ site, machine, receiver }: Story): Promise<readonly string[]> {
  const at = { cwd: site.root };
  const wrong: string[] = [];
  for (const line of [
    ['sync', 'now'],
    ['sync', 'status', '--check'],
  ]) {
    const { exit, stdout, stderr } = await machine.run(line, at);
    if (exit !== 0) wrong.push(`${line.join(' ')} exits ${exit}: ${stdout}${stderr}`);
  }
  const again = await machine.run(['sync', 'now', '--json'], at);
  if (again.json['dispatched'] !== false) wrong.push('the run after the last one sends something');
  const { complaints, stored } = await proveBodies(site.root, receiver.url);
  if (stored === 0) wrong.push('nothing was compared');
  return [...wrong, ...complaints];
}

test('sync now dies at each named point of the way of a text', { timeout: LONG }, async () => {
  const specs = Object.entries(POINTS).flatMap(([at, passes]) => passes.map((n) => `${at}:${n}`));
  const wrong: string[] = [];
  await inParallel(specs, AT_ONCE, async (spec) => {
    const story = await begin(spec.replaceAll(/\W/g, '-'));
    const env = { ...story.env, SPEC_KITTY_FAULT: spec };
    const died = await runScript(cli, ['sync', 'now'], { env, cwd: story.site.root });
    if (died.signal !== 'SIGKILL') wrong.push(`${spec} does not die: ${died.stdout}${died.stderr}`);
    wrong.push(...(await goOn(story)).map((each) => `${spec}: ${each}`));
  });
  say(`texts: killed at ${specs.length} named points`);
  expect(wrong).toEqual([]);
});

test('sync now dies at random moments while missions are edited', { timeout: LONG }, async () => {
  const kills = size('BODY_KILLS', 8, 150);
  const seed = seedOfRun();
  say(`random kills among texts: CRASH_SEED=${seed}`);
  const dice = rollDice(seed);
  const story = await begin('random');
  const { env, site } = story;
  let killed = 0;
  for (let round = 0; killed < kills && round < 4 * kills; round += 1) {
    edit(site, dice);
    const running = start(cli, ['sync', 'now'], { env, cwd: site.root });
    await delay(dice.between(20, LONGEST_LIFE_MS));
    running.signal('SIGKILL');
    if ((await running.ended).signal === 'SIGKILL') killed += 1;
  }
  expect(await goOn(story), `seed ${seed}`).toEqual([]);
  const second = await realReceiver();
  expect(await point(story, second)).toBe(0);
  expect(await goOn({ ...story, receiver: second }), `seed ${seed}`).toEqual([]);
  say(`texts: ${killed} random kills, everything at two receivers`);
  expect(killed).toBeGreaterThan(0);
});

/** Changes, takes back, adds or removes an artifact of some mission. */
function edit({ root }: Site, dice: Dice): void {
  const missions = path.join(root, 'kitty-specs');
  const names = fs.readdirSync(missions);
  const mission = path.join(missions, names[dice.below(names.length)] ?? '');
  const file = path.join(mission, ['spec.md', 'plan.md', 'research/added.md'][dice.below(3)] ?? '');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const before = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (dice.chance(0.15)) fs.rmSync(file, { force: true });
  else if (dice.chance(0.3))
    fs.writeFileSync(file, before.replace(/\nedited \d+\n$/, '') || '# text\n');
  else fs.writeFileSync(file, `${before}\nedited ${dice.below(1_000)}\n`);
}
