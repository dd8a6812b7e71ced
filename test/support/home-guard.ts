import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

const MARK = 'SPEC_KITTY_TEST_RUN';
const GRACE_MS = 3_000;
const POLL_MS = 50;

/** Variables that could lead a test to a real home, a real server or a real account. */
const LEADING_HOME = ['SPEC_KITTY_', 'SAAS_', 'XDG_', 'LOCALAPPDATA', 'APPDATA', 'USERPROFILE'];

/**
 * Runs once around the whole suite. Every test inherits an empty temporary HOME and a mark; afterwards the HOME
 * must still be empty, the real one untouched, and no marked process may be alive.
 */
export function setup(): () => Promise<void> {
  const realHome = readRealHome();
  const home = mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-empty-home-'));
  for (const name of Object.keys(process.env)) {
    if (LEADING_HOME.some((prefix) => name.startsWith(prefix)))
      Reflect.deleteProperty(process.env, name);
  }
  process.env['HOME'] = home;
  process.env[MARK] = path.basename(home);
  return async () => {
    const complaints = [
      ...readdirSync(home).map(
        (name) => `a test wrote ${name} into its HOME instead of a temporary one`,
      ),
      ...(readRealHome() === realHome ? [] : ['a test wrote into the real home']),
      ...(await lingering(path.basename(home))),
    ];
    rmSync(home, { recursive: true, force: true });
    for (const complaint of complaints) process.stderr.write(`leak guard: ${complaint}\n`);
    // The runner reports an error thrown here and still exits 0.
    if (complaints.length > 0) process.exitCode = 1;
  };
}

/** What lies in the account's own home, whatever HOME says. */
function readRealHome(): string {
  const root = path.join(os.userInfo().homedir, '.spec-kitty');
  try {
    return readdirSync(root).join('\n');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'absent';
    throw error;
  }
}

/** Marked processes that are still there when the runner's own have had time to end; Linux only. */
async function lingering(mark: string): Promise<readonly string[]> {
  const deadline = performance.now() + GRACE_MS;
  for (;;) {
    const left = markedProcesses(mark);
    if (left.length === 0 || performance.now() > deadline) {
      return left.map((command) => `a test left a process running: ${command}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function markedProcesses(mark: string): readonly string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => readProc(pid, 'environ').includes(`${MARK}=${mark}`))
    .map((pid) => readProc(pid, 'cmdline').replaceAll('\0', ' ').trim());
}

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    if (error instanceof Error) return ''; // It ended meanwhile, or belongs to somebody else.
    throw error;
  }
}
