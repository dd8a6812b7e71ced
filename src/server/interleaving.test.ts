import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { indexed, missing } from '../../test/support/dossier-events.ts';
import { eventId, listenTrial, PROJECT, startTrial } from '../../test/support/receiver-trial.ts';
import { openDb, sha256Hex, systemClock } from '../base/index.ts';
import { encodeBatch } from '../wire/index.ts';
import { operatorScope } from './auth.ts';
import { pageOfArtifacts, scopeOf } from './store/artifacts.ts';

const SENDERS = 8;
const PUSHES = 1_000;
const EVENTS = 120;
const BRANCHES = ['main', 'next'];
const PATHS = ['spec.md', 'tasks/WP01.md', 'research/ü 😀.md'];
const TEXTS = ['', 'one', '\ufefftwo\r\n', 'a\0b', '😀'.repeat(900)];

interface Place {
  readonly branch: string;
  readonly path: string;
}

interface Edit extends Place {
  readonly number: number;
  /** Null deletes. */
  readonly text: string | null;
  readonly minute: number;
  readonly lamport: number;
}

interface Push extends Place {
  readonly text: string;
}

const place = { branch: fc.constantFrom(...BRANCHES), path: fc.constantFrom(...PATHS) };
const text = fc.constantFrom(...TEXTS);
const edits = fc.array(
  fc.record({
    ...place,
    text: fc.option(text, { freq: 5 }),
    minute: fc.integer({ min: 10, max: 20 }),
    lamport: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: EVENTS, maxLength: EVENTS },
);
const pushes = fc.array(fc.record({ ...place, text }), {
  minLength: PUSHES,
  maxLength: PUSHES,
});

function bytesOf(edit: Edit): Buffer {
  const { number, path, lamport } = edit;
  const options = {
    path,
    lamport,
    timestamp: `2026-03-14T09:${edit.minute}:00Z`,
    namespace: { target_branch: edit.branch },
  };
  return edit.text === null
    ? missing(number, 'deleted', options)
    : indexed(number, { ...options, text: edit.text });
}

function isLater(one: Edit, other: Edit): boolean {
  if (one.minute !== other.minute) return one.minute > other.minute;
  if (one.lamport !== other.lamport) return one.lamport > other.lamport;
  return eventId(one.number) > eventId(other.number);
}

function keyOf({ branch, path }: Place, content: string): string {
  return JSON.stringify([branch, path, content]);
}

/** Runs what `next` yields, a few at a time, until there is no more. */
async function together(works: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = works.values();
  const sender = async (): Promise<void> => {
    for (const work of queue) await work();
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

async function post(url: string, body: Uint8Array | string): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers,
  });
  await response.arrayBuffer();
  return response.status;
}

const SEED = 11;

it(`answers a thousand pushes between the events that they wait for, seed ${SEED}`, async () => {
  const trial = await startTrial();
  const { url } = await listenTrial(trial);
  const [[edited, pushed, order] = [[], [], []]] = fc.sample(
    fc.tuple(
      edits,
      pushes,
      fc.shuffledSubarray([...Array(PUSHES + EVENTS).keys()], { minLength: PUSHES + EVENTS }),
    ),
    { numRuns: 1, seed: SEED },
  );
  const events = edited.map((edit, index): Edit => ({ ...edit, number: index + 1 }));
  const known = new Set<string>();
  const stored = new Map<string, number>();
  const surprises: string[] = [];
  const sendEvent = async (edit: Edit): Promise<void> => {
    expect(await post(`${url}/api/v1/events/batch/`, encodeBatch([bytesOf(edit)]))).toBe(200);
    if (edit.text !== null) known.add(keyOf(edit, edit.text));
  };
  const sendPush = async (push: Push): Promise<void> => {
    const key = keyOf(push, push.text);
    const wasKnown = known.has(key);
    const status = await post(`${url}/api/dossier/push-content/`, pushBody(push));
    if (status === 201) stored.set(key, (stored.get(key) ?? 0) + 1);
    const isFine = status === 201 || status === 200 || (status === 404 && !wasKnown);
    if (!isFine) surprises.push(`${status} ${key}`);
  };
  await together(
    order.map((at) => async () => {
      const event = events[at - PUSHES];
      const push = pushed[at];
      if (event !== undefined) await sendEvent(event);
      if (push !== undefined) await sendPush(push);
    }),
  );
  expect(surprises).toEqual([]);
  // What was too early is taken now.
  const early = pushed.filter((push) => !stored.has(keyOf(push, push.text)));
  await together(early.map((push) => () => sendPush(push)));
  expect(surprises).toEqual([]);
  const wanted = new Set(
    pushed.map((push) => keyOf(push, push.text)).filter((key) => known.has(key)),
  );
  expect(new Set(stored.keys())).toEqual(wanted);
  expect(new Set(stored.values())).toEqual(new Set([1]));
  for (const branch of BRANCHES) {
    expect(await presentOf(trial, branch)).toEqual(expectedOf(events, branch));
  }
  expectSoundBodies(trial.file);
}, 60_000);

function pushBody(push: Push): string {
  return JSON.stringify({
    project_uuid: PROJECT,
    feature_slug: '042-demo',
    target_branch: push.branch,
    mission_key: 'software-dev',
    manifest_version: '1',
    artifact_path: push.path,
    content_hash: sha256Hex(push.text),
    hash_algorithm: 'sha256',
    content_body: push.text,
  });
}

async function presentOf(trial: Awaited<ReturnType<typeof startTrial>>, branch: string) {
  const scope = scopeOf(operatorScope('local'), {
    projectId: PROJECT,
    namespace: {
      missionSlug: '042-demo',
      targetBranch: branch,
      missionType: 'software-dev',
      manifestVersion: '1',
    },
  });
  const found = await pageOfArtifacts(trial.store.driver, scope, { after: '', limit: 100 });
  return new Map(found.map(({ path, sha256 }) => [path, sha256]));
}

function expectedOf(events: readonly Edit[], branch: string): ReadonlyMap<string, string | null> {
  const last = new Map<string, Edit>();
  for (const edit of events.filter((each) => each.branch === branch)) {
    const before = last.get(edit.path);
    if (before === undefined || isLater(edit, before)) last.set(edit.path, edit);
  }
  return new Map(
    [...last].map(([path, edit]) => [path, edit.text === null ? null : sha256Hex(edit.text)]),
  );
}

/** Each stored version has its text, each text its hash and a version. */
function expectSoundBodies(file: string): void {
  const db = openDb(file, { clock: systemClock() });
  const texts = db.all<{ sha256: string; content: Uint8Array }>(
    'SELECT sha256, content FROM bodies',
  );
  for (const { sha256, content } of texts) expect(sha256Hex(content)).toBe(sha256);
  const versions = db.all<{ sha256: string }>(
    'SELECT DISTINCT sha256 FROM artifact_versions WHERE stored_at IS NOT NULL',
  );
  expect(new Set(texts.map(({ sha256 }) => sha256))).toEqual(
    new Set(versions.map(({ sha256 }) => sha256)),
  );
  db.close();
}
