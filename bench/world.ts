import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  createIds,
  createSystem,
  silentLog,
  systemClock,
  systemFiles,
  type Db,
} from '../src/base/index.ts';
import {
  eventsStream,
  grant,
  listRoutes,
  registerTarget,
  type Route,
  type Stream,
} from '../src/delivery/index.ts';
import { checkoutId, openHome, type Home, type Project } from '../src/home/index.ts';
import { capture, openJournal, type Fact, type Journal } from '../src/journal/index.ts';
import { parseEndpoint } from '../src/receivers/index.ts';
import { openStore, serve } from '../src/server/index.ts';
import { encodeEnvelope, parseEnvelope, type EventId, type ProjectId } from '../src/wire/index.ts';

export const PROJECT_ID = '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a' as ProjectId;
const WORDS =
  'review lane moved after the tests passed with two findings left open for a later cycle of work'.split(
    ' ',
  );
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A home of its own with one project, in a temporary directory. */
export interface World {
  readonly dir: string;
  readonly home: Home;
  readonly project: Project;
  readonly journal: Journal;
  readonly db: Db;
  end(): void;
}

/** A fresh world on the disk of the temporary directory. */
export function createWorld(): World {
  const dir = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-bench-')));
  const home = openHome(createSystem({ SPEC_KITTY_HOME: path.join(dir, 'home') }, dir));
  const project: Project = {
    id: PROJECT_ID,
    slug: 'bench',
    repoSlug: null,
    root: dir,
    checkoutPath: dir,
    git: null,
  };
  const journal = openJournal(home, project);
  return {
    dir,
    home,
    project,
    journal,
    db: journal.db,
    end: () => {
      home.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The n-th event of a bench, about 800 bytes, as today's tools write them. */
export function factOf(n: number): Fact {
  const event = parseEnvelope(bytesOf(n));
  if (!event.ok) throw new Error(JSON.stringify(event.error));
  return { event: event.value, origin: 'envelope', source: null };
}

/** Its envelope. */
export function bytesOf(n: number): Uint8Array {
  const payload = {
    mission_slug: '047-namespace-aware-artifact-body-sync',
    wp_id: `WP${String((n % 9) + 1).padStart(2, '0')}`,
    from_lane: 'planned',
    to_lane: 'in_progress',
    actor: 'claude:sonnet:implementer:implementer',
    execution_mode: 'worktree',
    force: false,
    reason: story(n),
    review_ref: null,
    evidence: null,
  };
  return encodeEnvelope({
    eventId: idOf(n),
    eventType: 'WPStatusChanged',
    aggregateId: payload.wp_id,
    aggregateType: 'WorkPackage',
    payload: Buffer.from(JSON.stringify(payload)),
    nodeId: 'a1b2c3d4e5f6',
    lamportClock: n,
    causationId: null,
    timestamp: '2026-06-29T12:00:01.123456+00:00',
    teamSlug: null,
    projectUuid: PROJECT_ID,
    projectSlug: 'bench',
    gitBranch: 'main',
    headCommitSha: '0cf3f906f4f979a000cf04c78688a397d69b6a37',
    repoSlug: 'acme/bench',
  });
}

/** About a hundred characters that compress as prose does, the same for the same `n`. */
function story(n: number): string {
  let state = n + 1;
  const words: string[] = [];
  for (let word = 0; word < 16; word += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words.push(WORDS[state % WORDS.length] ?? '', ((state >>> 8) % 4096).toString(36));
  }
  return words.join(' ');
}

function idOf(n: number): EventId {
  let rest = n;
  let tail = '';
  for (let digit = 0; digit < 16; digit += 1) {
    tail = (CROCKFORD[rest % 32] ?? '0') + tail;
    rest = Math.floor(rest / 32);
  }
  return `01KVYWRG00${tail}` as EventId;
}

/** Captures events `from` … `to - 1`, a thousand a transaction. */
export function fill(world: World, from: number, to: number): void {
  for (let start = from; start < to; start += 1000) {
    const facts: Fact[] = [];
    for (let n = start; n < Math.min(start + 1000, to); n += 1) facts.push(factOf(n));
    capture(world.journal, facts);
  }
}

/** Gives the project a permission for `url` and returns the route. */
export function pointAt(
  world: World,
  url: string,
  streams: readonly Stream[] = [eventsStream],
): Route {
  const { db, home, project } = world;
  const now = home.system.clock.now();
  const endpoint = parseEndpoint(url, { kind: 'external', allowHttp: false, cwd: world.dir });
  const target = registerTarget(db, endpoint, { team: '', user: '', allowHttp: false, now });
  grant(db, {
    targetId: target.id,
    checkoutId: checkoutId(db, project.checkoutPath, now),
    by: 'bench',
    fromNow: false,
    now,
    streams,
  });
  const route = listRoutes(db).find((each) => each.target.id === target.id);
  if (route === undefined) throw new Error('a granted route is listed');
  return route;
}

/** The product's own receiver on a port of the system's choice. */
export async function startReceiver(file: string): Promise<{ url: string; stop(): Promise<void> }> {
  const clock = systemClock();
  const store = await openStore(file, { clock, ids: createIds(clock), files: systemFiles });
  const receiver = await serve(store, { clock, log: silentLog, port: 0 });
  return {
    url: receiver.url,
    stop: async () => {
      await receiver.close();
      await store.close();
    },
  };
}
