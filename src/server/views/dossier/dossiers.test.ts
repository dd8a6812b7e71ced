import { expect, it } from 'vitest';
import { dice, shuffled } from '../../../../test/support/dice.ts';
import { indexed, NAMESPACE } from '../../../../test/support/dossier-events.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import {
  envelope,
  eventId,
  OTHER_PROJECT,
  PROJECT,
  send,
  startTrial,
  type Trial,
} from '../../../../test/support/receiver-trial.ts';
import {
  type Watched,
  watchStatements,
  wholeScans,
} from '../../../../test/support/statement-watch.ts';
import { tempDir } from '../../../../test/support/temp-home.ts';
import {
  createIds,
  type Db,
  migrate,
  openDb,
  sha256Hex,
  systemClock,
  systemFiles,
} from '../../../base/index.ts';
import { operatorScope } from '../../auth.ts';
import { missionAlone } from '../../dossier.ts';
import { erase } from '../../operations/erasing.ts';
import { RECEIVER_MIGRATIONS } from '../../store/migrations.ts';
import { sqliteDriver } from '../../store/sqlite.ts';
import { openStore } from '../../store/store.ts';
import { catchUp, rebuildViews } from '../catch-up.ts';
import { artifactsOfPackage, changesOfPackage, findingsOfPackage, packageRow } from '../package.ts';
import { findingsOf } from '../read.ts';
import { foldDossiers } from './fold.ts';
import {
  absentTexts,
  dossiersOf,
  presentCount,
  reportsOf,
  requiredOf,
  troublesOfTeam,
} from './read.ts';
import { applyDossiers } from './tables.ts';

const LOCAL = operatorScope('local');
const EVENTS = 700;
const PATHS = ['spec.md', 'plan.md', 'tasks.md', 'notes/é.md'];
const HASHES = ['a', 'b', 'c'].map((text) => sha256Hex(text));
const BASE = HASHES[0] ?? '';

/** What an event is to say, before it is written in the words of the wire. */
interface Saying {
  readonly number: number;
  readonly project: string;
  readonly mission: string;
  readonly branch: string;
  readonly second: number;
  readonly lamport: number;
  readonly kind: 'there' | 'missing' | 'snapshot' | 'drift' | 'odd';
  readonly path: string;
  readonly isRequired: boolean;
  readonly hash: string;
  readonly required: number;
  readonly driftKind: string;
}

function sayings(roll: (sides: number) => number): readonly Saying[] {
  const of = <T>(items: readonly T[]): T => items[roll(items.length)] as T;
  return Array.from({ length: EVENTS }, (_, number) => ({
    number,
    project: roll(4) === 0 ? OTHER_PROJECT : PROJECT,
    mission: `00${roll(3)}-demo`,
    branch: roll(5) === 0 ? 'next' : 'main',
    second: roll(12),
    lamport: roll(4),
    kind: of(['there', 'there', 'missing', 'snapshot', 'drift', 'odd']),
    path: of(PATHS),
    isRequired: roll(3) > 0,
    hash: of(HASHES),
    required: roll(6),
    driftKind: of(['artifact_mutated', 'anomaly_introduced', 'anomaly_resolved', 'brand_new']),
  }));
}

function written(saying: Saying): Buffer {
  const { project, mission, branch, path, hash, isRequired, second } = saying;
  const identity = { mission_type: 'software-dev', path, artifact_class: 'input' };
  const notes = { artifact_key: path, required_status: isRequired ? 'required' : 'optional' };
  const said = {
    there: [
      'ArtifactIndexed',
      {
        artifact_id: identity,
        content_ref: { algorithm: 'sha256', hash },
        context_diagnostics: notes,
      },
    ],
    missing: ['ArtifactMissing', { expected_identity: identity, context_diagnostics: notes }],
    snapshot: [
      'SnapshotComputed',
      {
        snapshot_hash: hash,
        artifact_count: 9,
        anomaly_count: 0,
        context_diagnostics: { required: saying.required, required_present: saying.required },
      },
    ],
    drift: [
      'ParityDriftDetected',
      { expected_hash: BASE, actual_hash: sha256Hex('mine'), drift_kind: saying.driftKind },
    ],
    odd: ['ArtifactIndexed', { artifact_id: 7 }],
  } as const;
  const [type, payload] = said[saying.kind];
  const namespace = {
    ...NAMESPACE,
    project_uuid: project,
    mission_slug: mission,
    target_branch: branch,
  };
  return envelope(saying.number, {
    event_type: `MissionDossier${type}`,
    aggregate_type: 'MissionDossier',
    payload: { namespace, ...payload },
    project_uuid: project,
    lamport_clock: saying.lamport,
    timestamp: `2026-03-14T09:26:${String(second).padStart(2, '0')}+00:00`,
  });
}

