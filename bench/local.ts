import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { run } from '../src/cli/door.ts';
import type { Io } from '../src/cli/io.ts';
import { activate, eventsStream, grant, registerTarget } from '../src/delivery/index.ts';
import { checkoutId, openHome, saveSession } from '../src/home/index.ts';
import { parseEndpoint } from '../src/receivers/index.ts';
import { limitGoal, pairs, timed, type Measured } from './measure.ts';
import { createWorld, fill, pointAt, PROJECT_ID, type World } from './world.ts';

const PAIRS = 21;
const BACKLOG = 100_000;
const MOST_MS = 50;

/**
 * What commands of the machine pay for a server that takes connections and never answers, for a login there whose token
 * expired, and for a backlog.
 */
export async function benchLocal(): Promise<readonly Measured[]> {
  const dead = net.createServer(() => {});
  await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
  const { port } = dead.address() as net.AddressInfo;
  const plain = await worldWith(0, null);
  const laden = await worldWith(BACKLOG, `http://127.0.0.1:${port}`);
  const lines: Measured[] = [];
  for (const argv of COMMANDS) {
    const times = await pairs(
      PAIRS,
      () => timed(() => fine(argv, laden)),
      () => timed(() => fine(argv, plain)),
    );
    const more = Math.max(0, times.ours - times.baseline);
    const beside = { ours: more, baseline: MOST_MS, ratio: more / MOST_MS };
    const what = `${argv.slice(0, 2).join(' ')}, dead server, expired token, ${BACKLOG.toLocaleString('en-US')} waiting, on top (beside 50 ms)`;
    lines.push(limitGoal('L10', what, beside, { unit: 'ms', atMost: 1 }));
  }
  plain.end();
  laden.end();
  dead.close();
  return lines;
}

const COMMANDS: readonly (readonly string[])[] = [
  ['emit', 'BuildHeartbeat', '--payload', '{"build_id":"bench"}'],
  ['sync', 'import'],
  ['sync', 'status'],
  ['sync', 'log', '--limit', '20'],
];

async function fine(argv: readonly string[], world: World): Promise<void> {
  const exit = await run(argv, ioOf(world));
  if (exit !== 0) throw new Error(`${argv.join(' ')} ended with ${exit}`);
}

async function worldWith(events: number, url: string | null): Promise<World> {
  const world = createWorld();
  mkdirSync(path.join(world.dir, '.kittify'), { recursive: true });
  mkdirSync(path.join(world.dir, '.git'), { recursive: true });
  writeFileSync(path.join(world.dir, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  const identity = `project:\n  uuid: ${PROJECT_ID}\n  slug: bench\n  node_id: 0123456789ab\n`;
  writeFileSync(path.join(world.dir, '.kittify', 'config.yaml'), identity);
  fill(world, 0, events);
  if (url !== null) {
    pointAt(world, url);
    await connectTo(world, url);
  }
  return world;
}

const OWNER = { team: 'team-bench', user: 'bench@kitty.example' };
const HOUR_MS = 3_600_000;

/** Makes a Teamspace server the active target, with a login whose access token has to be renewed before anything is sent. */
async function connectTo({ db, dir, home, project }: World, url: string): Promise<void> {
  const now = home.system.clock.now();
  const endpoint = parseEndpoint(url, { kind: 'teamspace', allowHttp: false, cwd: dir });
  const target = registerTarget(db, endpoint, { ...OWNER, allowHttp: false, now });
  const route = grant(db, {
    targetId: target.id,
    checkoutId: checkoutId(db, project.checkoutPath, now),
    by: 'bench',
    fromNow: false,
    now,
    streams: [eventsStream],
  });
  activate(db, { mode: 'TEAMSPACE', routeId: route.id }, now);
  const env = { ...home.system.env, SPEC_KITTY_KEYRING: '0' };
  const own = openHome({ ...home.system, env });
  const login = { kind: 'password', ...OWNER, accessExpiresAt: now - HOUR_MS } as const;
  await saveSession(own, url, login, { token: 'expired', refresh: 'never-asked' });
  own.close();
}

/** A command of a script: nobody sits there, and what it prints is not kept. */
function ioOf(world: World): Io {
  const nowhere = { isTTY: false, write: () => {} };
  return {
    env: {
      HOME: world.dir,
      SPEC_KITTY_HOME: world.home.paths.root,
      SPEC_KITTY_KEYRING: '0',
      SPEC_KITTY_ENABLE_SAAS_SYNC: '1',
      SPEC_KITTY_SYNC_ARTIFACTS: '0',
    },
    cwd: world.dir,
    stdin: { isTTY: false, chunks: nothing() },
    stdout: nowhere,
    stderr: nowhere,
    ask: () => Promise.resolve(null),
    signal: new AbortController().signal,
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
