import { spawn } from 'node:child_process';
import Database from 'better-sqlite3';
import { createSystem } from '../src/base/index.ts';
import { listRoutes } from '../src/delivery/index.ts';
import { openHome } from '../src/home/index.ts';
import { record } from '../src/journal/index.ts';
import { drainRoute, prepare } from './drain.ts';
import { growth, limitGoal, rateGoal, type Measured } from './measure.ts';
import { createWorld, factOf } from './world.ts';

const WRITERS = 4;
const EACH = 1_000;

/** What a child process says of itself. */
export interface Told {
  readonly ms: number;
  readonly worst: number;
}

/** G2: four processes capturing into one store, beside four raw writers that retry as fast as they can. */
export async function benchProcesses(): Promise<readonly Measured[]> {
  const ours = await race('ours');
  const raw = await race('raw');
  return [
    rateGoal(
      'G2',
      `${WRITERS} processes capturing`,
      { ours: ours.ms, baseline: raw.ms, ratio: ours.ms / raw.ms },
      { items: WRITERS * EACH, atLeast: 0.6 },
    ),
    limitGoal(
      'G2',
      'worst capture of them (beside 250 ms)',
      { ours: ours.worst, baseline: 250, ratio: ours.worst / 250 },
      { unit: 'ms', atMost: 1 },
    ),
  ];
}

/** G16: memory of a process that drains, the receiver being another process. */
export async function benchMemory(sizes: readonly number[]): Promise<readonly Measured[]> {
  const lines: Measured[] = [];
  const peaks: [size: number, mb: number][] = [];
  for (const events of sizes) {
    const trial = await prepare(events);
    trial.world.home.forgetStore(trial.world.project.id);
    const { worst } = await child(['child', 'drain', trial.world.dir]);
    await trial.end();
    peaks.push([events, worst]);
    const size = events.toLocaleString('en-US');
    lines.push(
      limitGoal(
        'G16',
        `peak memory of draining ${size} events`,
        { ours: worst, baseline: 160, ratio: worst / 160 },
        { unit: 'MB', atMost: 1 },
      ),
    );
  }
  const [usual, most] = peaks;
  if (usual !== undefined && most !== undefined) {
    lines.push({ ...growth('G16', 'peak memory', [usual, most], 1.15), unit: 'MB' });
  }
  return lines;
}

/** What a child process does: `ours|raw|drain`, the directory, the first number, the raw file. */
export async function workInChild(words: readonly string[]): Promise<Told> {
  const [kind = '', dir = '', first = '0', project = ''] = words;
  if (kind === 'drain') return { ms: 0, worst: await drainInChild(dir) };
  const start = performance.now();
  const worst =
    kind === 'ours' ? captureOurs(dir, Number(first)) : captureRaw(project, Number(first));
  return { ms: performance.now() - start, worst };
}

async function drainInChild(dir: string): Promise<number> {
  const home = openHome(createSystem({ SPEC_KITTY_HOME: `${dir}/home` }, dir));
  const id = home.projectIds()[0];
  if (id === undefined) throw new Error('the store is there');
  const db = home.store(id);
  const [route] = listRoutes(db);
  if (route === undefined) throw new Error('the route is there');
  await drainRoute(home, db, route);
  home.close();
  return process.resourceUsage().maxRSS / 1024;
}

function captureOurs(dir: string, first: number): number {
  const home = openHome(createSystem({ SPEC_KITTY_HOME: `${dir}/home` }, dir));
  const id = home.projectIds()[0];
  if (id === undefined) throw new Error('the store is there');
  const project = { id, slug: null, repoSlug: null, root: dir, checkoutPath: dir, git: null };
  let worst = 0;
  for (let n = first; n < first + EACH; n += 1) {
    const fact = factOf(n);
    const before = performance.now();
    record(home, project, [fact]);
    worst = Math.max(worst, performance.now() - before);
  }
  home.close();
  return worst;
}

function captureRaw(file: string, first: number): number {
  const db = new Database(file, { timeout: 5000 });
  db.pragma('synchronous = FULL');
  const insert = db.prepare('INSERT INTO raw_events (id, payload) VALUES (?, ?)');
  let worst = 0;
  for (let n = first; n < first + EACH; n += 1) {
    const { bytes } = factOf(n).event;
    const before = performance.now();
    insert.run(n, bytes);
    worst = Math.max(worst, performance.now() - before);
  }
  db.close();
  return worst;
}

async function race(kind: 'ours' | 'raw'): Promise<Told> {
  const world = createWorld();
  const file = `${world.dir}/raw.db`;
  const raw = new Database(file);
  raw.pragma('journal_mode = WAL');
  raw.exec('CREATE TABLE raw_events (id INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT');
  raw.close();
  const told = await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) =>
      child(['child', kind, world.dir, String(writer * EACH), file]),
    ),
  );
  world.end();
  return {
    ms: Math.max(...told.map((each) => each.ms)),
    worst: Math.max(...told.map((each) => each.worst)),
  };
}

/** Runs this script again with other words. */
export function child(words: readonly string[]): Promise<Told> {
  return new Promise((resolve, reject) => {
    const script = process.argv[1];
    if (script === undefined) throw new Error('the script has a name');
    const running = spawn(process.execPath, [script, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    running.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    running.on('error', reject);
    running.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text) as Told);
      else reject(new Error(`a writer ended with ${code}`));
    });
  });
}
