// Runs the built product as a newcomer would: the example repository is recorded, delivered to receiver A with the texts
// of its artifacts, then to receiver B, then A is asked again. Every number is the product's own, and a wrong one ends
// the demo with exit 1.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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
};
const receivers = [];

const missions = path.join(EXAMPLE, 'kitty-specs');
/** Every file of the missions, and those of them whose text travels: here the Markdown ones. */
const files = readdirSync(missions, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(missions, path.join(entry.parentPath, entry.name)));
const texts = files.filter((file) => file.endsWith('.md'));

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

  const planned = run('sync', 'bodies', '--dry-run');
  const artifacts = planned.artifacts.changed.flatMap((mission) => mission.artifacts);
  check('artifacts found', artifacts.length, files.length);
  check('texts that would travel', artifacts.filter(isQueued).length, texts.length);
  say(`  ${artifacts.length} artifacts are there, ${texts.length} with a text that travels.`);

  // Each artifact is announced by an event of its own, each mission by one more.
  const all = { events: facts + files.length + readdirSync(missions).length, texts: texts.length };
  say('\nThe first receiver');
  deliver(a, all);
  checkTexts(a, identity.project_uuid);
  say(`  A holds ${all.events} facts and ${all.texts} texts.`);
  checkBooks([all]);

  say('\nA second receiver: the same facts and texts, from the beginning');
  deliver(b, all);
  check('same ids and hashes at A and B', isDeepStrictEqual(contents(a), contents(b)), true);
  checkTexts(b, identity.project_uuid);
  say('  A and B hold the same ids and the same texts with the same hashes.');
  checkBooks([all, all]);

  say('\nBack to the first');
  const { requests } = deliver(a, { events: 0, texts: 0 });
  check('requests to A', requests, 0);
  check('facts at A', contents(a).length, all.events);
  say('  A had everything, so nothing was posted.');
  checkBooks([all, all]);
}

function isQueued({ status }) {
  return status === 'queued';
}

/** Names the receiver as the target of this project, drains, and compares what the product says it did. */
function deliver(receiver, expected) {
  run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url);
  const { selected, delivered, duplicate, all_delivered: all, targets } = run('sync', 'now');
  check(`selected for ${receiver.name}`, selected, expected.events);
  check(`delivered to ${receiver.name}`, delivered, expected.events);
  check(`duplicates at ${receiver.name}`, duplicate, 0);
  check('all delivered', all, true);
  const sum = (count) => targets.reduce((total, target) => total + count(target), 0);
  const uploaded = sum(({ bodies }) => bodies?.uploaded ?? 0);
  check(`texts uploaded to ${receiver.name}`, uploaded, expected.texts);
  const pushes = sum(({ bodies }) => bodies?.requests ?? 0);
  const requests = sum((target) => target.requests);
  say(`  ${delivered} facts delivered in ${requests} request(s), ${duplicate} duplicates.`);
  say(`  ${uploaded} texts uploaded, one a request.`);
  return { requests: requests + pushes };
}

/** What the receiver says of every artifact, beside the files. */
function checkTexts(receiver, uuid) {
  const { namespaces } = ask(place, ['receiver', 'artifacts', uuid, '--db', receiver.db]);
  const held = new Map(
    namespaces.flatMap(({ mission_slug: mission, artifacts }) =>
      artifacts.map((each) => [`${mission}/${each.path}`, each]),
    ),
  );
  check(`artifacts known to ${receiver.name}`, held.size, files.length);
  for (const file of files) {
    const sha256 = createHash('sha256')
      .update(readFileSync(path.join(project, 'kitty-specs', file)))
      .digest('hex');
    check(`the hash of ${file} at ${receiver.name}`, held.get(file)?.content_hash, sha256);
    check(
      `the text of ${file} at ${receiver.name}`,
      held.get(file)?.body === 'stored',
      texts.includes(file),
    );
  }
}

/** Both sides of the books, of facts and of texts, for every target that ever was one. */
function checkBooks(expected) {
  const { conservation } = run('sync', 'status', '--check');
  for (const [stream, word] of [
    ['events', 'facts'],
    ['bodies', 'texts'],
  ]) {
    const rows = conservation.filter((row) => row.stream === stream);
    check('targets', rows.length, expected.length);
    for (const [index, row] of rows.entries()) {
      const all = stream === 'events' ? expected[index].events : expected[index].texts;
      check(`books of ${row.canonical_url} balance`, row.balanced, true);
      check(`${word} delivered to ${row.canonical_url}`, row.delivered, all);
      check(`waiting for ${row.canonical_url}`, row.unopened + row.queued + row.parked, 0);
      say(
        `  ${row.canonical_url}: ${row.captured} ${word} captured, ${row.delivered} delivered, balanced.`,
      );
    }
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
