import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { buildSync } from 'esbuild';
import { onTestFinished } from 'vitest';
import { tempDir } from './temp-home.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Makes a program for a process of its own out of a few lines of TypeScript, which import from the project root
 * (`./src/base/index.ts`) and read their arguments from `process.argv` behind the first two.
 */
export function childScript(lines: string): string {
  const dir = tempDir();
  const outfile = path.join(dir, 'script.mjs');
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(dir, 'node_modules'));
  buildSync({
    stdin: { contents: lines, resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    loader: { '.sql': 'text' },
    logLevel: 'warning',
  });
  return outfile;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that was started; killed with the test when it is still there. */
export interface Started {
  readonly pid: number;
  /** Resolves with the first line it prints. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<Ended>;
  kill(): Promise<Ended>;
}

/** Starts a script with the Node of this test. */
export function startScript(script: string, args: readonly string[] = []): Started {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = endOf(child);
  const kill = (): Promise<Ended> => {
    child.kill('SIGKILL');
    return ended;
  };
  onTestFinished(async () => {
    await kill();
  });
  const firstLine = new Promise<string>((resolve) => {
    child.stdout?.once('data', (chunk: Buffer) => {
      resolve(chunk.toString().split('\n')[0] ?? '');
    });
  });
  return { pid: child.pid ?? 0, firstLine, ended, kill };
}

function endOf(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        code,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
  });
}

/** The system calls of a script, one a line as strace prints them, or null where there is no strace. */
export function traceScript(
  script: string,
  options: { readonly calls: string; readonly args?: readonly string[] },
): readonly string[] | null {
  if (!hasStrace()) return null;
  const { calls, args = [] } = options;
  const done = spawnSync(
    'strace',
    ['-f', '-y', '-qq', '-e', `trace=${calls}`, process.execPath, script, ...args],
    { encoding: 'utf8', maxBuffer: 64_000_000 },
  );
  if (done.status !== 0) throw new Error(`the traced script failed: ${done.stderr.slice(-2000)}`);
  return done.stderr.split('\n').filter((line) => line !== '');
}

/** Whether system calls can be watched here; says so aloud where they cannot. */
export function hasStrace(): boolean {
  const probe = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (probe.status === 0) return true;
  process.stderr.write('NOT CHECKED: strace does not work here, so no flush was counted\n');
  return false;
}
