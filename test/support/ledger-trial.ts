import { expect, onTestFinished } from 'vitest';
import { sha256Hex, type Db, type Env, type System } from '../../src/base/index.ts';
import {
  eventsStream,
  grant,
  readFollow,
  readRouteFacts,
  recount,
  registerTarget,
  routeTo,
  type Generation,
  type Route,
  type Stream,
} from '../../src/delivery/index.ts';
import { bodiesStream, storeUpload } from '../../src/bodies/index.ts';
import { snapshotsStream } from '../../src/trackers/index.ts';
import { checkoutId, openHome, type Home } from '../../src/home/index.ts';
import { capture } from '../../src/journal/index.ts';
import { parseEndpoint } from '../../src/receivers/index.ts';
import { balance, type Books } from '../../src/report/index.ts';
import type { Outcome, Verdict } from '../../src/wire/index.ts';
import { envelope, PROJECT_ID, type EnvelopeOptions } from './envelopes.ts';
import { manualClock, type ManualClock } from './manual-clock.ts';
import { tempDir, testSystem } from './temp-home.ts';

export const STREAMS = [eventsStream, bodiesStream, snapshotsStream];

/** A type that may never leave the machine. */
export const LOCAL_TYPE = 'MissionReopened';

export interface CaptureOptions extends EnvelopeOptions {
  /** The checkout they are captured in; null for rows of old queues, the first one when nothing is said. */
  readonly checkout?: number | null;
}

export interface UploadOptions extends CaptureOptions {
  /** `spec.md` when nothing is said. */
  readonly path?: string;
  /** Position of the event that announces it. */
  readonly event?: number;
}

/** A project's store with its journal and ledger, without command line or network. */
export interface LedgerTrial {
  readonly home: Home;
  readonly db: Db;
  readonly system: System;
  readonly clock: ManualClock;
  /** The checkout that grants cover unless they say another. */
  readonly checkout: number;
  readonly otherCheckout: number;
  /** Captures new events and answers their positions. */
  capture(count: number, options?: CaptureOptions): readonly number[];
  /** Captures one event that a later one with the same path may stand for. */
  captureKeyed(path: string, options?: CaptureOptions): number;
  /** Keeps a body for upload, with its index event unless one is named; answers both positions. */
  upload(text: string, options?: UploadOptions): { readonly seq: number; readonly event: number };
  /** The target of that name; no permission yet. */
  target(name: string): number;
  /** Grants the target of that name. */
  grant(name: string, options?: { readonly checkout?: number; readonly fromNow?: boolean }): Route;
  route(name: string): Route;
  generation(route: Route, stream?: Stream): Generation;
  /** Every delivery of the open pass as `seq state reason`, in order. */
  deliveries(route: Route, stream?: Stream): readonly string[];
  /** The books of a route, after comparing the counters with the rows; fails when they do not balance. */
  books(route: Route, stream?: Stream): Books;
}

/** A trial of its own, gone with the test. `env` is all the environment it sees. */
export function ledgerTrial(env: Env = {}): LedgerTrial {
  const dir = tempDir();
  const clock = manualClock();
  const system = { ...testSystem(dir, { env }), clock };
  const home = openHome(system);
  onTestFinished(() => {
    home.close();
  });
  const db = home.store(PROJECT_ID);
  const checkout = checkoutId(db, '/repo', clock.now());
  const otherCheckout = checkoutId(db, '/copy', clock.now());
  const captured = { n: 0 };
  const captureMany = (count: number, options: CaptureOptions = {}): readonly number[] => {
    const facts = Array.from({ length: count }, () => {
      captured.n += 1;
      return { event: envelope(captured.n, options), origin: 'envelope', source: null } as const;
    });
    const where = options.checkout === undefined ? checkout : options.checkout;
    const journal = { db, projectId: PROJECT_ID, checkoutId: where, system };
    return capture(journal, facts).map((receipt) => receipt.seq ?? 0);
  };
  const target = (name: string): number => {
    const options = { kind: 'external', allowHttp: false, cwd: dir } as const;
    const endpoint = parseEndpoint(`https://${name}.example`, options);
    const now = clock.now();
    return registerTarget(db, endpoint, { team: '', user: '', allowHttp: false, now }).id;
  };
  const trial: LedgerTrial = {
    home,
    db,
    system,
    clock,
    checkout,
    otherCheckout,
    capture: captureMany,
    captureKeyed: (path, options = {}) => captureMany(1, { ...options, ...keyed(path) })[0] ?? 0,
    target,
    grant: (name, options = {}) =>
      grant(db, {
        targetId: target(name),
        checkoutId: options.checkout ?? checkout,
        by: 'test',
        fromNow: options.fromNow ?? false,
        now: clock.now(),
        streams: STREAMS,
      }),
    route: (name) => present(routeTo(db, target(name))),
    upload: (text, options = {}) => {
      const { path = 'spec.md' } = options;
      const event =
        options.event ?? captureMany(1, { ...options, ...announce(path, text) })[0] ?? 0;
      return upload(trial, { text, path, event, checkout: options.checkout ?? checkout });
    },
    generation: (route, stream = eventsStream) => present(readFollow(db, route.id, stream)),
    deliveries: (route, stream = eventsStream) =>
      deliveries(db, trial.generation(route, stream).id, stream),
    books: (route, stream = eventsStream) => books(db, route, stream),
  };
  return trial;
}

