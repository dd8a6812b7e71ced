import process from 'node:process';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import { flatIndexed, indexed, missing } from '../support/dossier-events.ts';
import { freshDatabase, runsPostgres } from '../support/postgres.ts';
import {
  envelope,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  seededRandom,
  startTrial,
  type Trial,
} from '../support/receiver-trial.ts';

/** A few with the other tests; `PARITY_BATCHES=10000` for the whole proof, `PARITY_SEED` to play one again. */
const BATCHES = Number(process.env['PARITY_BATCHES'] ?? '150');
const SEED = Number(process.env['PARITY_SEED'] ?? String(process.pid * 7_919));
const BETWEEN_EXPORTS = 50;
const IDS = 400;
const PATHS = ['spec.md', 'plan.md', 'Zeta.md', 'ärger.md', 'tasks/WP01.md', 'tasks/WP1.md'];
const TEXTS = ['', 'one', 'two\r\n', '😀'.repeat(40)];
const HOST = 'http://localhost';

type Pick = <T>(items: readonly T[]) => T;

const cluster = await runsPostgres();

it.skipIf(cluster === null)(
  `answers and shows the same on both databases, ${BATCHES} batches of seed ${SEED}`,
  async () => {
    if (cluster === null) return;
    process.stdout.write(`store parity: PARITY_SEED=${SEED} PARITY_BATCHES=${BATCHES}\n`);
    const both = [await startTrial(), await startTrial({}, await freshDatabase(cluster))] as const;
    const pick = picker(SEED);
    for (let number = 0; number < BATCHES; number += 1) {
      const request = pick([true, true, true, false]) ? aBatch(pick) : aPush(pick);
      await expectSame(both, request);
      if (number % BETWEEN_EXPORTS === 0) await expectSameExports(both);
      for (const { clock } of both) clock.move(1_000);
    }
    await expectSameExports(both);
  },
  60_000 + BATCHES * 100,
);

async function expectSame(both: readonly [Trial, Trial], make: () => Request): Promise<string> {
  const [one, other] = await Promise.all(both.map((trial) => answerOf(trial, make())));
  expect(other).toEqual(one);
  return one?.text ?? '';
}

interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
}

async function answerOf({ app }: Trial, request: Request): Promise<Answer> {
  const response = await app.fetch(request);
  const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
  // Each request has an id of its own.
  const headers = [...response.headers.entries()].filter(([name]) => name !== 'x-request-id');
  return { status: response.status, headers, text };
}

/** Every page of events, of namespaces and of what they hold, and the bytes of one event in ten. */
async function expectSameExports(both: readonly [Trial, Trial]): Promise<void> {
  for (const project of [null, PROJECT, OTHER_PROJECT]) {
    const where = project === null ? '' : `&project=${project}`;
    let after: number | null = 0;
    while (after !== null) {
      const url = `${HOST}/api/v1/events/?limit=200&after=${after}${where}`;
      const page = JSON.parse(await expectSame(both, () => new Request(url))) as EventPage;
      for (const { event_id: id } of page.items.filter((_item, index) => index % 10 === 0)) {
        await expectSame(both, () => new Request(`${HOST}/api/v1/events/${id}`));
      }
      after = page.next_cursor;
    }
  }
  for (const project of [PROJECT, OTHER_PROJECT]) await expectSameArtifacts(both, project);
}

interface EventPage {
  readonly items: readonly { readonly event_id: string }[];
  readonly next_cursor: number | null;
}

async function expectSameArtifacts(both: readonly [Trial, Trial], project: string): Promise<void> {
  const url = `${HOST}/api/v1/namespaces/?project=${project}`;
  const listed = JSON.parse(await expectSame(both, () => new Request(url))) as {
    readonly items: readonly Readonly<Record<string, string>>[];
  };
  for (const item of listed.items) {
    const where = new URLSearchParams({
      project,
      mission: item['mission_slug'] ?? '',
      branch: item['target_branch'] ?? '',
      type: item['mission_type'] ?? '',
      manifest: item['manifest_version'] ?? '',
    });
    await expectSame(both, () => new Request(`${HOST}/api/v1/artifacts/?${where.toString()}`));
    for (const path of PATHS) {
      where.set('path', path);
      await expectSame(both, () => new Request(`${HOST}/api/v1/bodies/?${where.toString()}`));
    }
  }
}

function aBatch(pick: Pick): () => Request {
  const size = pick([1, 2, 5, 12, 30]);
  const batch = Array.from({ length: size }, () => anEvent(pick));
  return () => postRequest(batch);
}

function anEvent(pick: Pick): Buffer {
  const number = pick(Array.from({ length: IDS }, (_, index) => index));
  const project = pick([PROJECT, PROJECT, OTHER_PROJECT]);
  const place = {
    project,
    path: pick(PATHS),
    text: pick(TEXTS),
    timestamp: `2026-03-14T0${pick([1, 2, 3])}:00:00Z`,
    lamport: pick([0, 1, 2]),
    namespace: { target_branch: pick(['main', 'next']) },
  };
  const kinds: readonly (() => Buffer)[] = [
    () => envelope(number, { project_uuid: project }),
    () => envelope(number, { project_uuid: project, aggregate_id: pick(['WP01', 'ü "\\', '{}']) }),
    () => envelope(number, { event_type: pick(['Unheard', 'WPStatusChanged']), payload: { a: 1 } }),
    () => envelope(number, { project_uuid: pick([null, 'no uuid']) }),
    () => envelope(number, { aggregate_id: 'a\0b' }),
    () => Buffer.from(pick(['{}', '[]', '"x"', '{"event_id":"01"}'])),
    () => indexed(number, place),
    () => indexed(number, { ...place, content: { size_bytes: pick([1.5, 3, null]) } }),
    () => missing(number, pick(['deleted', 'unreadable']), place),
    () => flatIndexed(number, place),
  ];
  return pick(kinds)();
}

function aPush(pick: Pick): () => Request {
  const text = pick(TEXTS);
  const body = Buffer.from(
    JSON.stringify({
      project_uuid: pick([PROJECT, OTHER_PROJECT]),
      feature_slug: pick(['042-demo', '042-demo', '043-none']),
      target_branch: pick(['main', 'next']),
      mission_key: 'software-dev',
      manifest_version: '1',
      artifact_path: pick(PATHS),
      content_hash: pick([sha256Hex(text), sha256Hex(text), sha256Hex('other')]),
      hash_algorithm: 'sha256',
      content_body: text,
    }),
  );
  return () => postRequest(body, {}, `${HOST}/api/dossier/push-content/`);
}

function picker(seed: number): Pick {
  const random = seededRandom(seed);
  return (items) => {
    const value = random(4).reduce((sum, byte) => sum * 256 + byte, 0);
    const item = items[value % items.length];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
}
