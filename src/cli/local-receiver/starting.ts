import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { quoted, UserError, type Millis } from '../../base/index.ts';
import { daemonSettings } from '../../daemon/index.ts';
import type { Home } from '../../home/index.ts';
import { findRunning, localAddress, placesOf, type LocalReceiver } from './running.ts';

const PATIENCE_MS: Millis = 10_000;
/** The child ended; another command may have been quicker with the same port. */
const LAST_CHANCE_MS: Millis = 1_500;
const POLL_MS: Millis = 50;

/**
 * Sees to it that the receiver of this home runs: a process of its own that outlives this command, on the loopback
 * address, always on the same port. It ends when its ready file is removed, and so with its home.
 * @throws UserError `address_unavailable` when none answers.
 */
export async function startLocal(
  home: Home,
): Promise<{ readonly receiver: LocalReceiver; readonly isNew: boolean }> {
  const running = await findRunning(home);
  if (running !== null) return { receiver: running, isNew: false };
  const { clock, files, program } = home.system;
  const { script } = program;
  if (script === null) throw unavailable('this process is no program that could be started again');
  files.makeDir(placesOf(home).dir);
  const port = await choosePort(home);
  const child = spawn(program.executable, [script, ...serveArguments(home, port)], {
    cwd: home.paths.root,
    env: { ...daemonSettings(home) },
    detached: true,
    stdio: 'ignore',
    windowsHide: true,
  });
  const life = watch(child);
  child.unref();
  const end = clock.monotonic() + PATIENCE_MS;
  let deadline = end;
  while (clock.monotonic() < deadline) {
    await clock.sleep(POLL_MS);
    const receiver = await findRunning(home);
    if (receiver !== null) return { receiver, isNew: receiver.pid === child.pid };
    if (life.isOver && deadline === end) {
      deadline = Math.min(end, clock.monotonic() + LAST_CHANCE_MS);
    }
  }
  const db = quoted(placesOf(home).db);
  throw unavailable(
    `no receiver came up at ${localAddress(home) ?? 'any port'}`,
    `spec-kitty receiver serve --port ${port} --db ${db}`,
  );
}

function watch(child: ChildProcess): { isOver: boolean } {
  const life = { isOver: false };
  const over = (): void => {
    life.isOver = true;
  };
  child.on('error', over);
  child.on('exit', over);
  return life;
}

function serveArguments(home: Home, port: string): readonly string[] {
  const { db, ready } = placesOf(home);
  return [
    'receiver',
    'serve',
    '--db',
    db,
    '--port',
    port,
    '--ready-file',
    ready,
    '--until-removed',
  ];
}

/** The port of this home, chosen the first time; of two commands at once the first one chooses. */
async function choosePort(home: Home): Promise<string> {
  const { files } = home.system;
  const { port } = placesOf(home);
  if (localAddress(home) === null) files.create(port, `${await freePort()}\n`);
  const chosen = localAddress(home);
  if (chosen === null) throw unavailable(`${port} holds no port`, `rm '${port}'`);
  return new URL(chosen).port;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

function unavailable(message: string, remedy: string | null = null): UserError {
  return new UserError('address_unavailable', message, { remedy });
}
