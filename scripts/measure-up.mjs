// How long a first delivery takes with one command, beside the commands it stands for, in turns in one run: an identity, a
// receiver that answers, a permission, a delivery. Usage: node scripts/measure-up.mjs [pairs]
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ROOT } from './fingerprint.mjs';

const BIN = path.join(ROOT, 'dist', 'bin', 'spec-kitty.js');
const DEFAULT_PAIRS = 9;
/** One command loads and opens once what four load and open four times. */
const LIMIT = 1;
const LONGEST_MS = 60_000;
const READY_TRIES = 1_000;

/** Runs both ways `pairs` times, each in a clone and a home of its own; gives medians in milliseconds. */
export async function measureUp(pairs = DEFAULT_PAIRS) {
  if (!existsSync(BIN)) throw new Error('nothing is built yet: run `npm run build`');
  const taken = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    taken.push(await inTurn(pair % 2 === 0));
  }
  const ratio = median(taken.map(({ up, parts }) => up / parts.all));
  const part = (name) => median(taken.map(({ parts }) => parts[name]));
  const up = median(taken.map((each) => each.up));
  const again = median(taken.map((each) => each.again));
  const names = ['init', 'receiver', 'mode', 'now', 'all'];
  const parts = Object.fromEntries(names.map((name) => [name, part(name)]));
  return { up, again, parts, ratio, limit: LIMIT, ok: ratio <= LIMIT && up < LONGEST_MS };
}

async function inTurn(upFirst) {
  const done = {};
  for (const isUp of upFirst ? [true, false] : [false, true]) {
    if (isUp) Object.assign(done, await timeUp());
    else done.parts = await timeParts();
  }
  return done;
}

function timeUp() {
  return inClone((run) => {
    const up = run(['up', '--yes', '--receiver', 'local', '--json']);
    const again = run(['up', '--yes', '--receiver', 'local', '--json']);
    run(['receiver', 'stop']);
    return { up, again };
  });
}

function timeParts() {
  return inClone(async (run, { clone, env }) => {
    const init = run(['init']);
    const start = performance.now();
    const ready = path.join(clone, '..', 'ready.json');
    const serve = ['receiver', 'serve', '--db', path.join(clone, '..', 'receiver.db')];
    const child = spawn(
      process.execPath,
      [BIN, ...serve, '--port', '0', '--ready-file', ready, '--json'],
      { cwd: clone, env, stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => {
      child.on('close', resolve);
    });
    try {
      const { url } = await untilReady(ready);
      const receiver = performance.now() - start;
      const mode = run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url]);
      const now = run(['sync', 'now', '--json']);
      return { init, receiver, mode, now, all: init + receiver + mode + now };
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
}

async function untilReady(file) {
  const { readFile } = await import('node:fs/promises');
  for (let tried = 0; tried < READY_TRIES; tried += 1) {
    if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8'));
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  throw new Error('no receiver came up');
}

/** A clone of the example and a home, both gone afterwards. */
async function inClone(work) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-up-'));
  try {
    const clone = path.join(root, 'clone');
    cpSync(path.join(ROOT, 'examples', 'tide-table'), clone, { recursive: true });
    mkdirSync(path.join(clone, '.git'));
    const env = { ...process.env, HOME: root, SPEC_KITTY_HOME: path.join(root, 'home') };
    const run = (args) => {
      const start = performance.now();
      const done = spawnSync(process.execPath, [BIN, ...args], {
        cwd: clone,
        env,
        encoding: 'utf8',
      });
      if (done.status === 0) return performance.now() - start;
      throw new Error(`${args.join(' ')} exited ${done.status}: ${done.stderr}${done.stdout}`);
    };
    return await work(run, { clone, env });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { up, again, parts, ratio, limit, ok } = await measureUp(
    Number(process.argv[2] ?? DEFAULT_PAIRS),
  );
  const each = ['init', 'receiver', 'mode', 'now'].map(
    (name) => `${name} ${parts[name].toFixed(0)}`,
  );
  const sum = `${parts.all.toFixed(0)} ms (${each.join(' + ')})`;
  const verdict = ok ? 'reached' : 'NOT REACHED';
  process.stdout.write(
    `up in a fresh clone ${up.toFixed(0)} ms beside ${sum}: ${ratio.toFixed(2)} (≤ ${limit}) ${verdict}; again ${again.toFixed(0)} ms\n`,
  );
  process.exitCode = ok ? 0 : 1;
}
