// How long the built command takes to start, as a ratio to a bare `node -e 0` of the same moment: the runs are
// interleaved, so a busy machine slows both sides of a pair. Usage: node scripts/measure-startup.mjs [pairs]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { TYPICAL_EMIT } from './code-cache.mjs';
import { ROOT } from './fingerprint.mjs';

const BIN = path.join(ROOT, 'dist', 'bin', 'spec-kitty.js');
const DEFAULT_PAIRS = 31;

/** What is measured, with the ratio it must not pass. */
const GOALS = [
  { name: '--version', args: ['--version'], limit: 1.15 },
  { name: 'emit', args: TYPICAL_EMIT, limit: 1.4 },
  { name: 'sync status', args: ['sync', 'status', '--json'], limit: 1.5 },
];

/**
 * Runs every command `pairs` times, each time beside a bare Node.
 * @returns {{name: string, ms: number, bareMs: number, ratio: number, limit: number, ok: boolean}[]} medians
 */
export function measureStartup(pairs = DEFAULT_PAIRS) {
  if (!existsSync(BIN)) throw new Error('nothing is built yet: run `npm run build`');
  const root = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-startup-'));
  try {
    const spawn = spawnerIn(root);
    spawn([BIN, 'init']);
    return measureGoals(spawn, pairs);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function measureGoals(spawn, pairs) {
  for (const { args } of GOALS) spawn([BIN, ...args]);
  const bare = [];
  const times = GOALS.map(() => []);
  for (let pair = 0; pair < pairs; pair += 1) {
    bare.push(spawn(['-e', '0']));
    for (const [index, { args }] of GOALS.entries()) times[index].push(spawn([BIN, ...args]));
  }
  return GOALS.map(({ name, limit }, index) => {
    const ratio = median(times[index].map((ms, pair) => ms / bare[pair]));
    return {
      name,
      ms: median(times[index]),
      bareMs: median(bare),
      ratio,
      limit,
      ok: ratio <= limit,
    };
  });
}

/**
 * Runs Node in a project of its own, with the caller's environment but not his home; gives milliseconds. The
 * environment counts: with NODE_EXTRA_CA_CERTS a bare Node takes twice as long, and the same work a smaller share.
 */
function spawnerIn(root) {
  const project = path.join(root, 'project');
  mkdirSync(path.join(project, '.git'), { recursive: true });
  mkdirSync(path.join(project, 'kitty-specs'));
  const env = { ...process.env, HOME: root, SPEC_KITTY_HOME: path.join(root, 'home') };
  return (args) => {
    const start = process.hrtime.bigint();
    const done = spawnSync(process.execPath, args, { cwd: project, env, encoding: 'utf8' });
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    if (done.status !== 0) {
      throw new Error(`${args.join(' ')} exited ${done.status}: ${done.stderr}${done.stdout}`);
    }
    return ms;
  };
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = measureStartup(Number(process.argv[2] ?? DEFAULT_PAIRS));
  for (const { name, ms, bareMs, ratio, limit, ok } of results) {
    const figures = `${ms.toFixed(1)} ms against ${bareMs.toFixed(1)} ms bare`;
    console.log(
      `${ok ? 'ok  ' : 'SLOW'} ${name}: ${ratio.toFixed(2)} (limit ${limit}), ${figures}`,
    );
  }
  if (results.some((result) => !result.ok)) process.exitCode = 1;
}
