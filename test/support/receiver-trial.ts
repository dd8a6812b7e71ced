import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import {
  type Clock,
  createIds,
  createLog,
  type Log,
  type Random,
  systemClock,
  systemFiles,
} from '../../src/base/index.ts';
import {
  type App,
  type AppOptions,
  createApp,
  createToken,
  openStore,
  type Receiver,
  serve,
  type ServeOptions,
  type Store,
  type TokenScope,
} from '../../src/server/index.ts';
import { encodeBatch, type ItemResult } from '../../src/wire/index.ts';

export const PROJECT = '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a';
export const OTHER_PROJECT = '7d1c0b5e-2f4a-4c6d-9e8f-0a1b2c3d4e5f';
export const NOW = Date.UTC(2026, 2, 14, 9, 26, 53);

/** Real waiting, but a wall clock that stands still until it is moved. */
export interface TrialClock extends Clock {
  move(ms: number): void;
}

export function trialClock(): TrialClock {
  let now = NOW;
  return {
    ...systemClock(),
    now: () => now,
    move: (ms) => {
      now += ms;
    },
  };
}

/** Bytes that look random and repeat with the seed. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return (bytes) =>
    Uint8Array.from({ length: bytes }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
}

/** A receiver in a temporary directory, without a socket, and what belongs to it. Cleaned up with the test. */
export interface Trial {
  readonly file: string;
  readonly store: Store;
  readonly app: App;
  readonly clock: TrialClock;
  /** What was logged, one object a line. */
  readonly logged: Readonly<Record<string, unknown>>[];
  readonly log: Log;
  readonly options: AppOptions;
  /** Makes a token and answers the token itself. */
  token(scope?: TokenScope, projects?: 'all' | readonly string[]): Promise<string>;
}

/** `address` names another database than a new file. */
export async function startTrial(
  more: Partial<AppOptions> = {},
  address: string | null = null,
): Promise<Trial> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'receiver-'));
  const file = path.join(directory, 'receiver.db');
  const clock = trialClock();
  const random = seededRandom(7);
  const ids = createIds(clock, random);
  const store = await openStore(address ?? file, { clock, ids, files: systemFiles });
  onTestFinished(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const logged: Readonly<Record<string, unknown>>[] = [];
  const log = createLog(clock, (line) => {
    logged.push(JSON.parse(line) as Readonly<Record<string, unknown>>);
  });
  const options = { clock, log, ...more };
  const app = createApp(store, options);
  return {
    file,
    store,
    app,
    clock,
    logged,
    log,
    options,
    token: async (scope = 'ingest', projects = 'all') => {
      const made = await createToken(store, { name: scope, scope, projects, clock, ids, random });
      return made.secret;
    },
  };
}

/** The trial's store behind a real socket on a port of the system's choice. */
export async function listenTrial(
  trial: Trial,
  more: Partial<ServeOptions> = {},
): Promise<Receiver> {
  const receiver = await serve(trial.store, { ...trial.options, port: 0, ...more });
  onTestFinished(() => receiver.close());
  return receiver;
}

/** An id of 26 Crockford digits, another for each number. */
export function eventId(number: number): string {
  return `01JM${String(number).padStart(22, '0')}`;
}

/** The bytes of a valid event of a known type; members can be replaced, or left out with undefined. */
export function envelope(number: number, members: Readonly<Record<string, unknown>> = {}): Buffer {
  const event = {
    event_id: eventId(number),
    event_type: 'WPAssigned',
    aggregate_id: 'WP01',
    aggregate_type: 'WorkPackage',
    payload: { wp_id: 'WP01', agent_id: 'ann', phase: 'implementation' },
    node_id: '0123456789ab',
    lamport_clock: number,
    causation_id: null,
    timestamp: '2026-03-14T09:26:53+00:00',
    team_slug: null,
    project_uuid: PROJECT,
    project_slug: 'demo',
    git_branch: 'main',
    head_commit_sha: null,
    repo_slug: null,
    ...members,
  };
  return Buffer.from(JSON.stringify(event));
}

export const EVENTS_URL = 'http://localhost/api/v1/events/batch/';
export const LIST_URL = 'http://localhost/api/v1/events/';
export const HEALTH_URL = 'http://localhost/api/v1/sync/health/';

/** A POST of a body as it is, or of a batch of elements, gzipped. */
export function postRequest(
  body: Uint8Array | readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = {},
  url = EVENTS_URL,
): Request {
  const isBatch = !(body instanceof Uint8Array);
  const bytes = isBatch ? gzipSync(encodeBatch(body)) : body;
  return new Request(url, {
    method: 'POST',
    body: new Uint8Array(bytes),
    headers: {
      'content-type': 'application/json',
      ...(isBatch ? { 'content-encoding': 'gzip' } : {}),
      ...headers,
    },
  });
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Readonly<Record<string, unknown>>;
}

export async function replyOf(response: Response | Promise<Response>): Promise<Reply> {
  const given = await response;
  const json = (await given.json()) as Readonly<Record<string, unknown>>;
  return { status: given.status, headers: given.headers, json };
}

/** Posts elements to the app in this process and answers the results. */
export async function send(
  trial: Pick<Trial, 'app'>,
  elements: readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly ItemResult[]> {
  const reply = await replyOf(trial.app.fetch(postRequest(elements, headers)));
  if (reply.status !== 200) throw new Error(`${reply.status} ${JSON.stringify(reply.json)}`);
  return reply.json['results'] as readonly ItemResult[];
}

export function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}