/** The rows of all dossiers by walking through everything that was said, one thing after the other. */
function naively(said: readonly Saying[]): readonly string[] {
  const inOrder = said.toSorted(
    (a, b) => a.second - b.second || a.lamport - b.lamport || a.number - b.number,
  );
  const places = new Set(said.map(placeOf));
  return [...places].map((place) => {
    const here = inOrder.filter((each) => placeOf(each) === place);
    return JSON.stringify([place, ...countNaively(here), ...walkNaively(here)]);
  });
}

function countNaively(here: readonly Saying[]): readonly (string | number | null)[] {
  const paths = new Map<string, boolean | null>();
  for (const { kind, path, isRequired } of here) {
    if (kind === 'there' || kind === 'missing')
      paths.set(path, isRequired ? kind === 'there' : null);
  }
  const states = [...paths.values()].filter((state) => state !== null);
  const counted = here.findLast(({ kind }) => kind === 'snapshot')?.required ?? null;
  const isCounted = states.length === 0 || (counted ?? 0) > states.length;
  const [all, present] = isCounted
    ? [counted, counted]
    : [states.length, states.filter(Boolean).length];
  const isWhole = all === present ? 'complete' : 'incomplete';
  return [all === null ? 'unknown' : isWhole, all, present];
}

function walkNaively(here: readonly Saying[]): readonly (string | number | null)[] {
  let isOpen = false;
  let at: number | null = null;
  for (const { kind, second, driftKind, hash } of here) {
    if (kind !== 'snapshot' && kind !== 'drift') continue;
    const goes = kind === 'snapshot' ? hash === BASE : driftKind === 'anomaly_resolved';
    if (isOpen ? !goes : goes || kind === 'snapshot') continue;
    isOpen = !isOpen;
    at = second;
  }
  const past = at === null ? 'none' : 'gone';
  return [isOpen ? 'open' : past, at];
}

function placeOf({ project, mission, branch }: Saying): string {
  return `${project} ${mission} ${branch}`;
}

async function dossiersIn(trial: Pick<Trial, 'store'>): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const project of [PROJECT, OTHER_PROJECT]) {
    const found = await dossiersOf(trial.store.driver.of(LOCAL), [LOCAL, project]);
    for (const dossier of [...found.values()].flat()) {
      const { missionSlug, targetBranch, completeness, required, present, drift } = dossier;
      const at = dossier.driftAt === null ? null : (dossier.driftAt / 1000) % 60;
      const place = `${project} ${missionSlug} ${targetBranch}`;
      rows.push(JSON.stringify([place, completeness, required, present, drift, at]));
    }
  }
  return rows.toSorted();
}

async function artifactsIn({ store }: Trial): Promise<string> {
  const text = `SELECT project_id, mission_slug, namespace_id, path, need, is_present, sha256, event_id
    FROM dossier_artifacts ORDER BY 1, 2, 3, 4`;
  return JSON.stringify(await store.driver.of(LOCAL).all(text));
}

const PLACES = await everyDatabase();

