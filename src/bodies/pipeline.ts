import path from 'node:path';
import { messageOf, sqliteCode, UserError, type Db } from '../base/index.ts';
import type { Project } from '../home/index.ts';
import { nodeIdOf, type Draft, type Journal } from '../journal/index.ts';
import {
  announceDrift,
  announceMissing,
  announceSnapshot,
  speakerAt,
  type Speaker,
} from './dossier/announcements.ts';
import { indexArtifacts, PASSING, signatureOf, type Artifact } from './dossier/artifacts.ts';
import { manifestOf, nameArtifact, type Manifest } from './dossier/manifests.ts';
import {
  concludeDossier,
  findDossier,
  rememberFile,
  seenFiles,
  type Dossier,
  type SeenFile,
} from './dossier/memory.ts';
import { readBaseline, takeSnapshot } from './dossier/snapshot.ts';
import { walkMission, type Tree } from './dossier/walk.ts';
import { readNamespace } from './mission-meta.ts';
import type { NamespaceRef } from './namespace.ts';
import { skipped, type UploadOutcome } from './outcomes.ts';
import {
  foreseeBodyUploads,
  prepareBodyUploads,
  type Closing,
  type Preparation,
} from './prepare.ts';
import { placesTaken } from './uploads.ts';

/** What every mission of one run is worked with. */
export interface DossierRun {
  readonly journal: Journal;
  readonly project: Project;
  readonly checkoutId: number;
  /** What the envelopes of this run state of the project and its git. */
  readonly origin: Speaker['origin'];
  /** The target branch of a mission whose `meta.json` names none. */
  readonly branch: string;
  /** Uploads that may wait (`[sync].max_queue_size`). */
  readonly capacity: number;
  /** Answers what would happen and keeps nothing. */
  readonly dryRun: boolean;
}

export type DossierProblem =
  | 'missing_directory'
  | 'meta_unreadable'
  | 'unreadable'
  | 'store_failed';

/** What became of one mission. */
export interface DossierOutcome {
  readonly mission: string;
  /** Null when the mission does not say where it belongs. */
  readonly namespace: NamespaceRef | null;
  /** Why the mission, or the rest of it, was left for later; null when nothing was. */
  readonly problem: { readonly code: DossierProblem; readonly detail: string } | null;
  /** It is as the last run left it: nothing was read, nothing captured. */
  readonly isUnchanged: boolean;
  /** Artifacts found. */
  readonly artifacts: number;
  /** More lies there than is looked at. */
  readonly isTruncated: boolean;
  /** Events captured; in a dry run 0. */
  readonly events: number;
  /** Paths that were announced and are gone. */
  readonly deleted: readonly string[];
  /** One for each artifact, in the order of the paths. */
  readonly outcomes: readonly UploadOutcome[];
}

interface Mission {
  readonly run: DossierRun;
  readonly namespace: NamespaceRef;
  readonly manifest: Manifest | null;
  readonly dossier: Dossier | null;
  readonly tree: Tree;
  readonly artifacts: readonly Artifact[];
}

/**
 * Brings one mission's index and uploads up to date: index, capture the dossier events, keep the texts. What cannot be
 * done becomes part of the outcome and stops no other mission. A mission that looks as it did costs its stats and
 * its `meta.json`.
 * @param slug the name of a directory below `kitty-specs`.
 */
export function syncFeatureDossier(run: DossierRun, slug: string): DossierOutcome {
  const directory = path.join(run.project.root, 'kitty-specs', slug);
  const { files } = run.journal.system;
  const { root, id } = run.project;
  const tree = walkMission(files, directory);
  if (tree === null) return unsynced(slug, 'missing_directory', 'there is no such directory');
  if (tree.unseen.includes('')) return unsynced(slug, 'unreadable', 'the directory cannot be read');
  const place = { projectUuid: id, slug, branch: run.branch };
  const namespace = readNamespace(files, { root, directory }, place);
  if (namespace === null) {
    return unsynced(slug, 'meta_unreadable', 'meta.json is there and cannot be understood');
  }
  const manifest = manifestOf(namespace.missionType);
  const dossier = findDossier(run.journal.db, { ...namespace, checkoutId: run.checkoutId });
  const artifacts = indexArtifacts({ files, root, manifest, dossier }, tree);
  return bringUpToDate({ run, namespace, manifest, dossier, tree, artifacts });
}

function unsynced(mission: string, code: DossierProblem, detail: string): DossierOutcome {
  return {
    mission,
    namespace: null,
    problem: { code, detail },
    isUnchanged: false,
    artifacts: 0,
    isTruncated: false,
    events: 0,
    deleted: [],
    outcomes: [],
  };
}

function bringUpToDate(mission: Mission): DossierOutcome {
  const { run, artifacts, dossier, namespace, tree } = mission;
  const changed = artifacts.filter((artifact) => isDue(run, dossier, artifact));
  const gone = goneFrom(mission);
  const base = {
    mission: namespace.missionSlug,
    namespace,
    artifacts: artifacts.length,
    isTruncated: tree.isTruncated,
    deleted: gone.map((file) => file.path),
  };
  const closing = close(mission, gone);
  const isUnchanged = changed.length === 0 && gone.length === 0 && closing === null;
  const done = isUnchanged ? NOTHING : attempt(mission, changed, closing);
  const fresh = new Map(done.outcomes.map((outcome) => [outcome.path, outcome]));
  return {
    ...base,
    problem: done.problem,
    isUnchanged,
    events: done.events,
    outcomes: artifacts.flatMap((each) => {
      const known = each.isUnchanged ? recall(each, dossier?.files.get(each.path)) : [];
      return fresh.get(each.path) ?? known;
    }),
  };
}

