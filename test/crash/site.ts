import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  createSystem,
  noFaults,
  openDb,
  systemClock,
  type Db,
  type Faults,
} from '../../src/base/index.ts';
import {
  drain,
  eventsStream,
  grant,
  listRoutes,
  registerTarget,
  type DrainReport,
  type Route,
} from '../../src/delivery/index.ts';
import {
  checkoutId,
  findProject,
  openHome,
  type Home,
  type Project,
} from '../../src/home/index.ts';
import { record, type Fact } from '../../src/journal/index.ts';
import { parseEndpoint } from '../../src/receivers/index.ts';
import { envelope, envelopeBytes, PROJECT_ID, type EnvelopeOptions } from '../support/envelopes.ts';

/** One user's machine as processes share it: a project's working tree and a home. */
export interface Site {
  readonly root: string;
  readonly home: string;
}

/** A site below `dir`, the project named in its identity file, the home not there yet. */
export function createSite(dir: string, home = 'home'): Site {
  const root = path.join(dir, 'repo');
  const identity = path.join(root, '.kittify', 'config.yaml');
  mkdirSync(path.dirname(identity), { recursive: true });
  if (!existsSync(identity))
    writeFileSync(identity, `project:\n  uuid: ${PROJECT_ID}\n  slug: demo\n`);
  return { root, home: path.join(dir, home) };
}

/** A site as words for a worker. */
export function wordsOf({ root, home }: Site): readonly string[] {
  return [root, home];
}

/** The environment in which a command works on a site. */
export function environmentOf(site: Site): Readonly<Record<string, string>> {
  // The crash runs are about the facts they capture themselves.
  const narrow = { SPEC_KITTY_SYNC_ARTIFACTS: '0' };
  return { SPEC_KITTY_HOME: site.home, HOME: path.dirname(site.home), ...narrow };
}

/** The file of the project's store. */
export function storeOf(site: Site): string {
  return path.join(site.home, 'projects', `${PROJECT_ID}.db`);
}

/** Where captures wait that the store could not take. */
export function spillOf(site: Site): string {
  return path.join(site.home, 'projects', `${PROJECT_ID}.spill`);
}

/** A site with its home opened in this process. */
export interface Opened {
  readonly home: Home;
  readonly project: Project;
}

/** Opens a site; who opened it closes `home`. */
export async function openSite(site: Site, faults: Faults = noFaults): Promise<Opened> {
  const system = createSystem(environmentOf(site), site.root, faults);
  return { home: openHome(system), project: await findProject(system) };
}

/** Numbers from here on stand for facts so large that few of them fill a request. */
export const LARGE = 1_000_000;
const LARGE_BYTES = 400_000;

/** The fact of a number: every process makes the same bytes for the same number. */
export function factOf(n: number): Fact {
  return { event: envelope(n, optionsOf(n)), origin: 'envelope', source: null };
}

/** Its bytes. */
export function bytesOf(n: number): Uint8Array {
  return envelopeBytes(n, optionsOf(n));
}

function optionsOf(n: number): EnvelopeOptions {
  if (n < LARGE) return {};
  return {
    payload: JSON.stringify({ wp_id: 'WP01', note: `${n} `.padEnd(LARGE_BYTES, 'many words ') }),
  };
}

/** Captures these numbers one by one, in this process. */
export async function captureInto(site: Site, numbers: readonly number[]): Promise<void> {
  const { home, project } = await openSite(site);
  for (const n of numbers) record(home, project, [factOf(n)]);
  home.close();
}

/** Takes the writer's lock of a store; the answer lets it go. */
export function lockStore(site: Site): () => void {
  const db = openDb(storeOf(site), { clock: systemClock() });
  db.run('BEGIN IMMEDIATE');
  return () => {
    db.run('ROLLBACK');
    db.close();
  };
}

/** Numbers from one on, in order. */
export function upTo(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, n) => from + n);
}

/** Gives the project a permission for `url`. */
export function pointAt({ home, project }: Opened, url: string): Route {
  const db = home.store(project.id);
  const now = home.system.clock.now();
  const endpoint = parseEndpoint(url, { kind: 'external', allowHttp: false, cwd: project.root });
  const target = registerTarget(db, endpoint, { team: '', user: '', allowHttp: false, now });
  return grant(db, {
    targetId: target.id,
    checkoutId: checkoutId(db, project.checkoutPath, now),
    by: 'crash',
    fromNow: false,
    now,
    streams: [eventsStream],
  });
}

/** Drains the first route of a store once, as a command of the operator does. */
export async function drainOnce(home: Home, db: Db): Promise<DrainReport> {
  const [route] = listRoutes(db);
  if (route === undefined) throw new Error('nothing is granted');
  return drain({
    home,
    db,
    route,
    streams: [eventsStream],
    byOperator: true,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
}
