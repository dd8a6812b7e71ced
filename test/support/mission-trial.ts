import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import {
  syncFeatureDossier,
  type DossierOutcome,
  type DossierRun,
} from '../../src/bodies/index.ts';
import { createSystem, type Db, type System } from '../../src/base/index.ts';
import { checkoutId, openHome } from '../../src/home/index.ts';
import { asObject, judgePayload, parseJson } from '../../src/wire/index.ts';
import { PROJECT_ID } from './envelopes.ts';
import { manualClock } from './manual-clock.ts';
import { tempDir, testSystem } from './temp-home.ts';

/** A project with missions on the real file system, and its store; no network. */
export interface MissionTrial {
  readonly db: Db;
  readonly root: string;
  readonly run: DossierRun;
  /** Writes a file of the mission `m`. */
  put(below: string, content: string | Uint8Array): string;
  /** Indexes and prepares the mission `m`, or another one. */
  sync(change?: Partial<DossierRun>, mission?: string): DossierOutcome;
  /** Every outcome as `path: status reason`. */
  outcomes(done: DossierOutcome): readonly string[];
  /** Every captured event as `type path-or-hash`, each after the judgement of its payload. */
  events(): readonly string[];
  payloads(type: string): readonly Readonly<Record<string, unknown>>[];
  /** The uploads as `path content`, in order. */
  uploads(): readonly string[];
}

interface EventRow {
  readonly type: string;
  readonly aggregate_id: string;
  readonly payload: Uint8Array;
}

/** @param faults strike where the product passes; none by default. */
export function missionTrial(faults?: System['faults']): MissionTrial {
  const dir = tempDir();
  const root = path.join(dir, 'work');
  fs.mkdirSync(path.join(root, 'kitty-specs', 'm'), { recursive: true });
  const base = testSystem(dir);
  const system = {
    ...base,
    clock: manualClock(),
    faults: faults ?? createSystem({}, dir).faults,
  };
  const home = openHome(system);
  onTestFinished(() => {
    home.close();
  });
  const db = home.store(PROJECT_ID);
  const here = checkoutId(db, root, 1);
  const project = {
    id: PROJECT_ID,
    slug: 'kitty',
    repoSlug: null,
    git: null,
    root,
    checkoutPath: root,
  };
  const run: DossierRun = {
    journal: { db, projectId: PROJECT_ID, checkoutId: here, system },
    project,
    checkoutId: here,
    origin: { projectSlug: 'kitty', gitBranch: 'b', headCommitSha: null, repoSlug: null },
    branch: 'main',
    capacity: 100_000,
    dryRun: false,
  };
  const rows = (): readonly EventRow[] =>
    db.all<EventRow>(
      `SELECT e.type, e.aggregate_id, p.payload FROM events e JOIN event_payloads p USING (seq)
       ORDER BY e.seq`,
    );
  return {
    db,
    root,
    run,
    put: (below, content) => {
      const file = path.join(root, 'kitty-specs', 'm', below);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, content);
      return file;
    },
    sync: (change = {}, mission = 'm') => syncFeatureDossier({ ...run, ...change }, mission),
    outcomes: (done) =>
      done.outcomes.map(({ path: each, status, reason }) => `${each}: ${status} ${reason}`),
    events: () =>
      rows().map((row) => {
        payloadOf(row);
        return `${row.type.replace('MissionDossier', '')} ${row.aggregate_id.replace(/^m:/, '')}`;
      }),
    payloads: (type) =>
      rows()
        .filter((row) => row.type === type)
        .map(payloadOf),
    uploads: () =>
      db
        .all<{ path: string; content: Uint8Array }>(
          `SELECT u.artifact_path AS path, b.content FROM uploads u JOIN blobs b ON b.sha256 = u.sha256
           ORDER BY u.seq`,
        )
        .map(({ path: each, content }) => `${each} ${Buffer.from(content).toString()}`),
  };
}

function payloadOf(row: EventRow): Readonly<Record<string, unknown>> {
  const parsed = parseJson(row.payload);
  const envelope = parsed.ok ? asObject(parsed.value) : null;
  const payload = asObject(envelope?.['payload']);
  expect(payload === null ? ['no payload'] : judgePayload(row.type, payload)).toEqual([]);
  return payload ?? {};
}
