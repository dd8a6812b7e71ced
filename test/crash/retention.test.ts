import { cpSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  FAULT_POINTS,
  openDb,
  sha256Hex,
  systemClock,
  type FaultPoint,
} from '../../src/base/index.ts';
import { record } from '../../src/journal/index.ts';
import { createMachine, type Machine } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import {
  bundlePrograms,
  inParallel,
  IN_A_NAMESPACE,
  namespacesWork,
  runScript,
  scratchDir,
} from './programs.ts';
import {
  createSite,
  environmentOf,
  factOf,
  LARGE,
  openSite,
  storeOf,
  upTo,
  type Site,
} from './site.ts';
import { isFull, say } from './sizes.ts';

// gc and archive die at each of their writes. Whatever was dropped has its permit, whatever was not is whole, an
// archive holds what it speaks of, and the same command run again ends what was begun.
// Sizes: CRASH=full dies at more passes of each point.

const LONG = 600_000;
const AT_ONCE = 3;
const EVENTS = 6;
const scratch = scratchDir(true);
const { cli } = await bundlePrograms(scratch);

interface Case {
  readonly words: readonly string[];
  readonly points: Partial<Readonly<Record<FaultPoint, readonly number[]>>>;
}

const later = (n: number): readonly number[] => (isFull() ? [1, 2, 3, n] : [1, n]);

const CASES: readonly Case[] = [
  {
    words: ['sync', 'gc', '--yes'],
    points: { 'gc.drop': later(3), 'gc.reclaim': later(2) },
  },
  {
    words: ['sync', 'archive', '--yes'],
    points: {
      'archive.write': [1, 2],
      'archive.written': [1],
      'archive.recorded': [1],
      'gc.drop': later(3),
      'gc.reclaim': later(2),
    },
  },
  { words: ['sync', 'archive', 'restore'], points: { 'archive.restore': [1] } },
];

test('every point of theirs belongs to a case', () => {
  const known = new Set(CASES.flatMap(({ points }) => Object.keys(points)));
  const theirs = FAULT_POINTS.filter((point) => /^(?:gc|archive)\./.test(point));
  expect(theirs.filter((point) => !known.has(point))).toEqual([]);
});

test.each(CASES.map((each) => [each.words.join(' '), each] as const))(
  '%s dies at each of its points and is run again',
  { timeout: LONG },
  async (what, { words, points }) => {
    const isRestore = words.includes('restore');
    const from = await prepareHome();
    const specs = Object.entries(points).flatMap(([point, counts]) =>
      counts.map((n) => `${point}:${n}`),
    );
    const wrong: string[] = [];
    await inParallel(specs, AT_ONCE, async (spec) => {
      const site = createSite(scratch, `${what}-${spec}`.replaceAll(/\W/g, '-'));
      cpSync(from.home, site.home, { recursive: true });
      const machine = createMachine(environmentOf(site));
      const files = isRestore ? [await archiveOf(machine, site)] : [];
      const env = { ...environmentOf(site), SPEC_KITTY_FAULT: spec };
      const died = await runScript(cli, [...words, ...files], { env, cwd: site.root });
      if (died.signal !== 'SIGKILL')
        wrong.push(`${spec}: did not die: ${died.stdout}${died.stderr}`);
      wrong.push(...judge(site).map((each) => `${spec}: ${each}`));
      const again = await machine.run([...words, ...files, '--json'], { cwd: site.root });
      if (again.exit !== 0) wrong.push(`${spec}: again: ${again.stdout}`);
      wrong.push(...judge(site).map((each) => `${spec} again: ${each}`));
      const left = payloadsOf(site).filter(({ payload }) => payload !== null).length;
      if (left !== (isRestore ? EVENTS : 0)) wrong.push(`${spec}: ${left} payloads are left`);
      const check = await machine.run(['sync', 'status', '--check'], { cwd: site.root });
      if (check.exit !== 0) wrong.push(`${spec}: ${check.stdout}`);
      if (words[1] === 'archive') wrong.push(...(await restoreAll(machine, site)));
    });
    say(`${what}: killed at ${specs.length} named points (${specs.join(' ')})`);
    expect(wrong).toEqual([]);
  },
);

const canMount = namespacesWork('gc on a full disk');

