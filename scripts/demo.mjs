// Runs the built product as a newcomer would: the example repository is recorded, delivered to receiver A, then to
// receiver B, then A is asked again. Every number is the product's own, and a wrong one ends the demo with exit 1.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ROOT } from './fingerprint.mjs';

const BIN = path.join(ROOT, 'dist', 'bin', 'spec-kitty.js');
const EXAMPLE = path.join(ROOT, 'examples', 'tide-table');
const READY_WITHIN_MS = 15_000;
const STOP_WITHIN_MS = 6_000;

const place = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-demo-'));
const project = path.join(place, 'tide-table');
const env = {
  PATH: process.env.PATH ?? '',
  HOME: path.join(place, 'home'),
  TMPDIR: os.tmpdir(),
  // The walk counts the facts of the logs; artifacts would add theirs.
  SPEC_KITTY_SYNC_ARTIFACTS: '0',
};
const receivers = [];

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, leave);
try {
  await play();
  say(
    '\nThat is the whole walk: recorded once, delivered twice, nothing sent again. All numbers were right.',
  );
} catch (error) {
  console.error(`\nThe demo stopped: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await Promise.all(receivers.map(stop));
  rmSync(place, { recursive: true, force: true });
}

function leave() {
  for (const child of receivers) child.kill('SIGKILL');
  rmSync(place, { recursive: true, force: true });
  process.exit(130);
}

async function play() {
  prepareRepository();
  const facts = countFacts();
  say(`\nA copy of examples/tide-table: ${facts} facts in two missions, no identity yet.`);

  const a = await startReceiver('A');
  const b = await startReceiver('B');
  say(`Two receivers of our own are listening: A at ${a.url}, B at ${b.url}.`);

  const identity = run('init');
  say(`  The repository is now project ${identity.project_uuid}.`);

  const imported = run('sync', 'import');
  check('facts recorded from kitty-specs', imported.captured, facts);
  say(`  ${imported.captured} facts are in the local journal. Nothing has been sent.`);

  say('\nThe first receiver');
  deliver(a, facts);
  check('facts at A', contents(a).length, facts);
  say(`  A holds ${facts} facts.`);
  checkBooks([facts]);

  say('\nA second receiver: the same facts, from the beginning');
  deliver(b, facts);
  check('same ids and hashes at A and B', isDeepStrictEqual(contents(a), contents(b)), true);
  say('  A and B hold the same ids with the same hashes.');
  checkBooks([facts, facts]);

  say('\nBack to the first');
  const { requests } = deliver(a, 0);
  check('requests to A', requests, 0);
  check('facts at A', contents(a).length, facts);
  say('  A had everything, so nothing was posted.');
  checkBooks([facts, facts]);
}

/** Names the receiver as the target of this project, drains, and compares what the product says it did. */
function deliver(receiver, expected) {
  run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url);
  const { selected, delivered, duplicate, all_delivered: all, targets } = run('sync', 'now');
  check(`selected for ${receiver.name}`, selected, expected);
  check(`delivered to ${receiver.name}`, delivered, expected);
  check(`duplicates at ${receiver.name}`, duplicate, 0);
  check('all delivered', all, true);
  const requests = targets.reduce((sum, target) => sum + target.requests, 0);
  say(`  ${delivered} delivered in ${requests} request(s), ${duplicate} duplicates.`);
  return { requests };
}

/** Both sides of the books, for every target that ever was one. */
function checkBooks(expected) {
  const status = run('sync', 'status', '--check');
  const conservation = status.conservation.filter((row) => row.stream === 'events');
  check('targets', conservation.length, expected.length);
  for (const [index, row] of conservation.entries()) {
    check(`books of ${row.canonical_url} balance`, row.balanced, true);
    check(`delivered to ${row.canonical_url}`, row.delivered, expected[index]);
    check(`waiting for ${row.canonical_url}`, row.unopened + row.queued + row.parked, 0);
    say(`  ${row.canonical_url}: ${row.captured} captured, ${row.delivered} delivered, balanced.`);
  }
}

/** What a receiver holds, in the order of ids. */
function contents(receiver) {
  const { events } = ask(place, ['receiver', 'ls', '--db', receiver.db, '--limit', '1000']);
  return events
    .map(({ event_id: id, sha256 }) => `${id} ${sha256}`)
    .sort((one, other) => (one < other ? -1 : 1));
}

function prepareRepository() {
  mkdirSync(env.HOME);
  cpSync(EXAMPLE, project, { recursive: true });
  const git = (...args) =>
    spawnSync('git', args, { cwd: project, env, stdio: 'ignore' }).status === 0;
  const author = ['-c', 'user.name=Demo', '-c', 'user.email=demo@example.invalid'];
  const isRepository =
    git('init', '-b', 'main') && git('add', '.') && git(...author, 'commit', '-m', 'Tide table');
  if (!isRepository) say('git is not at hand here; the product does not need it.');
}

/** Lines of the mission logs: what import has to find. */
function countFacts() {
  return readdirSync(project, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => readFileSync(path.join(project, file), 'utf8').trim().split('\n').length)
    .reduce((sum, lines) => sum + lines, 0);
}

async function startReceiver(name) {
  const db = path.join(place, `receiver-${name}.db`);
  const ready = path.join(place, `receiver-${name}.json`);
  const args = ['receiver', 'serve', '--db', db, '--port', '0', '--ready-file', ready];
  const child = spawn(process.execPath, [BIN, ...args], { cwd: place, env, stdio: 'ignore' });
  receivers.push(child);
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!existsSync(ready)) {
    if (child.exitCode !== null) throw new Error(`receiver ${name} ended with ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error(`receiver ${name} is not ready`);
    await sleep(20);
  }
  return { name, db, url: JSON.parse(readFileSync(ready, 'utf8')).url };
}

async function stop(child) {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

/** Shows a command as one would type it in the project, runs it, and gives its JSON. */
function run(...args) {
  say(`$ spec-kitty ${args.join(' ')}`);
  return ask(project, args);
}

function ask(cwd, args) {
  const done = spawnSync(process.execPath, [BIN, ...args, '--json'], {
    cwd,
    env,
    encoding: 'utf8',
  });
  if (done.status !== 0) {
    throw new Error(
      `\`spec-kitty ${args.join(' ')}\` exited ${done.status}\n${done.stdout}${done.stderr}`,
    );
  }
  return JSON.parse(done.stdout);
}

function check(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, but ${expected} was expected`);
}

function say(sentence) {
  console.log(sentence);
}
