// Makes node_modules match package-lock.json, with nothing but Node and its npm: the first step of every command.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];

/** Installs what is missing; ends the process with a sentence when that cannot be done. */
function ensureInstalled() {
  requireNode();
  if (differences().length > 0) install();
  const left = differences();
  if (left.length > 0) stop(`node_modules still differs from package-lock.json: ${left[0]}`);
  if (!hasDriver()) {
    stop(
      'no SQLite driver was installed. Where npm finds no ready-made one it compiles it, which needs ' +
        'Python, make and a C++ compiler (Debian: apt-get install python3 make g++).',
    );
  }
}

/** How the installed packages differ from the lock; packages for other platforms may be absent. */
function differences() {
  const wanted = readPackages(path.join(ROOT, 'package-lock.json'));
  const found = readPackages(path.join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === null) stop('package-lock.json is missing');
  if (found === null) return ['nothing is installed'];
  return Object.entries(wanted)
    .filter(([place]) => place !== '')
    .filter(([place, entry]) => {
      const mayBeAbsent = entry.optional === true || entry.devOptional === true;
      return found[place] === undefined ? !mayBeAbsent : found[place].version !== entry.version;
    })
    .map(([place, { version }]) => `${place} should be ${version}`);
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : null;
}

function hasDriver() {
  return ['better-sqlite3', 'better-sqlite3-node22'].some((name) =>
    existsSync(path.join(ROOT, 'node_modules', name, 'package.json')),
  );
}

function install() {
  console.log(
    'Installing what package-lock.json names (about a minute where SQLite is compiled) …',
  );
  // npm tells its scripts where it lies itself; started without npm, the shell has to find it.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const options = { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env: installEnv() };
  const done =
    npm === undefined
      ? spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
      : spawnSync(process.execPath, [npm, ...args], options);
  if (done.status !== 0) stop('npm ci failed; its own message stands above');
}

/** Node's own headers, where they lie beside it, spare a download when SQLite is compiled. */
function installEnv() {
  const prefix = path.dirname(path.dirname(process.execPath));
  const hasHeaders = existsSync(path.join(prefix, 'include', 'node', 'node.h'));
  return hasHeaders ? { [nodedirVariable()]: prefix, ...process.env } : process.env;
}

/** npm 11 warns about settings of node-gyp among its own; older ones know no other place. */
function nodedirVariable() {
  const npmMajor = /^npm\/(\d+)/.exec(process.env.npm_config_user_agent ?? '')?.[1];
  return Number(npmMajor) >= 11 ? 'npm_package_config_node_gyp_nodedir' : 'npm_config_nodedir';
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (isOld) stop(`Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.version}`);
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}

ensureInstalled();
