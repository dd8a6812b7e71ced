import http from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createSystem, sha256Hex } from '../src/base/index.ts';
import { bodiesStream, syncFeatureDossier } from '../src/bodies/index.ts';
import { drain, eventsStream, listRoutes, type Route } from '../src/delivery/index.ts';
import { openHome } from '../src/home/index.ts';
import { openJournal } from '../src/journal/index.ts';
import { MISSION, runOf, textOf, writeMission } from './bodies.ts';
import { limitGoal, pairs, rateGoal, timed, type Measured } from './measure.ts';
import { child, type Told } from './processes.ts';
import { createWorld, PROJECT_ID, pointAt, startReceiver, type World } from './world.ts';

const EDITED = 30;
const PAIRS = 15;
const STREAMS = [eventsStream, bodiesStream];

/** Thirty texts from edit to stored beside thirty bare posts of them; then large missions in processes of their own. */
export async function benchTexts(): Promise<readonly Measured[]> {
  return [
    await edited(),
    ...(await large('one mission of 5,000 artifacts', '5000', 5_000)),
    ...(await large('a tree of 20,000 files in folders', 'tree', 20_000)),
  ];
}

/** A mission that is delivered, and edits of all its texts. */
interface Trial {
  readonly url: string;
  /** Writes other texts. */
  edit(): void;
  index(): void;
  drain(streams: typeof STREAMS): Promise<void>;
  /** The texts of the last edit. */
  texts(): readonly string[];
  end(): Promise<void>;
}

async function begin(): Promise<Trial> {
  const world = createWorld();
  writeMission(world, EDITED);
  const receiver = await startReceiver(path.join(world.dir, 'receiver.db'));
  const route = pointAt(world, receiver.url, STREAMS);
  const run = runOf(world);
  const folder = path.join(world.dir, 'kitty-specs', MISSION, 'research');
  let texts: readonly string[] = [];
  let round = 0;
  return {
    url: receiver.url,
    edit: () => {
      round += 1;
      texts = Array.from({ length: EDITED }, (_, n) => textOf(n + round * 1_000));
      for (const [n, text] of texts.entries()) writeFileSync(path.join(folder, `${n}.md`), text);
    },
    index: () => {
      syncFeatureDossier(run, MISSION);
    },
    drain: (streams) => drainAll(world, route, streams),
    texts: () => texts,
    end: async () => {
      world.home.http.close();
      await receiver.stop();
      world.end();
    },
  };
}

async function edited(): Promise<Measured> {
  const [ours, bare] = [await begin(), await begin()];
  const agent = new http.Agent({ keepAlive: true });
  const times = await pairs(
    PAIRS,
    () => {
      ours.edit();
      return timed(async () => {
        ours.index();
        await ours.drain(STREAMS);
      });
    },
    async () => {
      bare.edit();
      bare.index();
      await bare.drain([eventsStream]);
      return timed(() => postEach(bare, agent));
    },
  );
  agent.destroy();
  await ours.end();
  await bare.end();
  return rateGoal('–', `${EDITED} texts of 8 KiB from edit to stored, beside bare posts`, times, {
    items: EDITED,
    atLeast: null,
  });
}

async function drainAll(
  world: Pick<World, 'home' | 'db'>,
  route: Route,
  streams: typeof STREAMS = STREAMS,
): Promise<void> {
  const report = await drain({
    home: world.home,
    db: world.db,
    route,
    streams,
    byOperator: true,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  if (report.blocked !== null) throw new Error(report.blocked.detail);
}

/** One after the other, on one connection: texts whose index events the receiver has. */
async function postEach(trial: Trial, agent: http.Agent): Promise<void> {
  const { url } = trial;
  for (const [n, content] of trial.texts().entries()) {
    const body = {
      project_uuid: PROJECT_ID,
      feature_slug: MISSION,
      target_branch: 'main',
      mission_key: 'software-dev',
      manifest_version: '1',
      artifact_path: `research/${n}.md`,
      content_hash: sha256Hex(content),
      hash_algorithm: 'sha256',
      content_body: content,
    };
    const status = await post(`${url}/api/dossier/push-content/`, agent, JSON.stringify(body));
    if (status !== 201) throw new Error(`a bare post answers ${status}`);
  }
}

function post(url: string, agent: http.Agent, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = http.request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        resolve(answer.statusCode ?? 0);
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Prepares and delivers a large mission in a child process; the receiver is this one. */
async function large(what: string, shape: string, files: number): Promise<readonly Measured[]> {
  const world = createWorld();
  if (shape === 'tree') writeTree(world, files);
  else writeMission(world, files);
  const receiver = await startReceiver(path.join(world.dir, 'receiver.db'));
  pointAt(world, receiver.url, STREAMS);
  world.home.forgetStore(world.project.id);
  const { ms, worst } = await child(['child', 'texts', world.dir]);
  await receiver.stop();
  world.end();
  const times = { ours: ms, baseline: ms, ratio: 1 };
  return [
    // No goal is set for it: what matters is that it does not grow with the texts.
    limitGoal(
      '–',
      `${what}: peak memory until delivered`,
      { ours: worst, baseline: 256, ratio: worst / 256 },
      { unit: 'MB', atMost: 1 },
    ),
    rateGoal('–', `${what}: indexed, kept and delivered`, times, { items: files, atLeast: null }),
  ];
}

/** Small notes, a hundred a folder. */
function writeTree(world: World, files: number): void {
  for (let n = 0; n < files; n += 1) {
    const folder = path.join(
      world.dir,
      'kitty-specs',
      MISSION,
      'research',
      `part-${Math.floor(n / 100)}`,
    );
    if (n % 100 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${n}.md`), `# Note ${n}\n`);
  }
}

/** What the child does: milliseconds until everything is delivered, and the peak of its memory in MB. */
export async function deliverTexts(dir: string): Promise<Told> {
  const home = openHome(createSystem({ SPEC_KITTY_HOME: `${dir}/home` }, dir));
  const project = {
    id: PROJECT_ID,
    slug: 'bench',
    repoSlug: null,
    root: dir,
    checkoutPath: dir,
    git: null,
  };
  const journal = openJournal(home, project);
  const start = performance.now();
  syncFeatureDossier(runOf({ journal, project }), MISSION);
  const [route] = listRoutes(journal.db);
  if (route === undefined) throw new Error('the route is there');
  await drainAll({ home, db: journal.db }, route);
  const ms = performance.now() - start;
  home.close();
  return { ms, worst: process.resourceUsage().maxRSS / 1024 };
}
