import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { syncFeatureDossier, type DossierRun } from '../src/bodies/index.ts';
import { growth, limitGoal, pairs, rateGoal, timed, type Measured } from './measure.ts';
import { createWorld, type World } from './world.ts';

const BODY_BYTES = 8_192;
export const MISSION = '001-bench';
const PAIRS = 9;
const AT = '2026-06-06T11:17:12.128Z';

/** Preparing missions of 30, 100 and 1,000 artifacts beside the raw loop; then finding the largest one unchanged. */
export async function benchBodies(): Promise<readonly Measured[]> {
  const small = await prepare(30);
  const middle = await prepare(100);
  const large = await prepare(1_000);
  return [
    rateGoal('G12', 'prepare 30 artifacts', small, { items: 30, atLeast: 0.5 }),
    rateGoal('G13', 'prepare 1,000 artifacts', large, { items: 1_000, atLeast: 0.6 }),
    growth(
      'G13',
      'prepare, time an artifact',
      [
        [100, middle.ours / 100],
        [1_000, large.ours / 1_000],
      ],
      1.1,
    ),
    await unchanged(1_000),
  ];
}

async function prepare(count: number): ReturnType<typeof pairs> {
  return pairs(
    // The small ones are over in milliseconds: more of them, until the programs are warm.
    count < 1_000 ? 10 * PAIRS : PAIRS,
    async () => {
      const world = createWorld();
      writeMission(world, count);
      const run = runOf(world);
      const ms = await timed(() => syncFeatureDossier(run, MISSION));
      world.end();
      return ms;
    },
    async () => {
      const world = createWorld();
      writeMission(world, count);
      const db = new Database(world.db.path);
      db.pragma('synchronous = FULL');
      const ms = await timed(() => {
        rawPrepare(world, db);
      });
      db.close();
      world.end();
      return ms;
    },
  );
}

/** The same mission again: beside it the stats of its files. */
async function unchanged(count: number): Promise<Measured> {
  const world = createWorld();
  writeMission(world, count);
  const run = runOf(world);
  // Files that were just written are looked at once more.
  await new Promise((resolve) => setTimeout(resolve, 100));
  syncFeatureDossier(run, MISSION);
  syncFeatureDossier(run, MISSION);
  const done = await pairs(
    20,
    () => timed(() => syncFeatureDossier(run, MISSION)),
    () =>
      timed(() => {
        const folder = path.join(missionOf(world), 'research');
        for (const name of readdirSync(folder)) lstatSync(path.join(folder, name));
      }),
  );
  world.end();
  return limitGoal('G14', 'an unchanged mission of 1,000 files (beside its stats)', done, {
    unit: 'ms',
    atMost: 3,
  });
}

function missionOf(world: World): string {
  return path.join(world.dir, 'kitty-specs', MISSION);
}

/** Writes a mission of so many texts of 8 KiB. */
export function writeMission(world: World, count: number): void {
  const folder = path.join(missionOf(world), 'research');
  mkdirSync(folder, { recursive: true });
  for (let n = 0; n < count; n += 1) {
    writeFileSync(path.join(folder, `${n}.md`), textOf(n));
  }
}

/** The n-th text. */
export function textOf(n: number): string {
  return `${n} `.padEnd(BODY_BYTES, 'text ');
}

/** How a world's missions are worked. */
export function runOf(world: Pick<World, 'journal' | 'project'>): DossierRun {
  return {
    journal: world.journal,
    project: world.project,
    checkoutId: world.journal.checkoutId ?? 0,
    origin: { projectSlug: null, gitBranch: null, headCommitSha: null, repoSlug: null },
    branch: 'main',
    capacity: 100_000,
    dryRun: false,
  };
}

/** Read, hash, read and hash again, insert the event, the text and the upload in one transaction: nothing else. */
function rawPrepare(world: World, db: InstanceType<typeof Database>): void {
  const folder = path.join(missionOf(world), 'research');
  const event = db.prepare(
    `INSERT INTO events (event_id, project_id, checkout_id, origin, type, family, eligible, aggregate_type,
       aggregate_id, mission, coalesce_key, sha256, bytes, occurred_at, captured_at)
     VALUES (?, ?, 1, 1, 'MissionDossierArtifactIndexed', 3, 1, 'MissionDossier', ?, ?, ?, ?, ?, 0, 0)`,
  );
  const payload = db.prepare('INSERT INTO event_payloads (seq, payload) VALUES (?, ?)');
  const blob = db.prepare('INSERT INTO blobs (sha256, bytes, content) VALUES (?, ?, ?)');
  const upload = db.prepare(
    `INSERT INTO uploads (project_id, checkout_id, index_seq, eligible, origin, mission_slug, target_branch,
       mission_type, manifest_version, artifact_path, sha256, bytes, created_at)
     VALUES (?, 1, ?, 1, 'prepare', ?, 'main', 'software-dev', '1', ?, ?, ?, 0)`,
  );
  db.transaction(() => {
    for (const [index, name] of readdirSync(folder).entries()) {
      const file = path.join(folder, name);
      const fd = openSync(file, 'r');
      const { size } = fstatSync(fd);
      const sha256 = createHash('sha256').update(readFileSync(fd)).digest('hex');
      closeSync(fd);
      const content = readFileSync(file);
      if (hash('sha256', content, 'hex') !== sha256) throw new Error('a file changed');
      const id = String(index).padStart(26, '0');
      const bytes = envelopeOf(world, id, name, { sha256, size });
      const sum = hash('sha256', bytes, 'hex');
      const key = `${MISSION} ${name}`;
      const { lastInsertRowid } = event.run(
        id,
        world.project.id,
        `${MISSION}:${name}`,
        MISSION,
        key,
        sum,
        bytes.length,
      );
      payload.run(lastInsertRowid, bytes);
      blob.run(sha256, content.length, content);
      upload.run(world.project.id, lastInsertRowid, MISSION, name, sha256, content.length);
    }
  })();
}

function envelopeOf(
  world: World,
  id: string,
  name: string,
  content: { readonly sha256: string; readonly size: number },
): Buffer {
  const namespace = {
    project_uuid: world.project.id,
    mission_slug: MISSION,
    target_branch: 'main',
    mission_type: 'software-dev',
    manifest_version: '1',
  };
  const envelope = {
    event_id: id,
    event_type: 'MissionDossierArtifactIndexed',
    aggregate_id: `${MISSION}:${name}`,
    aggregate_type: 'MissionDossier',
    payload: {
      namespace,
      artifact_id: { mission_type: 'software-dev', path: name, artifact_class: 'output' },
      content_ref: { algorithm: 'sha256', hash: content.sha256, size_bytes: content.size },
      indexed_at: AT,
      context_diagnostics: { artifact_key: name, required_status: 'optional' },
    },
    node_id: '000000000000',
    lamport_clock: 1,
    causation_id: null,
    timestamp: AT,
    team_slug: null,
    project_uuid: world.project.id,
    project_slug: null,
    git_branch: null,
    head_commit_sha: null,
    repo_slug: null,
  };
  return Buffer.from(JSON.stringify(envelope));
}