/** What a receiver said about one item. */
export function verdict(
  outcome: Outcome,
  category: string | null = null,
  retryAfterMs: number | null = null,
): Verdict {
  return { outcome, httpStatus: 200, category, detail: null, retryAfterMs, receipt: null };
}

function keyed(path: string): Required<Pick<EnvelopeOptions, 'type' | 'payload'>> {
  return {
    type: 'MissionDossierArtifactIndexed',
    payload: JSON.stringify({
      namespace: { mission_slug: '001-demo', target_branch: 'main' },
      artifact_id: { path },
    }),
  };
}

/** Where the bodies of trials belong. */
export const NAMESPACE = {
  projectUuid: PROJECT_ID,
  missionSlug: '001-demo',
  targetBranch: 'main',
  missionType: 'software-dev',
  manifestVersion: '1',
} as const;

/** The event that announces a body, as receivers that keep an index want it. */
function announce(path: string, text: string): ReturnType<typeof keyed> {
  const identity = { mission_type: NAMESPACE.missionType, path, artifact_class: 'input' };
  return {
    type: 'MissionDossierArtifactIndexed',
    payload: JSON.stringify({
      namespace: {
        project_uuid: PROJECT_ID,
        mission_slug: NAMESPACE.missionSlug,
        target_branch: NAMESPACE.targetBranch,
        mission_type: NAMESPACE.missionType,
        manifest_version: NAMESPACE.manifestVersion,
      },
      artifact_id: identity,
      content_ref: { algorithm: 'sha256', hash: sha256Hex(text), size_bytes: text.length },
      indexed_at: '2026-03-14T09:26:53+00:00',
    }),
  };
}

function upload(
  { db, clock }: LedgerTrial,
  given: { text: string; path: string; event: number; checkout: number | null },
): { readonly seq: number; readonly event: number } {
  const content = Buffer.from(given.text);
  const stored = db.tx(() =>
    storeUpload(
      db,
      {
        namespace: NAMESPACE,
        path: given.path,
        content,
        sha256: sha256Hex(content),
        checkoutId: given.checkout,
        indexSeq: given.event,
        eligible: true,
        origin: 'prepare',
      },
      { now: clock.now(), capacity: 1_000_000 },
    ),
  );
  expect(stored).toBe('enqueued');
  return { seq: bodiesStream.count(db).captured, event: given.event };
}

function deliveries(db: Db, genId: number, stream: Stream): readonly string[] {
  const rows = db.all<{ seq: number; state: string; reason: string | null }>(
    `SELECT seq, state, reason FROM ${stream.deliveries}_for_people WHERE gen_id = :genId ORDER BY seq`,
    { genId },
  );
  return rows.map(({ seq, state, reason }) =>
    [seq, state, ...(reason === null ? [] : [reason])].join(' '),
  );
}

function books(db: Db, route: Route, stream: Stream): Books {
  const facts = present(readRouteFacts(db, route.id, stream, { now: 0 }));
  expect(facts.counts).toEqual(recount(db, facts.generation.id, stream.deliveries));
  const kept = balance(stream.count(db), facts);
  expect(kept).toMatchObject({ balanced: true });
  return kept;
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('it is not there');
  return value;
}