it.each(PLACES)(
  'folds dossiers as one who walks through all events, in whatever order they arrive, on %s',
  async (_name, address) => {
    const said = sayings(dice(11));
    const wanted = naively(said).toSorted();
    expect(wanted).toHaveLength(12);
    for (const word of ['complete', 'incomplete', 'open', 'gone'])
      expect(wanted.join(' ')).toContain(`"${word}"`);
    let artifacts = '';
    for (const seed of [12, 13]) {
      const roll = dice(seed);
      const trial = await startTrial({}, await address());
      let rest = shuffled(said, roll);
      while (rest.length > 0) {
        const count = 1 + roll(250);
        await send(trial, rest.slice(0, count).map(written));
        rest = rest.slice(count);
        await catchUp(trial.store, LOCAL);
      }
      expect([seed, await dossiersIn(trial)]).toEqual([seed, wanted]);
      artifacts ||= await artifactsIn(trial);
      expect([seed, await artifactsIn(trial)]).toEqual([seed, artifacts]);
      await rebuildViews(trial.store);
      expect([seed, await dossiersIn(trial)]).toEqual([seed, wanted]);
      expect(await artifactsIn(trial)).toBe(artifacts);
    }
    expect(artifacts).toContain('notes/é.md');
  },
  60_000,
);

it.each(PLACES)('forgets what erased events said, on %s', async (_name, address) => {
  const said = sayings(dice(21)).slice(0, 60);
  const trial = await startTrial({}, await address());
  await send(trial, said.map(written));
  await catchUp(trial.store, LOCAL);
  const [gone, kept] = [said.slice(0, 5), said.slice(5)];
  for (const { number } of gone)
    await erase(trial.store, { team: LOCAL, eventId: eventId(number) }, trial.clock);
  await catchUp(trial.store, LOCAL);
  expect(await dossiersIn(trial)).toEqual(naively(kept).toSorted());
  await erase(trial.store, { team: LOCAL, project: PROJECT }, trial.clock);
  await catchUp(trial.store, LOCAL);
  const others = kept.filter(({ project }) => project === OTHER_PROJECT);
  expect(await dossiersIn(trial)).toEqual(naively(others).toSorted());
});

it('finds odd dossier events odd, and keeps them', async () => {
  const trial = await startTrial();
  const [odd] = sayings(dice(1));
  if (odd === undefined) throw new Error('there are sayings');
  const event = { ...odd, project: PROJECT, mission: '042-demo', kind: 'odd' } as const;
  await send(trial, [written(event)]);
  await catchUp(trial.store, LOCAL);
  const findings = await findingsOf(trial.store.driver, [LOCAL, PROJECT], '042-demo');
  expect(findings.map(({ code, detail }) => `${code} ${detail}`).toSorted()).toEqual([
    'odd_dossier MissionDossierArtifactIndexed names no path inside the mission',
    'unvalidated MissionDossierArtifactIndexed',
  ]);
  const dossiers = await dossiersOf(trial.store.driver, [LOCAL, PROJECT]);
  expect(dossiers.get('042-demo')).toMatchObject([{ completeness: 'unknown', drift: 'none' }]);
});

it.each(PLACES)('takes an event whose path no index can hold, on %s', async (_name, address) => {
  const trial = await startTrial({}, await address());
  const roll = dice(41);
  // Nothing that could be made shorter.
  const long = Array.from({ length: 1_500 }, () => String.fromCodePoint(0x4e00 + roll(20_000)));
  const results = await send(trial, [indexed(1, { path: long.join('') }), indexed(2)]);
  expect(results.map(({ status }) => status)).toEqual(['success', 'success']);
  const { driver } = trial.store;
  await catchUp(trial.store, LOCAL);
  const findings = await findingsOf(driver.of(LOCAL), [LOCAL, PROJECT], '042-demo');
  expect(findings.map(({ detail }) => detail)).toEqual([
    'MissionDossierArtifactIndexed names a path longer than 1024 bytes',
  ]);
  const paths = await driver.of(LOCAL).all('SELECT path FROM artifacts');
  expect(paths).toEqual([{ path: 'spec.md' }]);
});