test.skipIf(!canMount)('gc works on a full disk', { timeout: LONG }, async () => {
  const from = await prepareHome();
  const site = createSite(scratch, 'full-disk');
  const script = `
    mkdir -p "$HOME_DIR" && mount -t tmpfs -o size=9m t "$HOME_DIR" && cp -r "$FROM/." "$HOME_DIR"
    cd "${site.root}"
    "$NODE" "${cli}" sync targets >/dev/null || echo "targets failed"
    dd if=/dev/zero of="$HOME_DIR/filler" bs=1024 2>/dev/null
    df --output=avail -k "$HOME_DIR" | tail -1 | grep -q "^ *0$" || echo "it is not full"
    "$NODE" "${cli}" sync gc --yes --json`;
  const env = {
    ...environmentOf(site),
    NODE: process.execPath,
    HOME_DIR: site.home,
    FROM: from.home,
  };
  const ended = await runScript('-c', [script], {
    before: [...IN_A_NAMESPACE, 'sh'],
    env,
    plain: true,
  });
  say(`gc on a full disk: ${ended.stdout.trim()}`);
  expect(JSON.parse(ended.stdout)).toMatchObject({ purged: EVENTS });
});

/** A home with a few large events, all of them delivered. */
async function prepareHome(): Promise<Site> {
  const site = createSite(scratch, 'delivered');
  if (existsSync(site.home)) return site;
  const { home, project } = await openSite(site);
  record(home, project, upTo(EVENTS, LARGE).map(factOf));
  home.close();
  const receiver = await realReceiver();
  const machine = createMachine(environmentOf(site));
  const at = { cwd: site.root };
  const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
  expect((await machine.run(named, at)).exit).toBe(0);
  expect((await machine.run(['sync', 'now'], at)).exit).toBe(0);
  return site;
}

async function archiveOf(machine: Machine, site: Site): Promise<string> {
  const { json } = await machine.run(['sync', 'archive', '--yes', '--json'], { cwd: site.root });
  return String(json['archive']);
}

interface PayloadRow {
  readonly seq: number;
  readonly sha256: string;
  readonly payload: Buffer | null;
  readonly reason: string | null;
}

function payloadsOf(site: Site): readonly PayloadRow[] {
  const db = openDb(storeOf(site), { clock: systemClock() });
  const rows = db.all<PayloadRow>(
    `SELECT e.seq, e.sha256, p.payload, g.reason FROM events e
     LEFT JOIN event_payloads p ON p.seq = e.seq LEFT JOIN gc_permits g ON g.seq = e.seq`,
  );
  db.close();
  return rows;
}

/** What is wrong with a store: something is half, or away without a word. */
function judge(site: Site): readonly string[] {
  const rows = payloadsOf(site);
  const db = openDb(storeOf(site), { clock: systemClock() });
  const away = db.get<{ events: number }>('SELECT events FROM payloads_away')?.events;
  const check = db.get<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check;
  db.close();
  const absent = rows.filter(({ payload }) => payload === null);
  return [
    ...(rows.length === EVENTS ? [] : [`${rows.length} events`]),
    ...(check === 'ok' ? [] : [String(check)]),
    ...(absent.length === away ? [] : [`${absent.length} are away and ${away} are counted`]),
    ...rows.flatMap(({ seq, sha256, payload, reason }) => {
      if (payload === null) return reason === null ? [`${seq} is away without a permit`] : [];
      return sha256Hex(payload) === sha256 ? [] : [`${seq} has other bytes`];
    }),
  ];
}

/** Every archive that is there gives back what it holds; then everything is there as it was captured. */
async function restoreAll(machine: Machine, site: Site): Promise<readonly string[]> {
  const dir = path.join(site.home, 'archives');
  const wrong: string[] = [];
  for (const name of readdirSync(dir)) {
    // What a process left that died while it wrote.
    if (name.endsWith('.tmp')) continue;
    const words = ['sync', 'archive', 'restore', path.join(dir, name)];
    const back = await machine.run(words, { cwd: site.root });
    if (back.exit !== 0) wrong.push(`${name}: ${back.stderr}`);
  }
  const left = payloadsOf(site).filter(({ payload }) => payload === null).length;
  return left === 0 ? wrong : [...wrong, `${left} did not come back`];
}