/** Whether an artifact has to be prepared: it changed, or found no place and now there is one. */
function isDue(run: DossierRun, dossier: Dossier | null, artifact: Artifact): boolean {
  if (!artifact.isUnchanged) return true;
  if (dossier?.files.get(artifact.path)?.skipped !== 'queue_full') return false;
  return placesTaken(run.journal.db) < run.capacity;
}

/** What was announced and is not there any more. What lies in folders that were not looked into is not gone. */
function goneFrom({ dossier, tree, artifacts }: Mission): readonly SeenFile[] {
  if (dossier === null || tree.isTruncated) return [];
  const here = new Set(artifacts.map((artifact) => artifact.path));
  return [...dossier.files.values()].filter(
    (file) =>
      file.announced !== null &&
      !here.has(file.path) &&
      !tree.unseen.some((folder) => file.path.startsWith(folder)),
  );
}

/** The facts about the mission as a whole that are new; null when there are none. */
function close(mission: Mission, gone: readonly SeenFile[]): Closing | null {
  const { run, namespace, manifest, dossier, artifacts } = mission;
  const { system, db } = run.journal;
  // What changed while it was read is looked at again by the next run, which then knows the whole.
  const isWhole = artifacts.every(({ error }) => error === null || !PASSING.has(error));
  const taken = takeSnapshot(artifacts, manifest !== null);
  const snapshot = isWhole ? JSON.stringify(taken) : (dossier?.snapshot ?? null);
  const nodeId = nodeIdOf(system.host);
  const expected = readBaseline(system.files, run.project.root, { namespace, nodeId });
  const drifted = expected !== null && isWhole && expected !== taken.hash;
  const drift = drifted ? `${expected} ${taken.hash}` : null;
  const saysSnapshot = snapshot !== (dossier?.snapshot ?? null);
  const saysDrift = drift !== (dossier?.drift ?? null);
  if (!saysSnapshot && !saysDrift && gone.length === 0) return null;
  const speaker = speakerOf(mission);
  const missing = (file: SeenFile): Draft =>
    announceMissing(
      speaker,
      { path: file.path, ...nameArtifact(file.path, manifest) },
      { reason: 'deleted', lastHash: file.announced },
    );
  return {
    drafts: () => [
      ...stillAnnounced(db, dossier, gone).map(missing),
      ...(saysSnapshot ? [announceSnapshot(speaker, taken)] : []),
      ...(drifted && saysDrift ? [announceDrift(speaker, expected, taken.hash)] : []),
    ],
    also: (dossierId) => {
      for (const file of gone) {
        const left = { path: file.path, sha256: null, announced: null, skipped: 'deleted' };
        rememberFile(db, dossierId, { ...signatureOf(null), ...left, error: 'deleted' });
      }
      concludeDossier(db, dossierId, { snapshot, drift, now: speaker.now });
    },
  };
}

/** Another process may have said it meanwhile. */
function stillAnnounced(
  db: Db,
  dossier: Dossier | null,
  gone: readonly SeenFile[],
): readonly SeenFile[] {
  if (dossier === null || gone.length === 0) return [];
  const paths = gone.map((file) => file.path);
  const now = seenFiles(db, dossier.id, paths);
  return gone.filter((file) => now.get(file.path)?.announced === file.announced);
}

function speakerOf({ run, namespace }: Mission): Speaker {
  const { ids, clock } = run.journal.system;
  return speakerAt({ namespace, origin: run.origin, ids, now: clock.now() });
}

/** What the last run made of an artifact that looks as it did. */
function recall({ path: below, sha256 }: Artifact, seen: SeenFile | undefined): UploadOutcome {
  const reason = seen?.skipped ?? null;
  const isFull = reason === 'queue_full';
  if (reason !== null && !isFull) return skipped(below, reason);
  const status = isFull ? 'failed' : 'already_exists';
  const said = isFull ? 'queue_full' : 'already_in_queue';
  return { path: below, status, reason: said, retryable: isFull, contentHash: sha256 };
}

type Attempt = Pick<DossierOutcome, 'problem' | 'events' | 'outcomes'>;

const NOTHING: Attempt = { problem: null, events: 0, outcomes: [] };

function attempt(mission: Mission, changed: readonly Artifact[], closing: Closing | null): Attempt {
  const { run } = mission;
  const preparation: Preparation = {
    journal: run.journal,
    checkoutId: run.checkoutId,
    root: run.project.root,
    speaker: speakerOf(mission),
    capacity: run.capacity,
  };
  if (run.dryRun) return { ...NOTHING, outcomes: foreseeBodyUploads(preparation, changed) };
  try {
    return { ...prepareBodyUploads(preparation, changed, closing), problem: null };
  } catch (error) {
    if (!(error instanceof UserError) && sqliteCode(error) === '') throw error;
    return { ...NOTHING, problem: { code: 'store_failed', detail: messageOf(error) } };
  }
}