it('folds the events of a store anew that was folded before there were dossiers', async () => {
  const file = `${tempDir()}/receiver.db`;
  const clock = systemClock();
  const db = openDb(file, { clock });
  migrate(db, RECEIVER_MIGRATIONS.slice(0, 6), 0);
  const said = sayings(dice(31)).slice(0, 40);
  for (const saying of said) {
    const payload = written(saying);
    const { event_type: type } = JSON.parse(payload.toString()) as { readonly event_type: string };
    db.run(
      `INSERT INTO events (team_id, project_id, event_id, type, aggregate_type, aggregate_id, sha256, occurred_at,
         received_at, payload)
       VALUES ('local', :project, :id, :type, 'MissionDossier', 'x', :sha256, :at, 0, :payload)`,
      {
        project: saying.project,
        id: eventId(saying.number),
        type,
        sha256: sha256Hex(payload),
        at: Date.UTC(2026, 2, 14, 9, 26, saying.second),
        payload,
      },
    );
  }
  for (const project of [PROJECT, OTHER_PROJECT]) {
    const of = { project };
    db.run("INSERT INTO projects VALUES ('local', :project, 'local', 0)", of);
    db.run("INSERT INTO view_cursors VALUES ('local', :project, 40)", of);
  }
  db.close();
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  expect(await catchUp(store, LOCAL)).toBe(true);
  expect(await dossiersIn({ store })).toEqual(naively(said).toSorted());
  await store.close();
});

it('reads and writes large dossiers through keys, without sorting', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  const driver = sqliteDriver(db);
  const scope = [LOCAL, PROJECT] as const;
  const facts = Array.from({ length: ROWS }, (_, number) => factFor(number));
  await driver.tx((sql) => applyDossiers(sql, scope, foldDossiers(facts)));
  const watched = watchStatements(db);
  await driver.tx((sql) => applyDossiers(sql, scope, foldDossiers(facts.slice(0, 3))));
  const [dossier] = (await dossiersOf(driver, scope, '042-demo')).get('042-demo') ?? [];
  const key = [LOCAL, PROJECT, '042-demo', dossier?.namespaceId ?? ''] as const;
  expect(await requiredOf(driver, key)).toHaveLength(ROWS / 6);
  expect(await presentCount(driver, key)).toBe(ROWS / 2);
  await dossiersOf(driver, scope);
  await troublesOfTeam(driver, LOCAL);
  await reportsOf(driver, key);
  await absentTexts(driver, key);
  expect(await artifactsOfPackage(driver, [LOCAL, PROJECT, '042-demo', 'WP01'])).toEqual([]);
  const work = [LOCAL, PROJECT, '042-demo', 'WP01'] as const;
  await packageRow(driver, work);
  await changesOfPackage(driver, work);
  await findingsOfPackage(driver, work);
  const statements = watched();
  expect(statements.length).toBeGreaterThan(12);
  expect(statements.flatMap((each) => wholeScans(db, each))).toEqual([]);
  expect(statements.flatMap((each) => sorts(db, each))).toEqual([SORTED_DOSSIERS]);
  await driver.close();
});

const ROWS = 24_000;
/** The few namespaces of one mission, to find the one spoken of last. */
const SORTED_DOSSIERS = 'USE TEMP B-TREE FOR ORDER BY';

function factFor(number: number): Parameters<typeof foldDossiers>[0][number] {
  const names = { ...missionAlone('042-demo'), targetBranch: number % 2 === 0 ? 'main' : '' };
  const artifact = {
    kind: 'artifact',
    path: `research/${number}.md`,
    artifactClass: 'evidence',
    artifactKey: '',
    need: number % 6 === 0 || number % 6 === 3 ? 'required' : 'optional',
    isPresent: true,
    sha256: BASE,
    reason: '',
  } as const;
  const dossier = { names, what: artifact };
  const moment = { occurredAt: number, lamport: 0, eventId: String(number) };
  return { missionSlug: '042-demo', dossier, ...moment };
}

function sorts(db: Db, { sql, params = {} }: Watched): readonly string[] {
  if (!/^\s*SELECT\b/.test(sql)) return [];
  const steps = db.all<{ readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params);
  return steps.map(({ detail }) => detail).filter((detail) => detail.includes('TEMP B-TREE'));
}
